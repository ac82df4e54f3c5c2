"""infra/settings.toml holds every field, and a wrong value is reported by its field."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from infra.settings.reader import SettingsError, load, parse
from infra.settings.schema import Settings
from tests.infra import variations

FILE = Path(__file__).parents[2] / "infra" / "settings.toml"


def test_the_file_has_every_field_with_its_default() -> None:
    assert tomllib.loads(FILE.read_text()) == msgspec.json.decode(msgspec.json.encode(Settings()))


def test_the_file_has_a_comment_for_every_field() -> None:
    commented, silent = False, []
    for line in FILE.read_text().splitlines():
        if line.startswith("#"):
            commented = True
        elif line.startswith("[") or not line:
            commented = commented and not line.startswith("[")
        elif not commented:
            silent.append(line)
    assert silent == []


def test_the_shipped_file_is_valid() -> None:
    assert load(FILE) == Settings()


@pytest.mark.parametrize("name", variations.VARIATIONS)
def test_every_variation_is_valid(name: str) -> None:
    assert parse(variations.VARIATIONS[name])


def issuer(field: str) -> str:
    return "\n".join(line for line in variations.ISSUER.splitlines() if not line.startswith(f"{field} ="))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[storage]\nretention_days = 6", "storage.retention_days"),
        ('[storage]\nretention_days = "long"', "storage.retention_days"),
        ('[storage]\npublic_base_url = "http://cdn.example.com"', "storage.public_base_url"),
        ('[storage]\ncloudfront = true\npublic_base_url = "https://cdn.example.com"', "storage.public_base_url"),
        ('[storage]\nupload_origins = ["http://app.example.com"]', "storage.upload_origins"),
        ("[processing]\nmemory_mb = 512", "processing.memory_mb"),
        ("[processing]\nmemory_mb = 10241", "processing.memory_mb"),
        ("[processing]\ntimeout_seconds = 901", "processing.timeout_seconds"),
        ("[processing]\ndisk_mb = 20000", "processing.disk_mb"),
        ('[processing.environment]\nBUCKET = "mine"', "processing.environment.BUCKET"),
        ('[processing.environment]\nBUKET = "mine"', "processing.environment.BUKET"),
        ('[processing.environment]\nPOLICY = "cheap"', "processing.environment.POLICY"),
        ('[processing.environment]\nTHREADS = "65"', "processing.environment.THREADS"),
        ("[functions]\nlog_days = 8", "functions.log_days"),
        ("[functions]\nrecord_concurrency = 1", "functions.record_concurrency"),
        ("[functions]\nreconcile_after_hours = 12", "functions.reconcile_after_hours"),
        ("[batch]\nmax_vcpus = 8", "batch.max_vcpus"),
        ("[batch]\ndisk_gb = 201", "batch.disk_gb"),
        ('[image]\nuri = "docker.io/company/pictures:1"', "image.uri"),
        ('[image]\narchitecture = "riscv"', "image.architecture"),
        ('[kafka]\nkind = "msk"', "kafka.topics"),
        ('[kafka]\nkind = "msk"\ntopics = ["images"]', "kafka.cluster_arn"),
        ('[kafka]\nkind = "msk"\ntopics = ["a", "a"]', "kafka.topics"),
        ('[kafka]\nkind = "msk"\ntopics = ["not one"]', "kafka.topics"),
        ('[kafka]\nkind = "self-managed"\ntopics = ["images"]', "kafka.bootstrap_servers"),
        (variations.SELF_MANAGED + "batch_size = 0", "kafka.batch_size"),
        (variations.SELF_MANAGED.replace("security_group_ids", "#"), "kafka.security_group_ids"),
        (variations.SELF_MANAGED.replace("authentication", "#"), "kafka.authentication"),
        (variations.SELF_MANAGED_PLAIN.replace("subnet_ids", "#"), "kafka.subnet_ids"),
        (variations.MSK + 'secret_key_arn = "arn:aws:kms:::key/1"', "kafka.secret_key_arn"),
        (variations.MSK + "endpoints = true", "kafka.endpoints"),
        (variations.MSK + "min_pollers = 5", "kafka.min_pollers"),
        (variations.MSK.replace("{customer} key", "{customer} keys"), "kafka.customers"),
        (variations.MSK.replace("scans.acme", "s" * 200) + f'consumer_group = "{"g" * 60}"', "kafka.consumer_group"),
        ('[database]\nurl = "postgresql://u@h/d"', "database.url"),
        ('[database]\nkind = "existing"', "database.url"),
        (variations.EXISTING_BY_IAM.replace("security_group_id", "#"), "database.vpc_id"),
        (variations.EXISTING_BY_IAM.replace("user_arn", "#"), "database.user_arn"),
        (variations.EXISTING_BY_IAM.replace("port = 6432", ""), "database.port"),
        (variations.EXISTING_BY_IAM.replace("pictures@", "pictures:secret@"), "database.url"),
        (variations.EXISTING_BY_IAM.replace('"iam"', '"url"'), "database.url"),
        *((issuer(field), f"web.{field}") for field in ("issuer", "audience", "client_id", "token_url")),
        ('[web]\ncustomer_claim = "tenant"', "web.customer_claim"),
        (variations.ISSUER.replace("com/logout", "com;script-src *"), "web.logout_url"),
        ('name = "pictures\\n"', "name"),
        ('name = "aws-pictures"', "name"),
        ('name = "Pictures"', "name"),
        ('[alarms]\nemail = "nobody"', "alarms.email"),
        ("[storages]\nretention_days = 7", "storages"),
        ("[storage]\nretention = 7", "storage.retention"),
        ("[storage", "not TOML"),
    ],
)
def test_a_wrong_value_is_reported_by_its_field(text: str, field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text)
    assert str(caught.value).startswith(field)


def test_a_password_in_the_file_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(variations.EXISTING_BY_IAM.replace("pictures@", "pictures:secret@"))
    assert "secret@" not in str(caught.value)


def test_all_conflicts_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse('[functions]\nlog_days = 8\n[kafka]\nkind = "self-managed"')
    assert all(field in str(caught.value) for field in ("log_days", "topics", "bootstrap_servers", "subnet_ids"))


def test_all_faults_of_fields_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse('nonsense = 1\n[storage]\nretention_days = 3\nmore = 1\n[web]\nlogin = "x"\n[alarms]\nfailed_images = 0')
    faults = str(caught.value).split("; ")
    assert [fault.partition(":")[0] for fault in faults] == [
        *("nonsense", "storage.more", "storage.retention_days", "web.login", "alarms.failed_images"),
    ]


@pytest.mark.parametrize("table", ["storage = 3", "[[kafka]]"])
def test_a_value_in_place_of_a_table_is_reported(table: str) -> None:
    with pytest.raises(SettingsError, match=r"^(storage|kafka): must be a table"):
        parse(table)


def test_a_file_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b'name = "caf\xe9"')
    with pytest.raises(SettingsError, match=r"^the file is not UTF-8 text"):
        load(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^No such file"):
        load(tmp_path / "none.toml")

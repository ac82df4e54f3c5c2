"""Settings: all faults are reported together, and never the value of a variable, which may be a secret."""

import re
from pathlib import Path

import msgspec
import pytest

from core.domain.errors import Code, Misconfigured
from core.domain.model import Value
from core.settings import entries
from core.settings.parsing import requirement

GOOD = {
    "BUCKET": "pictures",
    "RECORDS_QUEUE_URL": "https://sqs.example/records",
    "PUBLIC_BASE_URL": "https://images.example",
    "DATABASE_URL": "postgresql://user:hunter2@db/pictures",
}


def test_an_unset_variable_has_its_default() -> None:
    values = entries.load(entries.ProcessSettings, GOOD)
    assert values.memory_mb == 2048
    assert values.references == ""


def test_memory_is_that_of_the_lambda_function_unless_it_is_set() -> None:
    environ = GOOD | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}
    assert entries.load(entries.ProcessSettings, environ).memory_mb == 1769
    assert entries.load(entries.ProcessSettings, environ | {"MEMORY_MB": "3000"}).memory_mb == 3000


def test_all_faults_are_reported_together() -> None:
    environ = {"RECORDS_QUEUE_URL": "nowhere", "PUBLIC_BASE_URL": "http://images.example", "MEMORY_MB": "much"}
    with pytest.raises(Misconfigured) as caught:
        entries.load(entries.ProcessSettings, environ)
    assert caught.value.code is Code.INVALID_SETTINGS
    for variable in ("BUCKET", "RECORDS_QUEUE_URL", "PUBLIC_BASE_URL", "MEMORY_MB"):
        assert variable in caught.value.message


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(Misconfigured) as caught:
        entries.load(entries.RecordSettings, {"BUCKET": "HUNTER2", "DATABASE_URL": "mysql://user:hunter2@db"})
    assert "hunter2" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("kind", "variable", "text", "requirement_text"),
    [
        (entries.ProcessSettings, "BUCKET", "A_b", "must be a bucket's name, not a URL or ARN"),
        (entries.ProcessSettings, "BUCKET", "pictures\n", "must be a bucket's name, not a URL or ARN"),
        (entries.ProcessSettings, "RECORDS_QUEUE_URL", "nowhere", "must begin with https:// or http://"),
        (entries.ProcessSettings, "METRICS_NAMESPACE", "a\n", "must be 1 to 255 letters, digits or . _ / # : -"),
        (entries.ProcessSettings, "REPORT_BATCH_ITEM_FAILURES", "yes", "must be true or false"),
        (entries.ProcessSettings, "POLICY", "fast", "must be latency or cost"),
        (entries.ProcessSettings, "MEMORY_MB", "many", "must be a whole number from 512 to 1048576"),
        (entries.ProcessSettings, "MEMORY_MB", "99999999", "must be a whole number from 512 to 1048576"),
        (entries.ProcessSettings, "MAX_MEGAPIXELS", "inf", "must be a number above 0, and 1000000 at most"),
        (entries.ProcessSettings, "MAX_MEGAPIXELS", "nan", "must be a number above 0, and 1000000 at most"),
        (entries.ProcessSettings, "LAMBDA_MAX_MEGAPIXELS", "nan", "must be a number from 0 to 1000000"),
        (entries.ProcessSettings, "TIMEOUT_SECONDS", "inf", "must be a number above 0, and 1209600 at most"),
        (entries.ProcessSettings, "WORK_DIR", "/nope", "must be an existing folder with permission to write"),
        (entries.ProcessSettings, "KAFKA_PIPELINE", "a/b", "must be a pipeline's name"),
        (entries.ReconcileSettings, "RECONCILE_AFTER_HOURS", "inf", "must be a number above 0, and 8760 at most"),
        (entries.DispatchSettings, "HOLD_HOURS", "inf", "must be a number from 0 to 8760"),
        (entries.DispatchSettings, "BATCH_DEFINITIONS", "-", "must be 1 to 100 letters, digits, - or _"),
        (entries.RecordSettings, "DATABASE_URL", "mysql://u@h/d", "must be a PostgreSQL URI, postgresql://…"),
        (entries.RecordSettings, "DATABASE_AUTH", "password", "must be url or iam"),
        (entries.WebSettings, "CUSTOMER_CLAIM", "x" * 129, "must be 128 characters at most"),
        (entries.WebSettings, "LOGIN_AUTHORIZE_URL", "nonsense", "must be a URL, https://…"),
        (entries.WebSettings, "LOGIN_TOKEN_URL", "https://a;script-src *", "must be a URL, https://…"),
        (entries.WebSettings, "LOGIN_TOKEN_URL", "https://a b/", "must be a URL, https://…"),
        (entries.WebSettings, "LOGIN_LOGOUT_URL", "https://a/out\n", "must be a URL, https://…"),
        (entries.WebSettings, "LOGIN_LOGOUT_URL", "javascript:alert(1)", "must be a URL, https://…"),
    ],
)
def test_the_error_of_a_wrong_value_describes_the_valid_ones(
    kind: type[Value], variable: str, text: str, requirement_text: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        entries.load(kind, {**GOOD, "BATCH_QUEUE": "jobs", variable: text})
    assert caught.value.message == f"{variable} is wrong: it {requirement_text}"


def test_every_setting_describes_its_valid_values_in_words() -> None:
    """msgspec's own messages name types and regular expressions."""
    for kind in {kind for kinds in READ_BY.values() for kind in kinds}:
        for field in msgspec.structs.fields(kind):
            assert requirement(field.type) or field.type is str, field.name


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com/oauth2/authorize?a=b&c=%20",
        "https://login.example.com:8443",
        "http://127.0.0.1:9000/token",
        "http://[::1]:9000/token",
    ],
)
def test_a_login_url_may_have_port_path_and_query(url: str) -> None:
    assert entries.load(entries.WebSettings, {**GOOD, "LOGIN_TOKEN_URL": url}).login_token_url == url


def test_the_work_folder_must_exist(tmp_path: Path) -> None:
    assert entries.load(entries.ProcessSettings, {**GOOD, "WORK_DIR": str(tmp_path)}).work_dir == str(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="WORK_DIR is wrong"):
        entries.load(entries.ProcessSettings, {**GOOD, "WORK_DIR": str(tmp_path / "file")})


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "https://images.example"])
def test_only_localhost_may_be_without_https(url: str) -> None:
    assert entries.load(entries.ProcessSettings, GOOD | {"PUBLIC_BASE_URL": url}).public_base_url == url


@pytest.mark.parametrize(
    "prefix", ["s3://shared/", "s3://shared/{customer}", "https://shared/{customer}/", "/{customer}/"]
)
def test_a_reference_prefix_without_a_folder_of_the_customer_is_refused(prefix: str) -> None:
    with pytest.raises(Misconfigured, match="REFERENCES"):
        entries.load(entries.ProcessSettings, GOOD | {"REFERENCES": prefix})


DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
SECTIONS = {
    title.strip(): text
    for title, _, text in (part.partition("\n") for part in re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:])
}
#: Each entry point's table in the document, and the classes that core.bootstrap loads for it.
READ_BY: dict[str, tuple[type[Value], ...]] = {
    "`handler.process` and `batch`": (entries.ProcessSettings,),
    "`handler.record`": (entries.RecordSettings,),
    "`handler.web`": (entries.WebSettings,),
    "`handler.dispatch`": (entries.DispatchSettings,),
    "`handler.admin`": (entries.RecordSettings, entries.ReconcileSettings, entries.MigrateSettings),
}


def test_every_entry_point_has_a_table() -> None:
    assert set(SECTIONS) == set(READ_BY)


@pytest.mark.parametrize("entry", READ_BY)
def test_a_table_has_exactly_the_settings_of_its_entry_point(entry: str) -> None:
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", SECTIONS[entry], re.MULTILINE)
    documented = sorted(name for row in rows for name in re.findall("[A-Z_]+", row))
    assert documented == sorted(
        {field.name.upper() for kind in READ_BY[entry] for field in msgspec.structs.fields(kind)}
    )


@pytest.mark.parametrize("entry", READ_BY)
def test_the_defaults_in_a_table_are_right(entry: str) -> None:
    """Numbers and words only: a default described in a sentence, such as "the shipped one", is an empty text."""
    defaults = {field.name.upper(): field.default for kind in READ_BY[entry] for field in msgspec.structs.fields(kind)}
    documented = re.findall(
        r"^\| `([A-Z_]+)` \| `?([\w.:/,-]+)`?(?:, or what Lambda says)? \|", SECTIONS[entry], re.MULTILINE
    )
    assert documented
    for name, text in documented:
        if text in ("required", "none"):
            assert (defaults[name] is msgspec.NODEFAULT) == (text == "required"), name
        elif isinstance(defaults[name], bool | str):
            assert text == str(defaults[name]).lower() or text == defaults[name], name
        else:
            assert float(text.replace(",", "")) == defaults[name], name

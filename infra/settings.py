"""`settings.toml` as one value, validated before anything is synthesized; a fault is told by the field's name.

`infra/settings.toml` holds every field with its default and what it means.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from core.domain.kafka_customer_rules import TOPIC
from core.settings.parsing import requirement
from infra.faults import faults

#: What everything that is paid for is tagged with, by the deployment's name: the budget counts by it.
TAG = "application"
#: A Batch job for which there is no capacity waits so long: what the reconciler takes up must have waited for longer.
WAIT_HOURS = 12


Arn = Annotated[str, Meta(pattern=r"^(arn:[a-z-]+:.+)?\Z", extra={"must": "be an ARN, arn:…"})]
#: Some become a part of headers: nothing else may stand in the host.
HttpsUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https://[A-Za-z0-9._*-]+(:\d{1,5})?([/?#]\S*)?)?\Z",
        extra={"must": "be a URL that begins with https://"},
    ),
]


class SettingsError(Exception):
    """What is wrong in the file, with the names of the fields."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file. A name that is not a field of it is a fault."""


class Image(Table, frozen=True, kw_only=True):
    """Where the one container image comes from."""

    uri: str = ""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    directory: str = "."
    target: str = "runtime"
    base_image: str = ""
    heic: bool = False


class Storage(Table, frozen=True, kw_only=True):
    """The bucket."""

    retention_days: Annotated[int, Meta(ge=7, le=3650)] = 30
    upload_origins: tuple[HttpsUrl, ...] = ()
    cloudfront: bool = False
    public_base_url: HttpsUrl = ""


class Processing(Table, frozen=True, kw_only=True):
    """The function that touches images, and what it shares with Batch."""

    memory_mb: Annotated[int, Meta(ge=1024, le=10_240)] = 3008
    timeout_seconds: Annotated[int, Meta(ge=60, le=900)] = 900
    disk_mb: Annotated[int, Meta(ge=512, le=10_240)] = 2048
    reserved_concurrency: Annotated[int, Meta(ge=0, le=10_000)] = 0
    environment: dict[Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*\Z")], str] = {}


class Functions(Table, frozen=True, kw_only=True):
    """What concerns the other functions."""

    log_days: int = 30
    record_concurrency: Annotated[int, Meta(ge=2, le=100)] = 4
    reconcile_after_hours: Annotated[float, Meta(gt=WAIT_HOURS, le=312)] = 24.0
    hold_hours: Annotated[float, Meta(ge=0, le=120)] = 24.0


class Batch(Table, frozen=True, kw_only=True):
    """Where images go that do not fit into the function."""

    max_vcpus: Annotated[int, Meta(ge=16, le=10_000)] = 64
    spot: bool = True
    disk_gb: Annotated[int, Meta(ge=21, le=200)] = 100


class Kafka(Table, frozen=True, kw_only=True):
    """The stream, and how it is read."""

    kind: Literal["none", "msk", "msk-serverless", "self-managed"] = "none"
    topics: tuple[Annotated[str, Meta(pattern=rf"^{TOPIC}\Z")], ...] = ()
    cluster_arn: Arn = ""
    bootstrap_servers: tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}\Z")], ...] = ()
    secret_arn: Arn = ""
    secret_key_arn: Arn = ""
    authentication: Literal[
        "", "BASIC_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"
    ] = ""
    root_ca_secret_arn: Arn = ""
    vpc_id: Annotated[str, Meta(pattern=r"^(vpc-[0-9a-f]+)?\Z")] = ""
    subnet_ids: tuple[Annotated[str, Meta(pattern=r"^subnet-[0-9a-f]+\Z")], ...] = ()
    security_group_ids: tuple[Annotated[str, Meta(pattern=r"^sg-[0-9a-f]+\Z")], ...] = ()
    endpoints: bool = False
    consumer_group: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/*:+=@-]{1,100}\Z")] = "picture-perfect"
    mode: Literal["on-demand", "provisioned"] = "on-demand"
    min_pollers: Annotated[int, Meta(ge=1, le=200)] = 1
    max_pollers: Annotated[int, Meta(ge=1, le=2000)] = 4
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 100
    window_seconds: Annotated[int, Meta(ge=0, le=300)] = 1
    retries: Annotated[int, Meta(ge=0, le=10_000)] = 3
    start: Literal["TRIM_HORIZON", "LATEST"] = "TRIM_HORIZON"
    customers: str = ""
    pipeline: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_-]*)?\Z")] = ""


class Database(Table, frozen=True, kw_only=True):
    """Where the history is kept."""

    kind: Literal["aurora", "existing"] = "aurora"
    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}\Z")] = "pictures"
    port: Annotated[int, Meta(ge=1150, le=65_535)] = 5432
    max_acu: Annotated[float, Meta(ge=1, le=256)] = 4.0
    pause_after_minutes: Annotated[int, Meta(ge=5, le=1440)] = 5
    backup_days: Annotated[int, Meta(ge=1, le=35)] = 7
    deletion_protection: bool = True
    url: Annotated[str, Meta(pattern=r"^(postgres(ql)?://.+)?\Z")] = ""
    url_secret_arn: Arn = ""
    authentication: Literal["url", "iam"] = "url"
    user_arn: Arn = ""
    vpc_id: Annotated[str, Meta(pattern=r"^(vpc-[0-9a-f]+)?\Z")] = ""
    subnet_ids: tuple[Annotated[str, Meta(pattern=r"^subnet-[0-9a-f]+\Z")], ...] = ()
    route_table_ids: tuple[Annotated[str, Meta(pattern=r"^rtb-[0-9a-f]+\Z")], ...] = ()
    security_group_id: Annotated[str, Meta(pattern=r"^(sg-[0-9a-f]+)?\Z")] = ""


class Web(Table, frozen=True, kw_only=True):
    """The page through which images are collected."""

    login: Literal["cognito", "issuer", "none"] = "cognito"
    issuer: HttpsUrl = ""
    audience: tuple[str, ...] = ()
    client_id: str = ""
    authorize_url: HttpsUrl = ""
    token_url: HttpsUrl = ""
    logout_url: HttpsUrl = ""
    customer_claim: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_:./-]{1,100}\Z")] = "custom:customer"
    requests_per_second: Annotated[int, Meta(ge=1, le=10_000)] = 50
    burst: Annotated[int, Meta(ge=1, le=5000)] = 100


class Alarms(Table, frozen=True, kw_only=True):
    """Who hears of what is wrong."""

    email: Annotated[str, Meta(pattern=r"^([^@\s]+@[^@\s]+)?\Z")] = ""
    monthly_budget_usd: Annotated[float, Meta(ge=0)] = 50.0
    oldest_message_minutes: Annotated[int, Meta(ge=5)] = 60
    failed_images: Annotated[int, Meta(ge=1)] = 20
    function_errors: Annotated[int, Meta(ge=1)] = 5
    batch_failures: Annotated[int, Meta(ge=1)] = 5
    reconciled_images: Annotated[int, Meta(ge=1)] = 1
    refused_records: Annotated[int, Meta(ge=1)] = 1
    kafka_lag_records: Annotated[int, Meta(ge=1)] = 10_000


class Settings(Table, frozen=True, kw_only=True):
    """The whole file."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,18}[a-z0-9]\Z")] = "picture-perfect"
    image: Image = Image()
    storage: Storage = Storage()
    processing: Processing = Processing()
    functions: Functions = Functions()
    batch: Batch = Batch()
    kafka: Kafka = Kafka()
    database: Database = Database()
    web: Web = Web()
    alarms: Alarms = Alarms()


def load(path: Path) -> Settings:
    """Read and judge the file. Raises SettingsError that names the fields at fault."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise SettingsError("it is not UTF-8 text") from error
    return read(text)


def read(text: str) -> Settings:
    """Judge the text of such a file. Raises SettingsError that names the fields at fault."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not TOML: {error}") from error
    wrong = [*_of_fields(Settings, said)]
    if not wrong:
        settings = msgspec.convert(said, Settings)
        wrong = [*faults(settings)]
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings


def _of_fields(kind: type[Table], said: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """What is wrong with each field by itself, its name first, as one looks for it."""
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    yield from (f"{prefix}{name}: there is no such field" for name in said if name not in known)
    for name in (name for name in known if name in said):
        if isinstance(known[name], type) and issubclass(known[name], Table):
            if isinstance(said[name], dict):
                yield from _of_fields(known[name], said[name], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}: must be a table, [{name}]"
            continue
        try:
            msgspec.convert(said[name], known[name])
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            needed = requirement(known[name])
            yield f"{prefix}{name}{where.rstrip('`')}: {f'must {needed}' if needed else what}"

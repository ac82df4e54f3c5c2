"""`settings.toml` as one value, validated before anything is synthesized; a fault is told by the field's name.

`infra/settings.toml` holds every field with its default and what it means.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from core.customers import TOPIC
from infra.faults import faults

#: What everything that is paid for is tagged with, by the deployment's name: the budget counts by it.
TAG = "application"
#: A Batch job for which there is no capacity waits so long: what the reconciler takes up must have waited for longer.
WAIT_HOURS = 12
_UNKNOWN = re.compile("unknown field `(.+)`")


Arn = Annotated[str, Meta(pattern="^(arn:[a-z-]+:.+)?$")]
HttpsUrl = Annotated[str, Meta(pattern="^(https://.+)?$")]


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
    environment: dict[Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]*$")], str] = {}


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
    topics: tuple[Annotated[str, Meta(pattern=f"^{TOPIC}$")], ...] = ()
    cluster_arn: Arn = ""
    bootstrap_servers: tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}$")], ...] = ()
    secret_arn: Arn = ""
    secret_key_arn: Arn = ""
    authentication: Literal[
        "", "BASIC_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"
    ] = ""
    root_ca_secret_arn: Arn = ""
    vpc_id: Annotated[str, Meta(pattern="^(vpc-[0-9a-f]+)?$")] = ""
    subnet_ids: tuple[Annotated[str, Meta(pattern="^subnet-[0-9a-f]+$")], ...] = ()
    security_group_ids: tuple[Annotated[str, Meta(pattern="^sg-[0-9a-f]+$")], ...] = ()
    endpoints: bool = False
    consumer_group: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/*:+=@-]{1,100}$")] = "picture-perfect"
    mode: Literal["on-demand", "provisioned"] = "on-demand"
    min_pollers: Annotated[int, Meta(ge=1, le=200)] = 1
    max_pollers: Annotated[int, Meta(ge=1, le=2000)] = 4
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 100
    window_seconds: Annotated[int, Meta(ge=0, le=300)] = 1
    retries: Annotated[int, Meta(ge=0, le=10_000)] = 3
    start: Literal["TRIM_HORIZON", "LATEST"] = "TRIM_HORIZON"
    customers: str = ""
    pipeline: Annotated[str, Meta(pattern="^([a-z][a-z0-9_-]*)?$")] = ""


class Database(Table, frozen=True, kw_only=True):
    """Where the history is kept."""

    kind: Literal["aurora", "existing"] = "aurora"
    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,62}$")] = "pictures"
    port: Annotated[int, Meta(ge=1150, le=65_535)] = 5432
    max_acu: Annotated[float, Meta(ge=1, le=256)] = 4.0
    pause_after_minutes: Annotated[int, Meta(ge=5, le=1440)] = 5
    backup_days: Annotated[int, Meta(ge=1, le=35)] = 7
    deletion_protection: bool = True
    url: Annotated[str, Meta(pattern="^(postgres(ql)?://.+)?$")] = ""
    url_secret_arn: Arn = ""
    authentication: Literal["url", "iam"] = "url"
    user_arn: Arn = ""
    vpc_id: Annotated[str, Meta(pattern="^(vpc-[0-9a-f]+)?$")] = ""
    subnet_ids: tuple[Annotated[str, Meta(pattern="^subnet-[0-9a-f]+$")], ...] = ()
    route_table_ids: tuple[Annotated[str, Meta(pattern="^rtb-[0-9a-f]+$")], ...] = ()
    security_group_id: Annotated[str, Meta(pattern="^(sg-[0-9a-f]+)?$")] = ""


class Web(Table, frozen=True, kw_only=True):
    """The page through which images are collected."""

    login: Literal["cognito", "issuer", "none"] = "cognito"
    issuer: HttpsUrl = ""
    audience: tuple[str, ...] = ()
    client_id: str = ""
    authorize_url: HttpsUrl = ""
    token_url: HttpsUrl = ""
    logout_url: HttpsUrl = ""
    customer_claim: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_:./-]{1,100}$")] = "custom:customer"
    requests_per_second: Annotated[int, Meta(ge=1, le=10_000)] = 50
    burst: Annotated[int, Meta(ge=1, le=5000)] = 100


class Alarms(Table, frozen=True, kw_only=True):
    """Who hears of what is wrong."""

    email: Annotated[str, Meta(pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
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

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,18}[a-z0-9]$")] = "picture-perfect"
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
        raise SettingsError(f"{path}: {error.strerror}") from error
    return read(text)


def read(text: str) -> Settings:
    """Judge the text of such a file. Raises SettingsError that names the fields at fault."""
    try:
        settings = msgspec.convert(tomllib.loads(text), Settings)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(_named(str(error))) from error
    wrong = [*faults(settings)]
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings


def _named(message: str) -> str:
    """`Expected … - at `$.storage.retention_days`` with the field first, as one looks for it."""
    what, _, where = message.partition(" - at `$.")
    where = where.rstrip("`")
    if unknown := _UNKNOWN.search(what):
        return f"{where}{'.' if where else ''}{unknown[1]}: there is no such field"
    return f"{where}: {what}" if where else what

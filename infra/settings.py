"""`settings.toml` as one value, validated before anything is synthesized; a fault is told by the field's name.

`infra/settings.toml` holds every field with its default and what it means.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta

from core.customers import TOPIC, read_rules
from core.settings import ProcessingSettings

_IMAGE_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9._/-]+)"
    r"(?::(?P<tag>[A-Za-z0-9._-]{1,128})|@(?P<digest>sha256:[0-9a-f]{64}))"
)
#: What everything that is paid for is tagged with, by the deployment's name: the budget counts by it.
TAG = "application"
#: A Batch job for which there is no capacity waits so long: what the reconciler takes up must have waited for longer.
WAIT_HOURS = 12
#: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
_NOT_IN_DOMAINS = ("aws", "amazon", "cognito")
_CLAIM = len("custom:") + 20
#: How a URL of PostgreSQL asks for TLS. https://www.postgresql.org/docs/current/libpq-ssl.html
_TLS = {"require", "verify-ca", "verify-full"}
_GROUP = 200
_UNKNOWN = re.compile("unknown field `(.+)`")
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)

#: Settings of the functions that the stack itself knows.
GIVEN = {
    "BUCKET",
    "KAFKA_CUSTOMERS",
    "KAFKA_PIPELINE",
    "MEMORY_MB",
    "OVERFLOW_QUEUE_URL",
    "PUBLIC_BASE_URL",
    "RECORDS_QUEUE_URL",
    "REPORT_BATCH_ITEM_FAILURES",
    "WORK_DIR",
}

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


class EcrImage(msgspec.Struct, frozen=True):
    """An image in ECR, taken apart."""

    account: str
    region: str
    repository: str
    version: str


def ecr_image(uri: str) -> EcrImage:
    """`123456789012.dkr.ecr.eu-west-1.amazonaws.com/pictures:1.4`, or `…@sha256:…`. Raises SettingsError."""
    found = _IMAGE_URI.fullmatch(uri)
    if not found:
        message = "image.uri: must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>, or @sha256:<digest>"
        raise SettingsError(message)
    return EcrImage(found["account"], found["region"], found["repository"], found["tag"] or found["digest"])


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
    faults = [*_faults(settings)]
    if faults:
        raise SettingsError("; ".join(faults))
    return settings


def _named(message: str) -> str:
    """`Expected … - at `$.storage.retention_days`` with the field first, as one looks for it."""
    what, _, where = message.partition(" - at `$.")
    where = where.rstrip("`")
    if unknown := _UNKNOWN.search(what):
        return f"{where}{'.' if where else ''}{unknown[1]}: there is no such field"
    return f"{where}: {what}" if where else what


def _faults(settings: Settings) -> Iterator[str]:
    """What no single field can tell."""
    if settings.image.uri:
        try:
            ecr_image(settings.image.uri)
        except SettingsError as error:
            yield str(error)
    if settings.functions.log_days not in _LOG_DAYS:
        yield f"functions.log_days: must be one of {', '.join(map(str, _LOG_DAYS))}"
    if settings.storage.cloudfront and settings.storage.public_base_url:
        yield "storage.public_base_url: CloudFront's own address is used where storage.cloudfront is true"
    yield from _environment_faults(settings.processing.environment)
    yield from _kafka_faults(settings.kafka)
    yield from _database_faults(settings.database)
    if settings.web.login == "cognito":
        yield from _cognito_faults(settings)
    if settings.web.login == "issuer":
        for field in ("issuer", "audience", "client_id", "authorize_url", "token_url"):
            if not getattr(settings.web, field):
                yield f"web.{field}: needed for an issuer of your own"


def _cognito_faults(settings: Settings) -> Iterator[str]:
    reserved = next((word for word in _NOT_IN_DOMAINS if word in settings.name), "")
    if reserved:
        yield f"name: Cognito lets no address begin with a name that has {reserved!r} in it"
    if not settings.web.customer_claim.startswith("custom:") or len(settings.web.customer_claim) > _CLAIM:
        yield "web.customer_claim: Cognito's own attributes are custom:<name>, the name of 1 to 20 characters"


def _environment_faults(environment: dict[str, str]) -> Iterator[str]:
    known = {field.name.upper(): field.type for field in msgspec.structs.fields(ProcessingSettings)}
    for name, text in environment.items():
        where = f"processing.environment.{name}"
        if name in GIVEN:
            yield f"{where}: is given by the stack"
        elif name not in known:
            yield f"{where}: is no setting of the functions; docs/settings.md lists them"
        else:
            try:
                msgspec.convert(text, known[name], strict=False)
            except msgspec.ValidationError as error:
                yield f"{where}: {error}"


def _kafka_faults(kafka: Kafka) -> Iterator[str]:
    if kafka.kind == "none":
        return
    if not kafka.topics or len(set(kafka.topics)) < len(kafka.topics):
        yield f"kafka.topics: needed for {kafka.kind}, each once"
    if any(len(kafka.consumer_group) + 1 + len(topic) > _GROUP for topic in kafka.topics):
        yield f"kafka.consumer_group: with a dash and the topic it is longer than {_GROUP} characters"
    if kafka.secret_key_arn and not kafka.secret_arn:
        yield "kafka.secret_key_arn: opens kafka.secret_arn, which is missing"
    if kafka.kind in {"msk", "msk-serverless"} and ":kafka:" not in kafka.cluster_arn:
        yield f"kafka.cluster_arn: needed for {kafka.kind}, arn:…:kafka:…"
    if kafka.kind == "self-managed":
        yield from _brokers_faults(kafka)
    if kafka.endpoints and not (kafka.vpc_id and kafka.subnet_ids and kafka.security_group_ids):
        yield "kafka.endpoints: needs kafka.vpc_id, kafka.subnet_ids and kafka.security_group_ids"
    if kafka.min_pollers > kafka.max_pollers:
        yield "kafka.min_pollers: is more than kafka.max_pollers"
    try:
        read_rules(kafka.customers)
    except ValueError as error:
        yield f"kafka.customers: {error}"


def _brokers_faults(kafka: Kafka) -> Iterator[str]:
    if not kafka.bootstrap_servers:
        yield "kafka.bootstrap_servers: needed for self-managed"
    if bool(kafka.secret_arn) != bool(kafka.authentication):
        yield "kafka.authentication: says what kafka.secret_arn holds; both, or none"
    if not (kafka.secret_arn or kafka.subnet_ids):
        yield "kafka.subnet_ids: brokers without a secret must be reached by a VPC"
    if bool(kafka.subnet_ids) != bool(kafka.security_group_ids):
        yield "kafka.security_group_ids: go together with kafka.subnet_ids"


def _database_faults(database: Database) -> Iterator[str]:
    if database.kind == "aurora":
        if database.url or database.url_secret_arn:
            yield "database.url: belongs to an existing database"
        return
    if bool(database.url) == bool(database.url_secret_arn):
        yield "database.url: an existing database needs it, or database.url_secret_arn; not both"
    if not (database.vpc_id and database.subnet_ids and database.security_group_id):
        yield "database.vpc_id: an existing database needs it, database.subnet_ids and database.security_group_id"
    yield from _url_faults(database)
    if database.authentication == "iam" and not database.user_arn:
        yield "database.user_arn: needed for iam, arn:…:rds-db:…:dbuser:…/…"


def _url_faults(database: Database) -> Iterator[str]:
    """Of a URL that stands in the file; what is in a secret, nobody reads here."""
    if not database.url:
        return
    try:
        url = urlsplit(database.url)
        port, modes = url.port, parse_qs(url.query).get("sslmode", [])
    except ValueError as error:
        yield f"database.url: {error}"
        return
    if url.password:
        yield "database.url: a password belongs into a secret, database.url_secret_arn"
    if (port or 5432) != database.port:
        yield "database.port: is not the port of database.url"
    if database.authentication == "url" and not _TLS.intersection(modes):
        yield "database.url: must ask for TLS, ?sslmode=verify-full"

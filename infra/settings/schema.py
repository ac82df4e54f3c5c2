"""The fields of `infra/settings.toml` with their types, bounds and defaults; the file itself explains each."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from core.domain.kafka_customer_rules import TOPIC
from infra.alerts.definitions import DEFAULTS

#: Key of the tag that every billed resource carries; its value is `name`. The budget filters by it.
TAG = "application"
#: Hours that a Batch job waits for capacity before it is cancelled. The reconciler must wait longer than a job may.
WAIT_HOURS = 12

Arn = Annotated[str, Meta(pattern=r"^(arn:[a-z-]+:.+)?\Z", extra={"must": "be an ARN, arn:…"})]
#: Some are copied into a Content-Security-Policy header, so the host may hold no separator.
HttpsUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https://[A-Za-z0-9._*-]+(:\d{1,5})?([/?#]\S*)?)?\Z",
        extra={"must": "be a URL that begins with https://"},
    ),
]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file. A name that is not one of its fields is a fault."""


class Image(Table, frozen=True, kw_only=True):
    """`[image]`: the container image, built here or taken from Amazon ECR."""

    uri: str = ""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    directory: str = "."
    target: str = "runtime"
    base_image: str = ""
    heic: bool = False


class Storage(Table, frozen=True, kw_only=True):
    """`[storage]`: the bucket, its retention and its public address."""

    retention_days: Annotated[int, Meta(ge=7, le=3650)] = 30
    upload_origins: tuple[HttpsUrl, ...] = ()
    cloudfront: bool = False
    public_base_url: HttpsUrl = ""


class Processing(Table, frozen=True, kw_only=True):
    """`[processing]`: the function `process`, and the environment that it shares with the Batch jobs."""

    memory_mb: Annotated[int, Meta(ge=1024, le=10_240)] = 3008
    timeout_seconds: Annotated[int, Meta(ge=60, le=900)] = 900
    disk_mb: Annotated[int, Meta(ge=512, le=10_240)] = 2048
    reserved_concurrency: Annotated[int, Meta(ge=0, le=10_000)] = 0
    environment: dict[Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*\Z")], str] = {}


class Functions(Table, frozen=True, kw_only=True):
    """`[functions]`: the functions `dispatch`, `record`, `admin` and `web`, and every log."""

    log_days: int = 30
    record_concurrency: Annotated[int, Meta(ge=2, le=100)] = 4
    reconcile_after_hours: Annotated[float, Meta(gt=WAIT_HOURS, le=312)] = 24.0
    hold_hours: Annotated[float, Meta(ge=0, le=120)] = 24.0


class Batch(Table, frozen=True, kw_only=True):
    """`[batch]`: Fargate for images that do not fit into the function."""

    max_vcpus: Annotated[int, Meta(ge=16, le=10_000)] = 64
    spot: bool = True
    disk_gb: Annotated[int, Meta(ge=21, le=200)] = 100


class Kafka(Table, frozen=True, kw_only=True):
    """`[kafka]`: the cluster, its topics, and the event source mappings that read them."""

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
    """`[database]`: Aurora Serverless, or an existing PostgreSQL."""

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
    """`[web]`: the page, its HTTP API and its login."""

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
    """`[alarms]`: their recipient, the budget, and thresholds that replace those of `infra.alerts.definitions`."""

    email: Annotated[str, Meta(pattern=r"^([^@\s]+@[^@\s]+)?\Z")] = ""
    monthly_budget_usd: Annotated[float, Meta(ge=0)] = 50.0
    oldest_message_minutes: Annotated[int, Meta(ge=5)] = DEFAULTS["oldest_message_minutes"]
    failed_images: Annotated[int, Meta(ge=1)] = DEFAULTS["failed_images"]
    function_errors: Annotated[int, Meta(ge=1)] = DEFAULTS["function_errors"]
    batch_failures: Annotated[int, Meta(ge=1)] = DEFAULTS["batch_failures"]
    reconciled_images: Annotated[int, Meta(ge=1)] = DEFAULTS["reconciled_images"]
    refused_records: Annotated[int, Meta(ge=1)] = DEFAULTS["refused_records"]
    kafka_lag_records: Annotated[int, Meta(ge=1)] = DEFAULTS["kafka_lag_records"]


class Settings(Table, frozen=True, kw_only=True):
    """The whole file, `infra/settings.toml`."""

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

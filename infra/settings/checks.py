"""Conflicts between fields of `settings.toml` that are valid one by one. Each message begins with a field's name."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import msgspec

from core.domain.kafka_customer_rules import read_rules
from core.settings.entries import ProcessSettings
from core.settings.parsing import parse
from infra.settings.image_uri import parse_ecr_uri
from infra.settings.schema import Database, Kafka, Settings

#: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
_RESERVED_IN_DOMAINS = ("aws", "amazon", "cognito")
#: Characters of a custom attribute's name, prefix included.
#: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SchemaAttributeType.html
_MAX_CLAIM = len("custom:") + 20
#: Values of `sslmode` that refuse a connection without TLS. https://www.postgresql.org/docs/current/libpq-ssl.html
_TLS_MODES = {"require", "verify-ca", "verify-full"}
#: Characters. https://docs.aws.amazon.com/lambda/latest/api/API_AmazonManagedKafkaEventSourceConfig.html
_MAX_CONSUMER_GROUP = 200
#: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)

#: Environment variables of the functions that the stack sets itself.
SET_BY_STACK = {
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


def find_conflicts(settings: Settings) -> Iterator[str]:
    """Yield one message for each conflict."""
    if settings.image.uri:
        try:
            parse_ecr_uri(settings.image.uri)
        except ValueError as error:
            yield f"image.uri: {error}"
    if settings.functions.log_days not in _LOG_DAYS:
        yield f"functions.log_days: must be one of {', '.join(map(str, _LOG_DAYS))}"
    if settings.storage.cloudfront and settings.storage.public_base_url:
        yield "storage.public_base_url: must be empty if storage.cloudfront is true, which sets CloudFront's address"
    yield from _environment_faults(settings.processing.environment)
    yield from _kafka_conflicts(settings.kafka)
    yield from _database_conflicts(settings.database)
    if settings.web.login == "cognito":
        yield from _cognito_conflicts(settings)
    if settings.web.login == "issuer":
        for field in ("issuer", "audience", "client_id", "authorize_url", "token_url"):
            if not getattr(settings.web, field):
                yield f"web.{field}: needed if web.login is 'issuer'"


def _cognito_conflicts(settings: Settings) -> Iterator[str]:
    reserved = next((word for word in _RESERVED_IN_DOMAINS if word in settings.name), "")
    if reserved:
        yield f"name: Cognito refuses a domain with {reserved!r} in it, and the login's domain begins with this name"
    if not settings.web.customer_claim.startswith("custom:") or len(settings.web.customer_claim) > _MAX_CLAIM:
        yield "web.customer_claim: must be custom:<name> for Cognito, the name of 1 to 20 characters"


def _environment_faults(environment: dict[str, str]) -> Iterator[str]:
    known = {field.name.upper(): field.type for field in msgspec.structs.fields(ProcessSettings)}
    for name, text in environment.items():
        field = f"processing.environment.{name}"
        if name in SET_BY_STACK:
            yield f"{field}: is set by the stack"
        elif name not in known:
            yield f"{field}: is not a setting of the functions; docs/reference/settings.md lists them"
        else:
            try:
                parse(text, known[name])
            except ValueError as error:
                yield f"{field}: {error}"


def _kafka_conflicts(kafka: Kafka) -> Iterator[str]:
    if kafka.kind == "none":
        return
    if not kafka.topics or len(set(kafka.topics)) < len(kafka.topics):
        yield f"kafka.topics: needed for {kafka.kind}, each once"
    if any(len(kafka.consumer_group) + 1 + len(topic) > _MAX_CONSUMER_GROUP for topic in kafka.topics):
        yield f"kafka.consumer_group: with a dash and the topic it is longer than {_MAX_CONSUMER_GROUP} characters"
    if kafka.secret_key_arn and not kafka.secret_arn:
        yield "kafka.secret_key_arn: is the key of kafka.secret_arn, which is missing"
    if kafka.kind in {"msk", "msk-serverless"} and ":kafka:" not in kafka.cluster_arn:
        yield f"kafka.cluster_arn: needed for {kafka.kind}, arn:…:kafka:…"
    if kafka.kind == "self-managed":
        yield from _broker_conflicts(kafka)
    if kafka.endpoints and not (kafka.vpc_id and kafka.subnet_ids and kafka.security_group_ids):
        yield "kafka.endpoints: needs kafka.vpc_id, kafka.subnet_ids and kafka.security_group_ids"
    if kafka.min_pollers > kafka.max_pollers:
        yield "kafka.min_pollers: is more than kafka.max_pollers"
    try:
        read_rules(kafka.customers)
    except ValueError as error:
        yield f"kafka.customers: {error}"


def _broker_conflicts(kafka: Kafka) -> Iterator[str]:
    if not kafka.bootstrap_servers:
        yield "kafka.bootstrap_servers: needed for self-managed"
    if bool(kafka.secret_arn) != bool(kafka.authentication):
        yield "kafka.authentication: names the kind of kafka.secret_arn; give both or neither"
    if not (kafka.secret_arn or kafka.subnet_ids):
        yield "kafka.subnet_ids: needed for brokers without kafka.secret_arn, which Lambda reads only inside a VPC"
    if bool(kafka.subnet_ids) != bool(kafka.security_group_ids):
        yield "kafka.security_group_ids: give them and kafka.subnet_ids, or neither"


def _database_conflicts(database: Database) -> Iterator[str]:
    if database.kind == "aurora":
        if database.url or database.url_secret_arn:
            yield "database.url: is for database.kind = 'existing'"
        return
    if bool(database.url) == bool(database.url_secret_arn):
        yield "database.url: give either this or database.url_secret_arn for an existing database"
    if not (database.vpc_id and database.subnet_ids and database.security_group_id):
        yield "database.vpc_id: an existing database needs it, database.subnet_ids and database.security_group_id"
    yield from _database_url_faults(database)
    if database.authentication == "iam" and not database.user_arn:
        yield "database.user_arn: needed for iam, arn:…:rds-db:…:dbuser:…/…"


def _database_url_faults(database: Database) -> Iterator[str]:
    """Faults of `database.url`. A URL in a secret is read by CloudFormation only, so it is not checked here."""
    if not database.url:
        return
    try:
        url = urlsplit(database.url)
        port, modes = url.port, parse_qs(url.query).get("sslmode", [])
    except ValueError as error:
        yield f"database.url: {error}"
        return
    if url.password:
        yield "database.url: holds a password; put the URL into a secret and name it by database.url_secret_arn"
    if (port or 5432) != database.port:
        yield "database.port: differs from the port of database.url"
    if database.authentication == "url" and not _TLS_MODES.intersection(modes):
        yield "database.url: must ask for TLS, ?sslmode=verify-full"

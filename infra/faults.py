"""What is wrong with settings of which each by itself is right."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec

from core.domain.kafka_customer_rules import read_rules
from core.settings.entries import ProcessSettings
from core.settings.parsing import parse
from infra.image_uri import ecr_image

if TYPE_CHECKING:
    from infra.settings import Database, Kafka, Settings

#: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
_NOT_IN_DOMAINS = ("aws", "amazon", "cognito")
_CLAIM = len("custom:") + 20
#: How a URL of PostgreSQL asks for TLS. https://www.postgresql.org/docs/current/libpq-ssl.html
_TLS = {"require", "verify-ca", "verify-full"}
_GROUP = 200
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


def faults(settings: "Settings") -> Iterator[str]:
    """What no single field can tell: sentences that begin with the field's name."""
    if settings.image.uri:
        try:
            ecr_image(settings.image.uri)
        except ValueError as error:
            yield f"image.uri: {error}"
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


def _cognito_faults(settings: "Settings") -> Iterator[str]:
    reserved = next((word for word in _NOT_IN_DOMAINS if word in settings.name), "")
    if reserved:
        yield f"name: Cognito lets no address begin with a name that has {reserved!r} in it"
    if not settings.web.customer_claim.startswith("custom:") or len(settings.web.customer_claim) > _CLAIM:
        yield "web.customer_claim: Cognito's own attributes are custom:<name>, the name of 1 to 20 characters"


def _environment_faults(environment: dict[str, str]) -> Iterator[str]:
    known = {field.name.upper(): field.type for field in msgspec.structs.fields(ProcessSettings)}
    for name, text in environment.items():
        where = f"processing.environment.{name}"
        if name in GIVEN:
            yield f"{where}: is given by the stack"
        elif name not in known:
            yield f"{where}: is no setting of the functions; docs/reference/settings.md lists them"
        else:
            try:
                parse(text, known[name])
            except ValueError as error:
                yield f"{where}: {error}"


def _kafka_faults(kafka: "Kafka") -> Iterator[str]:
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


def _brokers_faults(kafka: "Kafka") -> Iterator[str]:
    if not kafka.bootstrap_servers:
        yield "kafka.bootstrap_servers: needed for self-managed"
    if bool(kafka.secret_arn) != bool(kafka.authentication):
        yield "kafka.authentication: says what kafka.secret_arn holds; both, or none"
    if not (kafka.secret_arn or kafka.subnet_ids):
        yield "kafka.subnet_ids: brokers without a secret must be reached by a VPC"
    if bool(kafka.subnet_ids) != bool(kafka.security_group_ids):
        yield "kafka.security_group_ids: go together with kafka.subnet_ids"


def _database_faults(database: "Database") -> Iterator[str]:
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


def _url_faults(database: "Database") -> Iterator[str]:
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

"""Events of Kafka's event source mapping: reading the records of a batch, and the partial batch response. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html
"""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from core.domain.errors import Code, Refusal
from core.domain.kafka_customer_rules import TOPIC
from core.services.intake.kafka_records import Message, Record
from handler.sqs import batch_item_failures

#: The first two are documented by AWS; the third is in some of its examples.
SOURCES = ("aws:kafka", "SelfManagedKafka", "aws:SelfManagedKafka")
_TIMESTAMP_TYPES = frozenset({"CREATE_TIME", "LOG_APPEND_TIME"})
_Byte = Annotated[int, Meta(ge=-128, le=255)]  # Java's bytes are signed


class _Position(msgspec.Struct):
    """A record's position, which is needed even if its content is unreadable."""

    topic: Annotated[str, Meta(pattern=rf"^{TOPIC}\Z")]
    partition: Annotated[int, Meta(ge=0)]
    offset: Annotated[int, Meta(ge=0)]


class _Content(msgspec.Struct, rename="camel"):
    key: str | None = None
    value: str | None = None
    timestamp: int | None = None
    timestamp_type: str | None = None
    headers: list[dict[str, list[_Byte] | None]] | None = None


def is_kafka(event: object) -> bool:
    """Whether `event` is a batch of Kafka records."""
    return isinstance(event, Mapping) and event.get("eventSource") in SOURCES


def records(event: Mapping[str, Any]) -> list[Record]:
    """The records of a batch, unreadable ones with a Refusal as message. Raises Refusal(INVALID_EVENT) for no batch."""
    try:
        groups = msgspec.convert(event.get("records"), dict[str, list[dict[str, Any]]])
        cluster = _cluster(event)
        return [_record(cluster, group, raw) for group, members in groups.items() for raw in members]
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_EVENT, f"This is not a batch of Kafka records: {error}") from error


def failures(failed: Iterable[Record]) -> dict[str, Any]:
    """The partial batch response: the first failed record of each partition. Lambda delivers it and all after it again.

    https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
    """
    lowest: dict[str, int] = {}
    for record in failed:
        lowest[record.group] = min(record.offset, lowest.get(record.group, record.offset))
    return batch_item_failures({"partition": group, "offset": offset} for group, offset in lowest.items())


def _cluster(event: Mapping[str, Any]) -> str:
    """The cluster's ARN, or its bootstrap servers, sorted, since their order in events varies."""
    arn = event.get("eventSourceArn")
    servers = event.get("bootstrapServers")
    if isinstance(arn, str) and arn:
        return arn
    if isinstance(servers, str) and servers:
        return ",".join(sorted(server.strip() for server in servers.split(",")))
    raise Refusal(Code.INVALID_EVENT, "The batch has neither eventSourceArn nor bootstrapServers.")


def _record(cluster: str, group: str, raw: dict[str, Any]) -> Record:
    position = msgspec.convert(raw, _Position, strict=False)
    return Record(
        cluster=cluster,
        group=group,
        topic=position.topic,
        partition=position.partition,
        offset=position.offset,
        raw=raw,
        message=_message(raw),
    )


def _message(raw: dict[str, Any]) -> Message | Refusal:
    try:
        content = msgspec.convert(raw, _Content)
    except msgspec.ValidationError as error:
        return Refusal(Code.INVALID_REQUEST, f"The record cannot be read: {error}.")
    try:
        key = b64decode(content.key, validate=True) if content.key is not None else None
    except ValueError as error:  # also for text that is not ASCII
        return Refusal(Code.INVALID_REQUEST, f"key: is not base64: {error}.")
    try:
        value = b64decode(content.value or "", validate=True)
    except ValueError as error:
        return Refusal(Code.INVALID_REQUEST, f"value: is not base64: {error}.")
    return Message(
        key=key,
        value=value,
        headers=_headers(content.headers or []),
        timestamp=content.timestamp if content.timestamp_type in _TIMESTAMP_TYPES else None,
    )


def _headers(headers: list[dict[str, list[int] | None]]) -> dict[str, bytes]:
    """Values by lower-case name; of several headers with one name the last, as in Kafka's clients."""
    return {
        name.lower(): bytes(byte & 0xFF for byte in value or []) for header in headers for name, value in header.items()
    }

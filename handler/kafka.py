"""What Kafka's event source mapping sends, and how it is answered. Pure: no call is made here.

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

#: AWS documents the first two; the third is what some of its own examples say.
SOURCES = ("aws:kafka", "SelfManagedKafka", "aws:SelfManagedKafka")
_TIMED = frozenset({"CREATE_TIME", "LOG_APPEND_TIME"})
_Byte = Annotated[int, Meta(ge=-128, le=255)]  # Java's bytes are signed


class _Place(msgspec.Struct):
    """Where a record stands: what must be told even of one that cannot be read."""

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
    return isinstance(event, Mapping) and event.get("eventSource") in SOURCES


def records(event: Mapping[str, Any]) -> list[Record]:
    """The records of a batch; one that cannot be read says why. Raises Refusal(INVALID_EVENT) for what is no batch."""
    try:
        groups = msgspec.convert(event.get("records"), dict[str, list[dict[str, Any]]])
        cluster = _cluster(event)
        return [_record(cluster, group, raw) for group, members in groups.items() for raw in members]
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_EVENT, f"This is not a batch of Kafka's: {error}") from error


def failures(failed: Iterable[Record]) -> dict[str, Any]:
    """A partial batch response: of each partition the first record that is to come again, and all after it do.

    https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
    """
    lowest: dict[str, int] = {}
    for record in failed:
        lowest[record.group] = min(record.offset, lowest.get(record.group, record.offset))
    places = [{"partition": group, "offset": offset} for group, offset in lowest.items()]
    return {"batchItemFailures": [{"itemIdentifier": place} for place in places]}


def _cluster(event: Mapping[str, Any]) -> str:
    """A cluster's name: its ARN, or its servers, which are not always listed in the same order."""
    arn = event.get("eventSourceArn")
    servers = event.get("bootstrapServers")
    if isinstance(arn, str) and arn:
        return arn
    if isinstance(servers, str) and servers:
        return ",".join(sorted(server.strip() for server in servers.split(",")))
    raise Refusal(Code.INVALID_EVENT, "The batch says neither eventSourceArn nor bootstrapServers.")


def _record(cluster: str, group: str, raw: dict[str, Any]) -> Record:
    place = msgspec.convert(raw, _Place, strict=False)
    return Record(
        cluster=cluster,
        group=group,
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
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
    except ValueError as error:  # also for what is not ASCII
        return Refusal(Code.INVALID_REQUEST, f"key: is not base64: {error}.")
    try:
        value = b64decode(content.value or "", validate=True)
    except ValueError as error:
        return Refusal(Code.INVALID_REQUEST, f"value: is not base64: {error}.")
    return Message(
        key=key,
        value=value,
        headers=_headers(content.headers or []),
        timestamp=content.timestamp if content.timestamp_type in _TIMED else None,
    )


def _headers(headers: list[dict[str, list[int] | None]]) -> dict[str, bytes]:
    """By name in small letters; of several with one name the last, as Kafka's own clients have it."""
    return {
        name.lower(): bytes(byte & 0xFF for byte in value or []) for header in headers for name, value in header.items()
    }

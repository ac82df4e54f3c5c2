"""Kafka records: the image that a record contains or refers to, and the image's identity. Pure.

The value is the image itself, or a JSON object `{"s3": "s3://bucket/key"}` that refers to it. The headers name
customer, pipeline, file name and idempotency key. docs/how-to/kafka.md documents them for producers.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from core.domain.errors import Code, Refusal
from core.domain.kafka_customer_rules import Rule, find_customer, find_topic_owner
from core.domain.model import Value
from core.services.intake.requests import ImageRequest, caller_key, read_request

_HEADERS = ("customer-id", "pipeline", "filename", "idempotency-key")
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # an earlier timestamp comes from a clock that is not set
_AHEAD = timedelta(days=1)  # how far a producer's clock may be ahead of this one


class Message(Value, frozen=True, kw_only=True):
    """The content of a record. `timestamp` is in milliseconds since 1970; None if the record has none."""

    key: bytes | None
    value: bytes
    headers: dict[str, bytes]
    timestamp: int | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of a batch: its position, its JSON in the event (`raw`), and its content, or why it is unreadable.

    `cluster` is an ARN or the bootstrap servers; `group` is the event's name of the partition, as in `images-0`.
    """

    cluster: str
    group: str
    topic: str
    partition: int
    offset: int
    raw: dict[str, Any]
    message: Message | Refusal

    def __str__(self) -> str:
        return f"topic {self.topic}, partition {self.partition}, offset {self.offset}"

    @property
    def digest(self) -> str:
        """SHA-256 of cluster and `raw`, in hex: a topic that is created again repeats its offsets."""
        return hashlib.sha256(json.dumps([self.cluster, self.raw], sort_keys=True).encode()).hexdigest()


class _Reference(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    s3: str
    filename: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class KafkaImage:
    """The image of a record. `body` holds its bytes; None if the record refers to an object in S3.

    `position` identifies the record: cluster, topic, partition, offset, timestamp and the value's hash.
    """

    request: ImageRequest
    body: bytes | None
    position: tuple[str, ...]
    received_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        """The caller's idempotency key, else the record's position."""
        return caller_key(self.request) or self.position


def read_image(record: Record, rules: Sequence[Rule], default_pipeline: str, now: datetime) -> KafkaImage:
    """The image of a record; `default_pipeline` applies if the record names none. Raises Refusal, with the field."""
    message = record.message
    if isinstance(message, Refusal):
        raise message
    headers = _headers(message.headers)
    reference = _reference(message.value)
    fields: dict[str, str | None] = {
        "customer": _customer(headers["customer-id"], record.topic, message.key, rules),
        "pipeline": headers.get("pipeline") or default_pipeline,
        "filename": headers.get("filename") or (reference.filename if reference else None),
        "idempotency_key": headers.get("idempotency-key") or (reference.idempotency_key if reference else None),
        # An empty `image` stands for the bytes: as base64 they would only be decoded again
        **({"s3": reference.s3} if reference else {"image": ""}),
    }
    if not fields["pipeline"]:
        raise Refusal(
            Code.INVALID_REQUEST, "pipeline: the record has no header pipeline, and KAFKA_PIPELINE names none."
        )
    return KafkaImage(
        request=read_request(fields),
        body=None if reference else message.value,
        position=_position(record, message),
        received_at=_received(message.timestamp, now),
    )


def _customer(header: str, topic: str, key: bytes | None, rules: Sequence[Rule]) -> str:
    """The customer who owns the topic, else the customer in the header, else the customer by the rules.

    A producer that may write to a customer's own topic must not name another customer in a header.
    """
    topic_owner = find_topic_owner(rules, topic)
    if topic_owner is not None and header not in ("", topic_owner):
        raise Refusal(
            Code.INVALID_REQUEST,
            f"customer: the header customer-id says {header[:80]!r}, but by KAFKA_CUSTOMERS topic {topic} belongs to "
            f"{topic_owner} alone. Leave the header out, or write to another topic.",
        )
    return topic_owner or header or find_customer(rules, topic, key)


def _headers(headers: dict[str, bytes]) -> dict[str, str]:
    """The headers in _HEADERS as text; empty if absent, since Lambda sends Kafka's null as an empty value."""
    texts = {}
    for name in _HEADERS:
        try:
            texts[name] = headers.get(name, b"").decode()
        except UnicodeDecodeError as error:
            raise Refusal(Code.INVALID_REQUEST, f"header {name}: is not UTF-8: {error}.") from error
    return texts


def _reference(value: bytes) -> _Reference | None:
    """The reference in a value; None if the value is not a JSON object: no image format begins with `{`."""
    if not value.lstrip(b" \t\r\n").startswith(b"{"):
        return None
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    try:
        return msgspec.convert(document, _Reference)
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_REQUEST, f"The record's value is not a reference: {error}.") from error


def _position(record: Record, message: Message) -> tuple[str, ...]:
    position = (record.cluster, record.topic, str(record.partition), str(record.offset), str(message.timestamp))
    return ("kafka", *position, hashlib.sha256(message.value).hexdigest())


def _received(timestamp: int | None, now: datetime) -> datetime:
    """The record's timestamp if it is plausible, else `now`."""
    try:
        received = datetime.fromtimestamp((timestamp or 0) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return now
    return received if _OLDEST <= received <= now + _AHEAD else now

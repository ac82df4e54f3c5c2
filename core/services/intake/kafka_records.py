"""Records of Kafka: what one says of its image, and what makes it that image. Pure.

The value is the image itself, or a JSON object `{"s3": "s3://bucket/key"}` that says where it lies; headers say the
rest. docs/how-to/kafka.md tells producers.
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
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # a clock that says less is not set
_AHEAD = timedelta(days=1)  # how far a producer's clock may be ahead of ours


class Message(Value, frozen=True, kw_only=True):
    """What a record carries. `timestamp` is in milliseconds since 1970; None where nobody set a time."""

    key: bytes | None
    value: bytes
    headers: dict[str, bytes]
    timestamp: int | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of a batch: where it stands, what the event said of it, and what that could be read as.

    `cluster` is an ARN or bootstrap servers; `group` is the event's own name of the partition.
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
        """SHA-256 of all of it, in hex: a topic made anew, or another cluster's, begins with the same offsets."""
        return hashlib.sha256(json.dumps([self.cluster, self.raw], sort_keys=True).encode()).hexdigest()


class _Reference(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    s3: str
    filename: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a record asks for: `body` is its image, unless it refers to one.

    `identity` is what makes its image that image; `position` is where the record stands, with what it holds.
    """

    request: ImageRequest
    body: bytes | None
    position: tuple[str, ...]
    received_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return caller_key(self.request) or self.position


def ask(record: Record, rules: Sequence[Rule], pipeline: str, now: datetime) -> Asked:
    """Read what a record asks for; `pipeline` is for one that names none. Raises Refusal that names the field."""
    message = record.message
    if isinstance(message, Refusal):
        raise message
    said = _headers(message.headers)
    reference = _reference(message.value)
    wanted: dict[str, str | None] = {
        "customer": _customer(said["customer-id"], record.topic, message.key, rules),
        "pipeline": said.get("pipeline") or pipeline,
        "filename": said.get("filename") or (reference.filename if reference else None),
        "idempotency_key": said.get("idempotency-key") or (reference.idempotency_key if reference else None),
        # The bytes need not become text to be bytes again: what a request says of them is that it has some
        **({"s3": reference.s3} if reference else {"image": ""}),
    }
    if not wanted["pipeline"]:
        raise Refusal(
            Code.INVALID_REQUEST, "pipeline: the record has no header pipeline, and KAFKA_PIPELINE names none."
        )
    return Asked(
        request=read_request(wanted),
        body=None if reference else message.value,
        position=_position(record, message),
        received_at=_received(message.timestamp, now),
    )


def _customer(said: str, topic: str, key: bytes | None, rules: Sequence[Rule]) -> str:
    """Where a topic is a customer's own, that decides: whoever may write into it says no other by a header."""
    own = find_topic_owner(rules, topic)
    if own is not None and said not in ("", own):
        raise Refusal(
            Code.INVALID_REQUEST,
            f"customer: the header customer-id says {said[:80]!r}, but by KAFKA_CUSTOMERS topic {topic} is {own}'s "
            "alone. Leave the header out, or write into another topic.",
        )
    return own or said or find_customer(rules, topic, key)


def _headers(headers: dict[str, bytes]) -> dict[str, str]:
    """Those that are read here, as text. An empty one is none: Lambda does not tell it from Kafka's null."""
    said = {}
    for name in _HEADERS:
        try:
            said[name] = headers.get(name, b"").decode()
        except UnicodeDecodeError as error:
            raise Refusal(Code.INVALID_REQUEST, f"header {name}: is not UTF-8: {error}.") from error
    return said


def _reference(value: bytes) -> _Reference | None:
    """The reference that a value is; None where it is anything but a JSON object: no image begins like one."""
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
    place = (record.cluster, record.topic, str(record.partition), str(record.offset), str(message.timestamp))
    return ("kafka", *place, hashlib.sha256(message.value).hexdigest())


def _received(timestamp: int | None, now: datetime) -> datetime:
    """When the record came in, where its timestamp can be that."""
    try:
        received = datetime.fromtimestamp((timestamp or 0) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return now
    return received if _OLDEST <= received <= now + _AHEAD else now

"""What Lambda's event source mapping makes of Kafka's records, and what it makes of a function's answer. Pure."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from localcloud.lambda_.function import MAX_PAYLOAD, Invocation

_TIMESTAMP_TYPES = {TIMESTAMP_CREATE_TIME: "CREATE_TIME", TIMESTAMP_LOG_APPEND_TIME: "LOG_APPEND_TIME"}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in the event. `size` is its bytes there; `lease` tells assignments apart."""

    topic: str
    partition: int
    offset: int
    document: dict[str, Any]
    size: int
    lease: int = 0

    @property
    def group(self) -> str:
        """Under which key of the event it stands."""
        return f"{self.topic}-{self.partition}"


def translated(message: Message, lease: int = 0) -> Record:
    """A record of the event: key, value in base64, absent where Kafka has null.

    The bytes of a header are Java's: signed, as AWS sends them (powertools-lambda-python, issue 6862).
    """
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    kind, timestamp = message.timestamp()
    document: dict[str, Any] = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "timestampType": _TIMESTAMP_TYPES.get(kind, "NO_TIMESTAMP_TYPE"),
    }
    for name, content in (("key", message.key()), ("value", message.value())):
        if content is not None:
            document[name] = base64.b64encode(content).decode()
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    document["headers"] = [{name: _signed(value)} for name, value in pairs]
    return Record(topic, partition, offset, document, size=_size(document), lease=lease)


def _signed(value: bytes | str | None) -> list[int]:
    content = value.encode() if isinstance(value, str) else value or b""
    return [byte - 256 if byte > 127 else byte for byte in content]  # noqa: PLR2004 - the largest signed byte


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where events say that they come from: a cluster of MSK if it has an ARN, else a self-managed one."""

    bootstrap_servers: str
    arn: str | None = None


def event(origin: Origin, records: Iterable[Record]) -> dict[str, Any]:
    """The event of a batch: records by partition, in the order of their offsets.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html
    """
    head = {"eventSource": "aws:kafka", "eventSourceArn": origin.arn} if origin.arn else {}
    grouped: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        grouped.setdefault(record.group, []).append(record.document)
    return {
        "eventSource": "SelfManagedKafka",
        **head,
        "bootstrapServers": origin.bootstrap_servers,
        "records": grouped,
    }


class Load:
    """How large the event of a growing batch is, against Lambda's limit of 6 MB."""

    def __init__(self, origin: Origin) -> None:
        self._bytes = _size(event(origin, ()))
        self._groups: set[str] = set()

    def add(self, record: Record) -> bool:
        """Whether there is room for one more; if there is, it is taken."""
        more = record.size + 1  # a comma
        if record.group not in self._groups:
            more += _size(record.group) + 4  # a colon, brackets and another comma
        if self._bytes + more > MAX_PAYLOAD:
            return False
        self._bytes += more
        self._groups.add(record.group)
        return True


def unfinished(batch: Sequence[Record], invocation: Invocation, *, partial: bool) -> list[Record]:
    """What of a batch must be delivered again.

    All of it after an error. With partial batch responses (ReportBatchItemFailures), for each partition that is
    named everything from its lowest failed offset on; an answer that cannot be understood, or that names what was
    not in the batch, is a failure of all of it.
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
    """
    if invocation.error:
        return list(batch)
    if not partial or invocation.payload is None:
        return []
    if not isinstance(invocation.payload, dict):
        return list(batch)
    sent = {(record.group, record.offset) for record in batch}
    lowest: dict[str, int] = {}
    try:
        for failure in invocation.payload.get("batchItemFailures") or []:
            place = failure["itemIdentifier"]
            group, offset = place["partition"], place["offset"]
            if (group, offset) not in sent:
                return list(batch)
            lowest[group] = min(offset, lowest.get(group, offset))
    except (TypeError, KeyError):
        return list(batch)
    return [record for record in batch if record.offset >= lowest.get(record.group, record.offset + 1)]


def committable(batch: Iterable[Record], rest: Iterable[Record]) -> dict[int, int]:
    """By partition, the offset that the group will read next, once `rest` is all that is left of a batch."""
    positions: dict[int, int] = {}
    for record in batch:
        positions[record.partition] = max(record.offset + 1, positions.get(record.partition, 0))
    for record in rest:
        positions[record.partition] = min(record.offset, positions[record.partition])
    return positions


def failure_document(origin: Origin, function_arn: str, record: Record) -> tuple[str, bytes]:
    """Key and content of what is left in an S3 failure destination of a record that can never be delivered.

    https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
    """
    now = datetime.now(UTC)
    payload = event(origin, [record])
    document = {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": str(uuid4()),
            "functionArn": function_arn,
            "condition": "RecordTooLarge",
            "approximateInvokeCount": 0,
        },
        "KafkaBatchInfo": {
            "batchSize": 1,
            "eventSourceArn": origin.arn,
            "bootstrapServers": origin.bootstrap_servers,
            "payloadSize": _size(payload),
        },
        "payload": payload,
    }
    name = f"{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid4()}"
    return f"aws/lambda/kafka/{record.group}/{name}", json.dumps(document).encode()


def _size(value: object) -> int:
    # What is neither ASCII nor escaped counts in UTF-8, as Lambda counts it.
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())

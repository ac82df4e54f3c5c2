"""The event that Lambda makes of a batch of Kafka records, and what the function's answer means. Pure."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from localcloud.lambda_.failure_documents import failure_document
from localcloud.lambda_.function import MAX_PAYLOAD, Invocation

_TIMESTAMP_TYPES = {TIMESTAMP_CREATE_TIME: "CREATE_TIME", TIMESTAMP_LOG_APPEND_TIME: "LOG_APPEND_TIME"}


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the event. `size` is in bytes of the event's JSON; `lease` is the number of the assignment."""

    topic: str
    partition: int
    offset: int
    document: dict[str, Any]
    size: int
    lease: int = 0

    @property
    def group(self) -> str:
        """The event's key for this record's partition."""
        return f"{self.topic}-{self.partition}"


def kafka_record(message: Message, lease: int = 0) -> Record:
    """A consumed message as a record. Key and value are in base64, and absent if null in Kafka.

    Headers are lists of signed bytes, as AWS sends them (powertools-lambda-python, issue 6862).
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
    document["headers"] = [{name: _signed_bytes(value)} for name, value in pairs]
    return Record(topic, partition, offset, document, size=_size(document), lease=lease)


def _signed_bytes(value: bytes | str | None) -> list[int]:
    content = value.encode() if isinstance(value, str) else value or b""
    return [byte - 256 if byte > 127 else byte for byte in content]  # noqa: PLR2004 - the largest signed byte


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The event's source: a cluster of MSK if it has an ARN, otherwise a self-managed one."""

    bootstrap_servers: str
    arn: str | None = None


def kafka_event(cluster: Cluster, records: Iterable[Record]) -> dict[str, Any]:
    """The event of a batch: its records by partition, in the order of the batch.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html
    """
    head = {"eventSource": "aws:kafka", "eventSourceArn": cluster.arn} if cluster.arn else {}
    grouped: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        grouped.setdefault(record.group, []).append(record.document)
    return {
        "eventSource": "SelfManagedKafka",
        **head,
        "bootstrapServers": cluster.bootstrap_servers,
        "records": grouped,
    }


class EventSize:
    """The size of a growing batch's event, kept within MAX_PAYLOAD."""

    def __init__(self, cluster: Cluster) -> None:
        self._bytes = _size(kafka_event(cluster, ()))
        self._groups: set[str] = set()

    def add(self, record: Record) -> bool:
        """Add the record if it fits. Returns whether it did."""
        more = record.size + 1  # a comma
        if record.group not in self._groups:
            more += _size(record.group) + 4  # a colon, brackets and another comma
        if self._bytes + more > MAX_PAYLOAD:
            return False
        self._bytes += more
        self._groups.add(record.group)
        return True


def to_retry(batch: Sequence[Record], invocation: Invocation, *, report_batch_item_failures: bool) -> list[Record]:
    """The records of a batch that must be delivered again.

    All after an error. With ReportBatchItemFailures: in each partition that the answer names, the records from its
    lowest failed offset on; all, if the answer is malformed or names a record outside the batch.
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
    """
    if invocation.error:
        return list(batch)
    if not report_batch_item_failures or invocation.payload is None:
        return []
    if not isinstance(invocation.payload, dict):
        return list(batch)
    sent = {(record.group, record.offset) for record in batch}
    lowest: dict[str, int] = {}
    try:
        for failure in invocation.payload.get("batchItemFailures") or []:
            identifier = failure["itemIdentifier"]
            group, offset = identifier["partition"], identifier["offset"]
            if (group, offset) not in sent:
                return list(batch)
            lowest[group] = min(offset, lowest.get(group, offset))
    except (TypeError, KeyError):
        return list(batch)
    return [record for record in batch if record.offset >= lowest.get(record.group, record.offset + 1)]


def committable(batch: Iterable[Record], rest: Iterable[Record]) -> dict[int, int]:
    """The offsets to commit, by partition, if `rest` are the records of the batch that are still to be delivered."""
    positions: dict[int, int] = {}
    for record in batch:
        positions[record.partition] = max(record.offset + 1, positions.get(record.partition, 0))
    for record in rest:
        positions[record.partition] = min(record.offset, positions[record.partition])
    return positions


def too_large_document(cluster: Cluster, function_arn: str, record: Record) -> tuple[str, bytes]:
    """Key and content of the failure document of a record that is too large for an event.

    https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
    """
    payload = kafka_event(cluster, [record])
    return failure_document(
        f"kafka/{record.group}",
        {
            "requestId": str(uuid4()),
            "functionArn": function_arn,
            "condition": "RecordTooLarge",
            "approximateInvokeCount": 0,
        },
        KafkaBatchInfo={
            "batchSize": 1,
            "eventSourceArn": cluster.arn,
            "bootstrapServers": cluster.bootstrap_servers,
            "payloadSize": _size(payload),
        },
        payload=payload,
    )


def _size(value: object) -> int:
    # In UTF-8, as Lambda counts it: characters outside ASCII are not escaped
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())

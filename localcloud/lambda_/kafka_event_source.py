"""Kafka to a function: Lambda's event source mapping, with one consumer or several."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from localcloud.lambda_.function import FunctionClosedError, Invocation
from localcloud.lambda_.kafka_events import Cluster, EventSize, Record, committable, kafka_event, kafka_record, to_retry

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_BUSY_POLL_SECONDS = 0.02
_BROKER_SECONDS = 10.0  # for the broker to answer
Invoke = Callable[[Any], Invocation]


@dataclass(frozen=True, kw_only=True)
class KafkaMapping:
    """The parameters of CreateEventSourceMapping, with AWS's defaults. Times are in seconds."""

    cluster: Cluster
    topic: str
    group: str
    batch_size: int = 100
    batching_window: float = 0.5
    #: Whether FunctionResponseTypes has ReportBatchItemFailures.
    report_batch_item_failures: bool = False
    #: The wait before a failed batch is delivered again.
    backoff: float = 0.5
    #: The consumers' session.timeout.ms. In the mock broker, a rebalance takes one second less than this.
    session_timeout: float = 3.0


class KafkaEventSource:
    """Consumers of one group; each invokes the function with one batch at a time."""

    def __init__(self, mapping: KafkaMapping, invoke: Invoke, discard: Callable[[Record], object]) -> None:
        """`discard` is called with a record that is too large for an event, and so can never be delivered."""
        self.mapping = mapping
        self._invoke = invoke
        self._discard = discard
        self._consumers: list[_GroupConsumer] = []

    def scale(self, consumers: int) -> None:
        """Start or stop consumers until there are this many. Those that stop finish and commit their batch."""
        stopping, self._consumers = self._consumers[consumers:], self._consumers[:consumers]
        for consumer in stopping:
            consumer.stop()
        for consumer in stopping:
            consumer.join()
        while len(self._consumers) < consumers:
            self._consumers.append(_GroupConsumer(self.mapping, self._invoke, self._discard))

    def close(self) -> None:
        self.scale(0)


class _GroupConsumer:
    """One consumer and its thread.

    Each assignment of partitions is a lease with a number of its own; records of an earlier lease are not committed.
    """

    def __init__(self, mapping: KafkaMapping, invoke: Invoke, discard: Callable[[Record], object]) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._discard = discard
        self._consumer = Consumer(
            {
                "bootstrap.servers": mapping.cluster.bootstrap_servers,
                "group.id": mapping.group,
                "auto.offset.reset": "earliest",  # StartingPosition TRIM_HORIZON
                "enable.auto.commit": False,
                "session.timeout.ms": int(mapping.session_timeout * 1000),
                "heartbeat.interval.ms": int(mapping.session_timeout * 100),
                "partition.assignment.strategy": "roundrobin",
                "log_level": 3,
            },
            logger=_log,
        )
        self._leases: dict[int, int] = {}
        self._next_offsets: dict[int, int] = {}
        self._lease = 0
        self._pending: deque[Record] = deque()
        self._uncommitted: dict[int, int] = {}
        self._busy = False
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kafka invoke")
        self._consumer.subscribe(
            [mapping.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        self._thread = threading.Thread(target=self._run, name="poll kafka", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._deliver(self._collect())
                except FunctionClosedError:
                    return
                except Exception:  # noqa: BLE001 - logged with its trace; one failed poll does not end the event source
                    _log.exception("Polling %s failed", self._mapping.topic)
                    self._stopping.wait(_POLL_SECONDS)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._consumer.close()

    def _collect(self) -> list[Record]:
        """Up to `batch_size` records within the batching window after the first; none while stopping."""
        batch: list[Record] = []
        size, window_end = EventSize(self._mapping.cluster), float("inf")
        while not self._stopping.is_set() and len(batch) < self._mapping.batch_size and time.monotonic() < window_end:
            record = self._next(min(_POLL_SECONDS, max(0.0, window_end - time.monotonic())))
            if record is None:
                self._commit()
                continue
            if size.add(record):
                batch.append(record)
                window_end = min(window_end, time.monotonic() + self._mapping.batching_window)
            elif batch:
                self._pending.appendleft(record)
                break
            else:
                self._skip(record)
        return [] if self._stopping.is_set() else [record for record in batch if self._holds(record)]

    def _next(self, seconds: float) -> Record | None:
        if not self._pending:
            self._poll(seconds)
        return self._pending.popleft() if self._pending else None

    def _poll(self, seconds: float) -> None:
        """Serve the consumer, rebalances included; a record that it returns goes to `_pending`."""
        message = self._consumer.poll(seconds)
        if message is None:
            return
        if error := message.error():
            _log.warning("Kafka reports: %s", error)
            return
        self._check_gap(message)
        lease = self._leases.get(message.partition() or 0)
        if lease is not None:
            self._pending.append(kafka_record(message, lease))

    def _deliver(self, batch: list[Record]) -> None:
        """Invoke until every record of the batch has succeeded, or its partitions belong to other consumers."""
        while batch:
            invocation = self._invoke_while_polling(kafka_event(self._mapping.cluster, batch))
            rest = to_retry(batch, invocation, report_batch_item_failures=self._mapping.report_batch_item_failures)
            held = [record for record in batch if self._holds(record)]
            batch = [record for record in rest if self._holds(record)]
            self._uncommitted.update(committable(held, batch))
            self._commit()
            if batch:
                _log.warning("%d records of %s are retried: %s", len(batch), self._mapping.topic, invocation.payload)
                self._poll_until(time.monotonic() + self._mapping.backoff)
            if self._stopping.is_set():
                return

    def _invoke_while_polling(self, document: dict[str, Any]) -> Invocation:
        """Invoke with the partitions paused, polling meanwhile so that the consumer stays in its group."""
        self._pause()
        try:
            future: Future[Invocation] = self._pool.submit(self._invoke, document)
            while not future.done():
                self._poll(_BUSY_POLL_SECONDS)
            return future.result()
        finally:
            self._resume()

    def _poll_until(self, moment: float) -> None:
        self._pause()
        while time.monotonic() < moment and not self._stopping.is_set():
            self._poll(_BUSY_POLL_SECONDS)
        self._resume()

    def _pause(self) -> None:
        self._busy = True
        self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        self._busy = False
        self._consumer.resume(self._consumer.assignment())

    def _commit(self) -> None:
        """Commit offsets. If the broker refuses them during a rebalance, the next commit sends them again."""
        offsets = [TopicPartition(self._mapping.topic, number, offset) for number, offset in self._uncommitted.items()]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            _log.info("Offsets were not committed: %s", error)
        else:
            self._uncommitted.clear()

    def _skip(self, record: Record) -> None:
        """Discard a record that is too large for an event, so that the records behind it are delivered."""
        _log.error("%s offset %d is too large: %d bytes in an event", record.group, record.offset, record.size)
        self._discard(record)
        if self._holds(record):
            self._uncommitted[record.partition] = record.offset + 1
            self._commit()

    def _holds(self, record: Record) -> bool:
        return self._leases.get(record.partition) == record.lease

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._lease += 1
        self._leases.update(dict.fromkeys((item.partition for item in partitions), self._lease))
        if partitions:
            for item in consumer.committed(partitions, timeout=_BROKER_SECONDS):
                self._next_offsets[item.partition] = max(0, item.offset)
        consumer.assign(partitions)
        # librdkafka remembers that a revoked partition was paused, and would not read it after it is assigned again.
        (consumer.pause if self._busy else consumer.resume)(partitions)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        revoked = {item.partition for item in partitions}
        for number in revoked:
            self._leases.pop(number, None)
            self._uncommitted.pop(number, None)
        self._pending = deque(record for record in self._pending if record.partition not in revoked)

    def _check_gap(self, message: Message) -> None:
        """Log records that the mock broker dropped for want of room: only a gap in the offsets shows it."""
        partition, offset = message.partition() or 0, message.offset() or 0
        missing = offset - self._next_offsets.get(partition, offset)
        if missing > 0:
            _log.error(
                "%d records of partition %d were dropped by the broker before they were read", missing, partition
            )
        self._next_offsets[partition] = offset + 1

"""Kafka → function: what Lambda's event source mapping does, with one consumer or several."""

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
from localcloud.lambda_.kafka_events import Load, Origin, Record, committable, event, translated, unfinished

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_BUSY_POLL_SECONDS = 0.02
_PATIENCE = 10.0  # seconds for the broker to answer
Invoke = Callable[[Any], Invocation]


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What one would say to CreateEventSourceMapping. Seconds; defaults are AWS's."""

    origin: Origin
    topic: str
    group: str
    batch_size: int = 100
    window: float = 0.5
    #: FunctionResponseTypes has ReportBatchItemFailures in it.
    partial: bool = False
    #: The wait before a failed batch is delivered again.
    backoff: float = 0.5
    #: After so long without a sign of life a consumer's partitions go to others. The mock broker also lets every
    #: rebalance take one second less than this.
    session: float = 3.0


class KafkaSource:
    """As many consumers of one group as asked for, each invoking the function with one batch at a time."""

    def __init__(self, mapping: Mapping, invoke: Invoke, discard: Callable[[Record], object]) -> None:
        """`discard` is given what can never be delivered: a record that no event has room for."""
        self.mapping = mapping
        self._invoke = invoke
        self._discard = discard
        self._pollers: list[_Poller] = []

    def scale(self, consumers: int) -> None:
        """Have so many consumers from now on. Those that go finish and commit what they are at."""
        leaving, self._pollers = self._pollers[consumers:], self._pollers[:consumers]
        for poller in leaving:
            poller.stop()
        for poller in leaving:
            poller.join()
        while len(self._pollers) < consumers:
            self._pollers.append(_Poller(self.mapping, self._invoke, self._discard))

    def close(self) -> None:
        self.scale(0)


class _Poller:
    """One consumer and its thread. Partitions are held by a lease, and work done after its end is not committed."""

    def __init__(self, mapping: Mapping, invoke: Invoke, discard: Callable[[Record], object]) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._discard = discard
        self._consumer = Consumer(
            {
                "bootstrap.servers": mapping.origin.bootstrap_servers,
                "group.id": mapping.group,
                "auto.offset.reset": "earliest",  # StartingPosition TRIM_HORIZON
                "enable.auto.commit": False,
                "session.timeout.ms": int(mapping.session * 1000),
                "heartbeat.interval.ms": int(mapping.session * 100),
                "partition.assignment.strategy": "roundrobin",
                "log_level": 3,
            },
            logger=_log,
        )
        self._leases: dict[int, int] = {}
        self._expected: dict[int, int] = {}
        self._lease = 0
        self._pending: deque[Record] = deque()
        self._positions: dict[int, int] = {}
        self._busy = False
        self._stop_asked = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kafka invoke")
        self._consumer.subscribe(
            [mapping.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        self._thread = threading.Thread(target=self._run, name="poll kafka", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop_asked.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                try:
                    self._deliver(self._collect())
                except FunctionClosedError:
                    return
                except Exception:  # noqa: BLE001 - logged with its trace; polling does not end over one bad turn
                    _log.exception("polling %s", self._mapping.topic)
                    self._stop_asked.wait(_POLL_SECONDS)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._consumer.close()

    def _collect(self) -> list[Record]:
        """Up to `batch_size` records, waiting for `window` seconds after the first; none when asked to stop."""
        batch: list[Record] = []
        load, until = Load(self._mapping.origin), float("inf")
        while not self._stop_asked.is_set() and len(batch) < self._mapping.batch_size and time.monotonic() < until:
            record = self._next(min(_POLL_SECONDS, max(0.0, until - time.monotonic())))
            if record is None:
                self._commit()
                continue
            if load.add(record):
                batch.append(record)
                until = min(until, time.monotonic() + self._mapping.window)
            elif batch:
                self._pending.appendleft(record)
                break
            else:
                self._skip(record)
        return [] if self._stop_asked.is_set() else [record for record in batch if self._holds(record)]

    def _next(self, seconds: float) -> Record | None:
        if not self._pending:
            self._poll(seconds)
        return self._pending.popleft() if self._pending else None

    def _poll(self, seconds: float) -> None:
        """Let the client do its work, rebalances included; what it brings waits in `_pending`."""
        message = self._consumer.poll(seconds)
        if message is None:
            return
        if error := message.error():
            _log.warning("Kafka says: %s", error)
            return
        self._check_gap(message)
        lease = self._leases.get(message.partition() or 0)
        if lease is not None:
            self._pending.append(translated(message, lease))

    def _deliver(self, batch: list[Record]) -> None:
        """Invoke until all of the batch is done, or its partitions are somebody else's."""
        while batch:
            invocation = self._invoked(event(self._mapping.origin, batch))
            rest = unfinished(batch, invocation, partial=self._mapping.partial)
            held = [record for record in batch if self._holds(record)]
            batch = [record for record in rest if self._holds(record)]
            self._positions.update(committable(held, batch))
            self._commit()
            if batch:
                _log.warning("%d records of %s come again: %s", len(batch), self._mapping.topic, invocation.payload)
                self._serve_until(time.monotonic() + self._mapping.backoff)
            if self._stop_asked.is_set():
                return

    def _invoked(self, document: dict[str, Any]) -> Invocation:
        """Invoke while the consumer goes on serving its group, with its partitions paused."""
        self._pause()
        try:
            future: Future[Invocation] = self._pool.submit(self._invoke, document)
            while not future.done():
                self._poll(_BUSY_POLL_SECONDS)
            return future.result()
        finally:
            self._resume()

    def _serve_until(self, moment: float) -> None:
        self._pause()
        while time.monotonic() < moment and not self._stop_asked.is_set():
            self._poll(_BUSY_POLL_SECONDS)
        self._resume()

    def _pause(self) -> None:
        self._busy = True
        self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        self._busy = False
        self._consumer.resume(self._consumer.assignment())

    def _commit(self) -> None:
        """Tell the broker what is done. What it does not take, amid a rebalance, is told again while it is ours."""
        wanted = [TopicPartition(self._mapping.topic, number, offset) for number, offset in self._positions.items()]
        if not wanted:
            return
        try:
            self._consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as error:
            _log.info("offsets were not committed: %s", error)
        else:
            self._positions.clear()

    def _skip(self, record: Record) -> None:
        """Give up on a record that alone is larger than an event may be: nothing behind it would ever be delivered."""
        _log.error("%s offset %d has %d bytes in an event: too many", record.group, record.offset, record.size)
        self._discard(record)
        if self._holds(record):
            self._positions[record.partition] = record.offset + 1
            self._commit()

    def _holds(self, record: Record) -> bool:
        return self._leases.get(record.partition) == record.lease

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._lease += 1
        self._leases.update(dict.fromkeys((item.partition for item in partitions), self._lease))
        if partitions:
            for item in consumer.committed(partitions, timeout=_PATIENCE):
                self._expected[item.partition] = max(0, item.offset)
        consumer.assign(partitions)
        # librdkafka remembers what was paused when it was taken away, and would never read it again.
        (consumer.pause if self._busy else consumer.resume)(partitions)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {item.partition for item in partitions}
        for number in gone:
            self._leases.pop(number, None)
            self._positions.pop(number, None)
        self._pending = deque(record for record in self._pending if record.partition not in gone)

    def _check_gap(self, message: Message) -> None:
        """The mock broker drops what it has no room for without a word; a jump in the offsets is all there is."""
        partition, offset = message.partition() or 0, message.offset() or 0
        missing = offset - self._expected.get(partition, offset)
        if missing > 0:
            _log.error(
                "%d records of partition %d were dropped by the broker before they were read", missing, partition
            )
        self._expected[partition] = offset + 1

"""A Kafka producer that paces itself by what its readers have read, and hears what became of each record."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from threading import RLock
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from core.domain.errors import Code, Refusal, Unavailable
from core.domain.model import Value
from localcloud.kafka_broker import PARTITION_BYTES, GroupWatch

#: Half of what the mock broker keeps, so that a second producer's records do not push ours out.
_IN_FLIGHT_BYTES = PARTITION_BYTES // 2
_ENVELOPE_BYTES = 1_000
_LOOK_SECONDS = 0.05
_STALLED_SECONDS = 120.0
#: How long the last records may take: longer than librdkafka tries, unless Ctrl-C was pressed.
_FLUSH_SECONDS, _HASTE_SECONDS, _TRY_MS = 35.0, 5.0, 30_000
#: What librdkafka says of a record after it has tried for long enough, whatever the reason.
_UNREACHED = {"_MSG_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_RESOLVE"}
_Failed = Callable[[str, str], object]


class Item(Value, frozen=True, kw_only=True):
    """One record to send. `value` None is Kafka's null."""

    name: str
    value: bytes | None
    headers: Mapping[str, str]


class Producing:
    """Sends records, from any thread, and hears what became of each.

    Also a context manager that waits for the last of them.
    """

    def __init__(self, config: Mapping[str, str], topic: str, failed: _Failed, *, group: str | None = None) -> None:
        """Tell `failed` the name and the reason of each record that was not taken.

        With a `group`, wait for it: no partition ever holds more of what is unread than half of what the mock
        broker keeps. Raises Refusal(INVALID_REQUEST), and Unavailable(QUEUE_UNAVAILABLE) where no broker answers.
        """
        self.delivered = 0
        self._topic, self._failed = topic, failed
        self._servers, self._heard = config.get("bootstrap.servers", ""), ""
        self._unanswered: dict[int, str] = {}
        self._numbers = count()
        self._lock = RLock()  # librdkafka calls back in whichever thread asks it next
        try:
            self._producer = Producer(
                {
                    "log_level": 0,
                    "message.max.bytes": 8_000_000,
                    "message.timeout.ms": _TRY_MS,
                    "error_cb": self._hear,
                    **config,
                }
            )
        except (KafkaException, ValueError, TypeError) as error:
            raise Refusal(Code.INVALID_REQUEST, f"librdkafka does not take these properties: {error}") from error
        self._pace = _Pace(config["bootstrap.servers"], group, topic) if group else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        self._producer.flush(_HASTE_SECONDS if kind else _FLUSH_SECONDS)
        for name in self._unanswered.values():
            self._failed(name, self._unreached("nothing was said of it in time"))
        self._unanswered.clear()
        self._producer.purge()
        if self._pace:
            self._pace.close()

    def _hear(self, error: KafkaError) -> None:
        """What librdkafka says of its connections meanwhile; that all are down says less than why each is."""
        if error.name() != "_ALL_BROKERS_DOWN":
            self._heard = error.str()

    def _unreached(self, told: str) -> str:
        heard = f" ({self._heard})" if self._heard else ""
        return f"{told}: no answer from {self._servers}{heard}. Look at --bootstrap-servers and --config"

    def send(self, item: Item) -> None:
        """Send one, as soon as there is room. Raises Unavailable(QUEUE_UNAVAILABLE) where there never is."""
        size = len(item.value or b"") + _ENVELOPE_BYTES
        with self._lock:
            partition = self._pace.partition_for(size, self._producer) if self._pace else -1

        number = next(self._numbers)
        self._unanswered[number] = item.name

        def report(error: KafkaError | None, message: Message) -> None:
            with self._lock:
                if self._unanswered.pop(number, None) is None:
                    return  # it was given up already
                if error is None:
                    self.delivered += 1
                else:
                    told = error.str()
                    self._failed(item.name, self._unreached(told) if error.name() in _UNREACHED else told)
                if self._pace:
                    self._pace.report(partition, size, None if error else message.offset())

        headers: list[tuple[str, str | bytes | None]] = [*item.headers.items()]
        while True:
            try:
                self._producer.produce(
                    self._topic, item.value, partition=partition, headers=headers, on_delivery=report
                )
            except BufferError:  # the queue in this process is full: what is in it must leave first
                self._producer.poll(_LOOK_SECONDS)
            except KafkaException as error:
                report(error.args[0], Message())
                return
            else:
                self._producer.poll(0)
                return


class _Pace:
    """How many bytes of ours lie unread in each partition."""

    def __init__(self, servers: str, group: str, topic: str) -> None:
        self._watch = GroupWatch(servers, group, topic)
        self._unread: dict[int, deque[tuple[int, int]]] = {number: deque() for number in self._watch.partitions()}
        self._bytes = dict.fromkeys(self._unread, 0)
        self._next_look = 0.0

    def close(self) -> None:
        self._watch.__exit__()

    def partition_for(self, size: int, producer: Producer) -> int:
        """The emptiest partition, once there is room in it; takes the room. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        until = time.monotonic() + _STALLED_SECONDS
        while True:
            number = min(self._bytes, key=lambda partition: self._bytes[partition])
            if not self._bytes[number] or self._bytes[number] + size <= _IN_FLIGHT_BYTES:
                self._bytes[number] += size
                return number
            if time.monotonic() > until:
                raise Unavailable(
                    Code.QUEUE_UNAVAILABLE, f"Nobody has read from the topic for {_STALLED_SECONDS:g} seconds."
                )
            producer.poll(_LOOK_SECONDS)
            if time.monotonic() > self._next_look:
                self._look()

    def report(self, partition: int, size: int, offset: int | None) -> None:
        """A record has got its offset, or was not taken."""
        if offset is None:
            self._bytes[partition] -= size
        else:
            self._unread[partition].append((offset, size))

    def _look(self) -> None:
        for partition, committed in self._watch.committed().items():
            unread = self._unread[partition]
            while unread and unread[0][0] < committed:
                self._bytes[partition] -= unread.popleft()[1]
        self._next_look = time.monotonic() + _LOOK_SECONDS

"""A Kafka producer that waits for the consumer group and reports each record that was not delivered."""

from collections.abc import Callable, Mapping
from itertools import count
from threading import RLock
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from core.domain.errors import Code, Refusal
from core.domain.model import Value
from pictureperfect.kafka.group_progress import POLL_SECONDS, GroupProgress

_ENVELOPE_BYTES = 1_000  # headers and framing of a record
#: librdkafka tries to deliver a record for `_DELIVERY_MS`; the flush at the end waits longer, but not after Ctrl-C.
_FLUSH_SECONDS, _ABORT_FLUSH_SECONDS, _DELIVERY_MS = 35.0, 5.0, 30_000
#: librdkafka's errors for a record that no broker has answered for.
_UNANSWERED = {"_MSG_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_RESOLVE"}


class KafkaRecord(Value, frozen=True, kw_only=True):
    """A record to send. `name` is for messages only. `value` None is Kafka's null."""

    name: str
    value: bytes | None
    headers: Mapping[str, str]


class RecordProducer:
    """Sends records, from any thread. Also a context manager that waits for the last deliveries."""

    def __init__(
        self,
        config: Mapping[str, str],
        topic: str,
        on_failure: Callable[[str, str], object],
        *,
        group: str | None = None,
    ) -> None:
        """`config`: librdkafka's properties. `on_failure`: called with name and reason of each undelivered record.

        With a `group`, `send` waits for it, so that the mock broker never drops an unread record. Raises
        Refusal(INVALID_REQUEST) for wrong properties, and Unavailable(QUEUE_UNAVAILABLE) if no broker answers.
        """
        self.delivered = 0
        self._topic, self._on_failure = topic, on_failure
        self._servers, self._last_error = config.get("bootstrap.servers", ""), ""
        self._pending: dict[int, str] = {}
        self._numbers = count()
        self._lock = RLock()  # librdkafka calls back in any thread that polls
        try:
            self._producer = Producer(
                {
                    "log_level": 0,
                    "message.max.bytes": 8_000_000,
                    "message.timeout.ms": _DELIVERY_MS,
                    "error_cb": self._note_error,
                    **config,
                }
            )
        except (KafkaException, ValueError, TypeError) as error:
            raise Refusal(Code.INVALID_REQUEST, f"librdkafka does not take these properties: {error}") from error
        self._progress = GroupProgress(config["bootstrap.servers"], group, topic) if group else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        self._producer.flush(_ABORT_FLUSH_SECONDS if kind else _FLUSH_SECONDS)
        for name in self._pending.values():
            self._on_failure(name, self._unreachable("no delivery report came in time"))
        self._pending.clear()
        self._producer.purge()
        if self._progress:
            self._progress.close()

    def _note_error(self, error: KafkaError) -> None:
        """Keep the last connection error. `_ALL_BROKERS_DOWN` would hide the cause that came before it."""
        if error.name() != "_ALL_BROKERS_DOWN":
            self._last_error = error.str()

    def _unreachable(self, reason: str) -> str:
        cause = f" ({self._last_error})" if self._last_error else ""
        return f"{reason}: no answer from {self._servers}{cause}. Look at --bootstrap-servers and --config"

    def send(self, record: KafkaRecord) -> None:
        """Send a record once its partition has room. Raises Unavailable(QUEUE_UNAVAILABLE) if the group has stalled."""
        size = len(record.value or b"") + _ENVELOPE_BYTES
        with self._lock:
            partition = self._progress.reserve(size, self._producer) if self._progress else -1

        number = next(self._numbers)
        self._pending[number] = record.name

        def report(error: KafkaError | None, message: Message) -> None:
            with self._lock:
                if self._pending.pop(number, None) is None:
                    return  # already reported as failed
                if error is None:
                    self.delivered += 1
                else:
                    reason = error.str()
                    unanswered = error.name() in _UNANSWERED
                    self._on_failure(record.name, self._unreachable(reason) if unanswered else reason)
                if self._progress:
                    self._progress.report(partition, size, None if error else message.offset())

        headers: list[tuple[str, str | bytes | None]] = [*record.headers.items()]
        while True:
            try:
                self._producer.produce(
                    self._topic, record.value, partition=partition, headers=headers, on_delivery=report
                )
            except BufferError:  # librdkafka's queue in this process is full
                self._producer.poll(POLL_SECONDS)
            except KafkaException as error:
                report(error.args[0], Message())
                return
            else:
                self._producer.poll(0)
                return

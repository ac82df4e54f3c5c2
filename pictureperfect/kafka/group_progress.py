"""The bytes that were sent and that a consumer group has not read yet, by partition."""

import time
from collections import deque

from confluent_kafka import Producer

from core.domain.errors import Code, Unavailable
from localcloud.kafka_broker import PARTITION_BYTES, GroupWatch

#: Bytes per partition: half of what the mock broker keeps, so that a second producer's records do not push ours out.
_IN_FLIGHT_BYTES = PARTITION_BYTES // 2
POLL_SECONDS = 0.05
_STALLED_SECONDS = 120.0


class GroupProgress:
    """Counts the bytes that this process has sent and the group has not read, by partition."""

    def __init__(self, servers: str, group: str, topic: str) -> None:
        self._watch = GroupWatch(servers, group, topic)
        self._unread: dict[int, deque[tuple[int, int]]] = {number: deque() for number in self._watch.partitions()}
        self._bytes = dict.fromkeys(self._unread, 0)
        self._next_poll = 0.0

    def close(self) -> None:
        self._watch.__exit__()

    def reserve(self, size: int, producer: Producer) -> int:
        """Wait until `size` bytes fit into the emptiest partition, reserve them, and return the partition's number.

        Raises Unavailable(QUEUE_UNAVAILABLE) if the group reads nothing for two minutes.
        """
        until = time.monotonic() + _STALLED_SECONDS
        while True:
            number = min(self._bytes, key=lambda partition: self._bytes[partition])
            if not self._bytes[number] or self._bytes[number] + size <= _IN_FLIGHT_BYTES:
                self._bytes[number] += size
                return number
            if time.monotonic() > until:
                raise Unavailable(
                    Code.QUEUE_UNAVAILABLE, f"No consumer has read from the topic for {_STALLED_SECONDS:g} seconds."
                )
            producer.poll(POLL_SECONDS)
            if time.monotonic() > self._next_poll:
                self._update()

    def report(self, partition: int, size: int, offset: int | None) -> None:
        """Note the offset of a record that was delivered; None releases the bytes of a record that was not."""
        if offset is None:
            self._bytes[partition] -= size
        else:
            self._unread[partition].append((offset, size))

    def _update(self) -> None:
        for partition, committed in self._watch.committed().items():
            unread = self._unread[partition]
            while unread and unread[0][0] < committed:
                self._bytes[partition] -= unread.popleft()[1]
        self._next_poll = time.monotonic() + POLL_SECONDS

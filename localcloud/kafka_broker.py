"""Kafka on this machine: a broker that speaks the real protocol, and how far a consumer group has come.

The broker is librdkafka's own mock cluster: consumer groups, rebalances, headers, commits, over real sockets.
"""

import ctypes
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition, cimpl

from core.domain.errors import Code, Unavailable

#: What the mock broker keeps of a partition, in bytes; beyond, it drops the oldest records and tells nobody.
#: librdkafka, rdkafka_mock.c: `defaults.partition_max_size`.
PARTITION_BYTES = 5 * 1024 * 1024
#: Two records must fit into a partition: where the newest drives out all the others, the mock broker loses it too
#: (2.16: it makes room before it takes the new one in, and an empty partition begins behind it).
MAX_RECORD = 2_500_000
_PATIENCE = 10.0  # seconds for a broker to answer
_GROUP_DELAY_MS = 300  # how long a new group waits for more members; librdkafka's own is 3 seconds


class Broker:
    """A Kafka cluster of one broker for as long as its `with` block lasts, with one topic.

    Made by librdkafka's C functions (rdkafka_mock.h), which Python's Producer keeps to itself: its own way,
    `test.mock.num.brokers`, has no say in how many partitions a topic has, or in how long a new group waits.
    """

    bootstrap_servers: str

    def __init__(self, topic: str, partitions: int = 4) -> None:
        self.topic = topic
        self._partitions = partitions

    def __enter__(self) -> Self:
        library = self._library = _librdkafka()
        complaint = ctypes.create_string_buffer(512)
        settings = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(settings, b"log_level", b"3", complaint, len(complaint))
        self._client = library.rd_kafka_new(0, settings, complaint, len(complaint))
        if not self._client:
            raise Unavailable(Code.QUEUE_UNAVAILABLE, f"librdkafka did not start: {complaint.value.decode()}")
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, _GROUP_DELAY_MS)
        library.rd_kafka_mock_topic_create(self._cluster, self.topic.encode(), self._partitions, 1)
        self.bootstrap_servers = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def _librdkafka() -> ctypes.CDLL:
    """The very library that confluent-kafka brings: whoever asks its extension module for a name reaches it."""
    library = ctypes.CDLL(cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a group has come in one partition: the next offset it will read, and the next to be written."""

    committed: int
    end: int

    @property
    def lag(self) -> int:
        return self.end - self.committed


class GroupWatch:
    """Looks at a consumer group without joining it. Also a context manager that closes on exit."""

    def __init__(self, bootstrap_servers: str, group: str, topic: str, config: Mapping[str, str] | None = None) -> None:
        self._consumer = Consumer(
            {**(config or {}), "bootstrap.servers": bootstrap_servers, "group.id": group, "log_level": 3}
        )
        self._topic = topic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._consumer.close()

    def partitions(self) -> list[int]:
        """The topic's partitions. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        try:
            found = self._consumer.list_topics(self._topic, timeout=_PATIENCE).topics[self._topic]
        except KafkaException as error:
            raise _unavailable(error) from error
        return sorted(found.partitions)

    def committed(self) -> dict[int, int]:
        """The next offset that the group will read, by partition. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        wanted = [TopicPartition(self._topic, number) for number in self.partitions()]
        try:
            found = self._consumer.committed(wanted, timeout=_PATIENCE)
        except KafkaException as error:
            raise _unavailable(error) from error
        return {item.partition: max(0, item.offset) for item in found}  # a negative one: nothing committed yet

    def progress(self) -> dict[int, Progress]:
        """All of it, by partition. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        committed, found = self.committed(), {}
        for number, offset in committed.items():
            try:
                marks = self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_PATIENCE)
            except KafkaException as error:
                raise _unavailable(error) from error
            found[number] = Progress(committed=offset, end=marks[1] if marks else offset)
        return found


def _unavailable(error: KafkaException) -> Unavailable:
    return Unavailable(Code.QUEUE_UNAVAILABLE, f"Kafka did not answer: {error.args[0]}")

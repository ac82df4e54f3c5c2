"""The Kafka broker, librdkafka's mock cluster with real sockets and consumer groups; and the progress of a group."""

import ctypes
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition, cimpl

from core.domain.errors import Code, Unavailable

#: The mock broker's limit for a partition, in bytes; beyond it, the oldest records are dropped without an error.
#: librdkafka, rdkafka_mock.c: `defaults.partition_max_size`.
PARTITION_BYTES = 5 * 1024 * 1024
#: Bytes of the largest record. Two must fit into a partition: if the newest displaces all others, the mock broker
#: loses it too (librdkafka 2.16: it makes room before it appends, and an emptied partition starts behind the record).
MAX_RECORD = 2_500_000
_BROKER_SECONDS = 10.0  # for a broker to answer
_GROUP_DELAY_MS = 300  # a new group's wait for more members; librdkafka's default is 3 seconds


class Broker:
    """A Kafka cluster of one broker and one topic, for as long as its `with` block lasts.

    It calls librdkafka's C functions (rdkafka_mock.h), because the configuration `test.mock.num.brokers` of Python's
    clients sets neither the number of partitions nor the wait of a new group.
    """

    bootstrap_servers: str

    def __init__(self, topic: str, partitions: int = 4) -> None:
        self.topic = topic
        self._partitions = partitions

    def __enter__(self) -> Self:
        library = self._library = _librdkafka()
        error = ctypes.create_string_buffer(512)
        settings = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(settings, b"log_level", b"3", error, len(error))
        self._client = library.rd_kafka_new(0, settings, error, len(error))
        if not self._client:
            raise Unavailable(Code.QUEUE_UNAVAILABLE, f"librdkafka did not start: {error.value.decode()}")
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, _GROUP_DELAY_MS)
        library.rd_kafka_mock_topic_create(self._cluster, self.topic.encode(), self._partitions, 1)
        self.bootstrap_servers = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def _librdkafka() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka bundles, reached through its extension module."""
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


class PartitionProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A group's progress in one partition: `committed` is the next offset to be read, `end` the next to be written."""

    committed: int
    end: int

    @property
    def lag(self) -> int:
        return self.end - self.committed


class GroupWatch:
    """Observes a consumer group without joining it. Also a context manager that closes on exit."""

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
        """The topic's partition numbers. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        try:
            topic = self._consumer.list_topics(self._topic, timeout=_BROKER_SECONDS).topics[self._topic]
        except KafkaException as error:
            raise _unavailable(error) from error
        return sorted(topic.partitions)

    def committed(self) -> dict[int, int]:
        """The group's next offset to read, by partition. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        partitions = [TopicPartition(self._topic, number) for number in self.partitions()]
        try:
            offsets = self._consumer.committed(partitions, timeout=_BROKER_SECONDS)
        except KafkaException as error:
            raise _unavailable(error) from error
        return {item.partition: max(0, item.offset) for item in offsets}  # negative: nothing committed yet

    def progress(self) -> dict[int, PartitionProgress]:
        """The group's progress, by partition. Raises Unavailable(QUEUE_UNAVAILABLE)."""
        committed, progress = self.committed(), {}
        for number, offset in committed.items():
            try:
                marks = self._consumer.get_watermark_offsets(
                    TopicPartition(self._topic, number), timeout=_BROKER_SECONDS
                )
            except KafkaException as error:
                raise _unavailable(error) from error
            progress[number] = PartitionProgress(committed=offset, end=marks[1] if marks else offset)
        return progress


def _unavailable(error: KafkaException) -> Unavailable:
    return Unavailable(Code.QUEUE_UNAVAILABLE, f"Kafka did not answer: {error.args[0]}")

"""The Kafka event source, between librdkafka's mock broker and a fake function."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from localcloud.kafka_broker import Broker, GroupWatch
from localcloud.lambda_.function import MAX_PAYLOAD, Invocation
from localcloud.lambda_.kafka_event_source import KafkaEventSource, KafkaMapping
from localcloud.lambda_.kafka_events import Cluster, Record
from tests.support.waiting import HANGS_AFTER, until

Events = list[dict[str, Any]]


class FakeFunction:
    """Keeps every event; `answer` decides what it answers."""

    def __init__(self) -> None:
        self.events: Events = []
        self.answer: Callable[[dict[str, Any]], Invocation] = lambda _event: Invocation("id", None)
        self._lock = threading.Lock()

    def invoke(self, event: dict[str, Any]) -> Invocation:
        with self._lock:
            self.events.append(event)
        return self.answer(event)

    def hold_answers(self) -> threading.Event:
        """Answer no event until the returned one is set."""
        release = threading.Event()

        def wait(_event: object) -> Invocation:
            release.wait(HANGS_AFTER)
            return Invocation("id", None)

        self.answer = wait
        return release

    def deliveries(self) -> list[tuple[int, int]]:
        """Partition and offset of each delivered record, in order of delivery."""
        return [(record["partition"], record["offset"]) for record in self.records()]

    def records(self) -> list[dict[str, Any]]:
        with self._lock:
            return [record for event in self.events for group in event["records"].values() for record in group]


class Topic:
    """A topic with its producer and the event sources that read it."""

    def __init__(self, servers: str, name: str) -> None:
        self.servers, self.name = servers, name
        self.function = FakeFunction()
        self.discarded: list[Record] = []
        self.watch = GroupWatch(servers, name, name)
        self.watch.partitions()
        self._producer = Producer({"bootstrap.servers": servers, "message.max.bytes": 10_000_000, "log_level": 3})
        self._sources: list[KafkaEventSource] = []

    def send(self, *values: bytes | None, partition: int = 0, **more: Any) -> None:
        for value in values:
            self._producer.produce(self.name, value, partition=partition, **more)
        assert self._producer.flush(HANGS_AFTER) == 0

    def source(self, consumers: int = 1, **options: Any) -> KafkaEventSource:
        settings = {"batching_window": 0.2, "backoff": 0.05, "session_timeout": 2.0, **options}
        mapping = KafkaMapping(
            cluster=Cluster(bootstrap_servers=self.servers, arn=settings.pop("arn", None)),
            topic=self.name,
            group=self.name,
            **settings,
        )
        source = KafkaEventSource(mapping, self.function.invoke, self.discarded.append)
        self._sources.append(source)
        source.scale(consumers)
        return source

    def lag(self) -> int:
        return sum(item.lag for item in self.watch.progress().values())

    def close(self) -> None:
        for source in self._sources:
            source.close()
        self.watch.__exit__()


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    with Broker("unused") as broker:
        yield broker.bootstrap_servers


@pytest.fixture
def topic(servers: str, request: pytest.FixtureRequest) -> Iterator[Topic]:
    topic = Topic(servers, f"topic-{abs(hash(request.node.name))}")
    yield topic
    topic.close()


def test_a_record_arrives_with_everything_that_lambda_puts_around_it(topic: Topic) -> None:
    before = int(time.time() * 1000)
    topic.send(b"\xff\xd8", key=b"k", headers=[("filename", "ë.jpg".encode()), ("filename", b"2"), ("none", None)])
    topic.send(None, b"")
    topic.source(arn="arn:aws:kafka:us-east-1:123456789012:cluster/local/1")
    until(lambda: topic.lag() == 0)
    event = topic.function.events[0]
    assert event["eventSource"] == "aws:kafka"
    assert event["eventSourceArn"].endswith("cluster/local/1")
    assert event["bootstrapServers"] == topic.servers
    whole, null, empty = event["records"][f"{topic.name}-0"]
    assert (whole["topic"], whole["partition"], whole["offset"]) == (topic.name, 0, 0)
    assert (whole["key"], whole["value"], whole["timestampType"]) == ("aw==", "/9g=", "CREATE_TIME")
    assert before <= whole["timestamp"] <= time.time() * 1000
    assert whole["headers"] == [{"filename": [-61, -85, 46, 106, 112, 103]}, {"filename": [50]}, {"none": []}]
    assert "value" not in null
    assert empty["value"] == ""


def test_a_cluster_without_an_arn_is_a_self_managed_one(topic: Topic) -> None:
    topic.send(b"x")
    topic.source()
    until(lambda: topic.lag() == 0)
    assert topic.function.events[0]["eventSource"] == "SelfManagedKafka"
    assert "eventSourceArn" not in topic.function.events[0]


def test_a_batch_holds_records_of_several_partitions_each_in_its_order_and_no_more_than_its_size(topic: Topic) -> None:
    for number in range(4):
        topic.send(*[b"%d" % item for item in range(10)], partition=number)
    topic.source(batch_size=15)
    until(lambda: topic.lag() == 0)
    sizes = [sum(map(len, event["records"].values())) for event in topic.function.events]
    assert sum(sizes) == 40
    assert max(sizes) == 15
    assert max(len(event["records"]) for event in topic.function.events) > 1
    for number in range(4):
        assert [offset for partition, offset in topic.function.deliveries() if partition == number] == list(range(10))


def test_a_window_collects_what_comes_in_after_the_first_record(topic: Topic) -> None:
    source = topic.source(batching_window=HANGS_AFTER, batch_size=3)
    topic.send(b"first")
    until(lambda: source._consumers[0]._next_offsets.get(0) == 1)  # it has been read
    topic.send(b"second", partition=1)
    topic.send(b"third")
    until(lambda: topic.lag() == 0)
    assert [len(topic.function.records()), len(topic.function.events)] == [3, 1]


def test_an_event_stays_within_lambdas_six_megabytes_of_json(topic: Topic) -> None:
    for number in range(4):
        topic.send(b"a" * 1_900_000, b"b" * 1_900_000, partition=number)
    topic.source()
    until(lambda: topic.lag() == 0)
    sizes = [len(json.dumps(event, separators=(",", ":")).encode()) for event in topic.function.events]
    assert max(sizes) <= MAX_PAYLOAD
    counts = [sum(map(len, event["records"].values())) for event in topic.function.events]
    assert (sum(counts), max(counts)) == (8, 2)


def test_a_record_that_no_event_has_room_for_is_put_aside_and_the_partition_moves_on(topic: Topic) -> None:
    topic.send(b"before", b"x" * 4_750_000, b"after")
    topic.source()
    until(lambda: topic.lag() == 0)
    assert topic.function.deliveries() == [(0, 0), (0, 2)]
    assert [record.offset for record in topic.discarded] == [1]


def test_nothing_is_committed_before_the_function_has_answered(topic: Topic) -> None:
    release = topic.function.hold_answers()
    topic.send(b"1", b"2")
    topic.source()
    until(lambda: topic.function.events)
    time.sleep(0.3)
    assert topic.lag() == 2
    release.set()
    until(lambda: topic.lag() == 0)


def test_after_an_error_the_same_batch_is_delivered_again_until_it_succeeds(topic: Topic) -> None:
    def fail_twice(_event: object) -> Invocation:
        return Invocation("id", {"errorType": "E"}, "Unhandled" if len(topic.function.events) < 3 else None)

    topic.function.answer = fail_twice
    topic.send(b"1", b"2", b"3")
    topic.source()
    until(lambda: topic.lag() == 0)
    assert topic.function.events == [topic.function.events[0]] * 3
    assert topic.function.deliveries() == [(0, 0), (0, 1), (0, 2)] * 3


def answer_partial_failure(topic: Topic) -> Callable[[dict[str, Any]], Invocation]:
    """Offsets 2 and 3 of partition 0 fail the first time."""

    def answer(_event: object) -> Invocation:
        failed = (3, 2) if len(topic.function.events) == 1 else ()
        items = [{"itemIdentifier": {"partition": f"{topic.name}-0", "offset": offset}} for offset in failed]
        return Invocation("id", {"batchItemFailures": items})

    return answer


def test_with_partial_responses_a_partition_comes_again_from_its_lowest_failed_offset(topic: Topic) -> None:
    topic.function.answer = answer_partial_failure(topic)
    topic.send(*[b"x"] * 5)
    topic.send(*[b"x"] * 2, partition=1)
    topic.source(report_batch_item_failures=True, batching_window=1.0)
    until(lambda: topic.lag() == 0)
    assert sorted(topic.function.deliveries()[:7]) == [(0, offset) for offset in range(5)] + [(1, 0), (1, 1)]
    assert topic.function.deliveries()[7:] == [(0, 2), (0, 3), (0, 4)]


def test_without_partial_responses_such_an_answer_means_nothing(topic: Topic) -> None:
    topic.function.answer = answer_partial_failure(topic)
    topic.send(*[b"x"] * 5)
    topic.source()
    until(lambda: topic.lag() == 0)
    assert topic.function.deliveries() == [(0, offset) for offset in range(5)]


def test_a_new_consumer_of_the_group_begins_where_the_last_one_committed(topic: Topic) -> None:
    topic.send(b"1", b"2")
    first = topic.source()
    until(lambda: topic.lag() == 0)
    first.close()
    topic.send(b"3")
    topic.source()
    until(lambda: topic.lag() == 0)
    assert topic.function.deliveries() == [(0, 0), (0, 1), (0, 2)]


def test_a_batch_whose_partitions_were_taken_away_meanwhile_is_delivered_again_and_none_is_missed(topic: Topic) -> None:
    release = topic.function.hold_answers()
    for number in range(4):
        topic.send(*[b"x"] * 5, partition=number)
    source = topic.source()
    until(lambda: topic.function.events)
    source.scale(2)  # the new consumer causes a rebalance, which revokes every partition of the busy one
    until(lambda: len(topic.function.events) >= 2)
    release.set()
    until(lambda: topic.lag() == 0)
    everything = {(partition, offset) for partition in range(4) for offset in range(5)}
    assert set(topic.function.deliveries()) == everything
    assert len(topic.function.deliveries()) > len(everything)


def test_a_consumer_that_finishes_amid_a_rebalance_reads_on_from_what_it_is_dealt(topic: Topic) -> None:
    release = topic.function.hold_answers()
    for number in range(4):
        topic.send(*[b"x"] * 5, partition=number)
    source = topic.source()
    until(lambda: topic.function.events)
    source.scale(2)
    until(lambda: not source._consumers[0]._leases)
    release.set()
    until(lambda: topic.lag() == 0)
    assert set(topic.function.deliveries()) == {(partition, offset) for partition in range(4) for offset in range(5)}


def test_records_that_the_broker_dropped_before_they_were_read_are_not_lost_in_silence(
    topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(8):
        topic.send(b"x" * 1_000_000)
    topic.source()
    until(lambda: topic.lag() == 0)
    assert topic.function.deliveries()[0][1] > 0
    assert "dropped by the broker before they were read" in caplog.text

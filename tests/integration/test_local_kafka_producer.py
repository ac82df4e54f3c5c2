"""The producer waits for the consumer group, because the mock broker drops records beyond 5 MB a partition."""

import threading
import time
from pathlib import Path

import pytest

from core.domain.errors import Code, Refusal
from localcloud.kafka_broker import MAX_RECORD, Broker, GroupWatch
from localcloud.lambda_.function import Invocation
from localcloud.lambda_.kafka_event_source import KafkaEventSource, KafkaMapping
from localcloud.lambda_.kafka_events import Cluster
from pictureperfect.kafka import messages
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer
from tests.support.waiting import until


@pytest.mark.long
def test_fifty_megabytes_go_through_twenty_of_room_and_no_record_is_dropped() -> None:
    seen: list[tuple[int, int]] = []
    lock = threading.Lock()

    def invoke_slowly(event: dict[str, dict[str, list[dict[str, int]]]]) -> Invocation:
        time.sleep(0.02)
        with lock:
            seen.extend((item["partition"], item["offset"]) for group in event["records"].values() for item in group)
        return Invocation("id", None)

    failures: list[tuple[str, str]] = []
    with Broker("images") as broker:
        servers = broker.bootstrap_servers
        mapping = KafkaMapping(
            cluster=Cluster(bootstrap_servers=servers), topic="images", group="g", batching_window=0.05
        )
        source = KafkaEventSource(mapping, invoke_slowly, lambda _record: None)
        source.scale(1)
        config = {"bootstrap.servers": servers}
        with (
            GroupWatch(servers, "g", "images") as watch,
            RecordProducer(config, "images", lambda *failure: failures.append(failure), group="g") as producing,
        ):
            sizes = [1_500_000] * 24 + [MAX_RECORD, 10] * 8
            for number, size in enumerate(sizes):
                producing.send(KafkaRecord(name=str(number), value=b"x" * size, headers={"filename": f"{number}.jpg"}))
            until(lambda: len(seen) >= len(sizes) and not sum(item.lag for item in watch.progress().values()))
        source.close()
    assert (producing.delivered, failures) == (len(sizes), [])
    assert len(seen) == len(set(seen)) == len(sizes)


def test_records_that_no_broker_takes_are_named() -> None:
    failures: list[tuple[str, str]] = []
    config = {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": "300"}
    with RecordProducer(config, "images", lambda *failure: failures.append(failure)) as producing:
        producing.send(KafkaRecord(name="cat.jpg", value=b"x", headers={}))
    assert producing.delivered == 0
    ((name, reason),) = failures
    assert (name, "timed out" in reason) == ("cat.jpg", True)


@pytest.mark.parametrize(
    ("servers", "cause"),
    [("127.0.0.1:1", "Connection refused"), ("no-such-host.invalid:9092", "Failed to resolve")],
)
def test_a_broker_that_is_not_there_is_named_with_what_is_wrong_and_where_to_look(servers: str, cause: str) -> None:
    for seconds in (1.5, 15, 150):  # a slow machine, or its resolver, may not know the cause sooner
        failures: list[tuple[str, str]] = []
        config = {"bootstrap.servers": servers, "message.timeout.ms": str(int(seconds * 1000))}
        with RecordProducer(
            config, "images", lambda *failure, failures=failures: failures.append(failure)
        ) as producing:
            producing.send(KafkaRecord(name="cat.jpg", value=b"x", headers={}))
        ((_, reason),) = failures
        if cause in reason:
            break
    assert f"no answer from {servers} (" in reason
    assert cause in reason
    assert reason.endswith("Look at --bootstrap-servers and --config")


def test_properties_that_librdkafka_does_not_know_are_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"no\.such\.property"):
        RecordProducer({"bootstrap.servers": "127.0.0.1:1", "no.such.property": "1"}, "images", lambda *_: None)


def test_an_image_too_large_for_a_record_needs_a_bucket() -> None:
    sender = messages.Sender(customer="acme", pipeline="web", max_inline=10)
    small, is_reference = messages.make_record(sender, "a.jpg", b"0123456789", None)
    assert (small.value, is_reference) == (b"0123456789", False)
    assert small.headers == {"customer-id": "acme", "pipeline": "web", "filename": "a.jpg"}
    with pytest.raises(Refusal) as refused:
        messages.make_record(sender, "b.jpg", b"0123456789a", None)
    assert refused.value.code == Code.TOO_MANY_BYTES


def test_the_files_of_a_folder_come_sorted_without_hidden_ones_and_as_often_as_asked_for(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/c.jpg", ".hidden", ".git/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in messages.list_files(tmp_path, None, loop=False)] == ["c.jpg", "b.jpg"]
    assert [path.name for path in messages.list_files(tmp_path, 5, loop=False)] == [
        "c.jpg",
        "b.jpg",
        "c.jpg",
        "b.jpg",
        "c.jpg",
    ]
    assert [path.name for path in messages.list_files(tmp_path, 1, loop=True)] == ["c.jpg"]
    assert list(messages.list_files(tmp_path / "a" / "none", None, loop=True)) == []


def test_a_file_of_properties_is_read_and_a_wrong_line_is_named_without_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("# TLS\nsecurity.protocol = SASL_SSL\n\nsasl.password=a=b\n")
    assert messages.read_properties(file) == {"security.protocol": "SASL_SSL", "sasl.password": "a=b"}
    file.write_text("ssl.ca.location=/ca\nhunter2\n")
    with pytest.raises(Refusal, match="line 2") as refused:
        messages.read_properties(file)
    assert "hunter2" not in str(refused.value)

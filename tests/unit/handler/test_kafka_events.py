"""Reading Kafka events: the shapes that AWS documents, and faults, which are refused by the field's name."""

import json
from base64 import b64encode
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import Code, Refusal
from core.domain.kafka_customer_rules import read_rules
from core.services.intake.kafka_records import KafkaImage, Message, Record, read_image
from handler import kafka
from tests.support.aws.kafka_events import ARN, TIMESTAMP, batch, record
from tests.support.values import NOW

EVENTS = Path(__file__).parents[2] / "events"


def _sample(name: str) -> list[Record]:
    return kafka.records(json.loads((EVENTS / name).read_text(encoding="utf-8")))


def _read(raw: dict[str, Any]) -> Record:
    (found,) = kafka.records(batch(raw))
    return found


def _ask(raw: dict[str, Any], rules: str = "", pipeline: str = "web") -> KafkaImage:
    return read_image(_read(raw), read_rules(rules), pipeline, NOW)


def _refused(raw: dict[str, Any], **settings: str) -> str:
    with pytest.raises(Refusal) as caught:
        _ask(raw, **settings)
    assert caught.value.code is Code.INVALID_REQUEST
    return caught.value.message


def test_a_batch_of_msk_is_read_as_aws_documents_it() -> None:
    bytes_, reference, empty, keyed = _sample("kafka_msk.json")
    assert (bytes_.group, bytes_.topic, bytes_.partition, bytes_.offset) == ("mytopic-0", "mytopic", 0, 15)
    assert bytes_.cluster.startswith("arn:aws:kafka:")
    asked = read_image(bytes_, (), "", NOW)
    assert asked.body == b"\xff\xd8\xff\xe0a photo"
    assert (asked.request.customer, asked.request.pipeline, asked.request.filename) == ("acme", "web", "müde.jpg")
    assert asked.received_at.isoformat() == "2018-12-17T22:10:50.987000+00:00"
    assert read_image(reference, (), "", NOW).request.s3 == "s3://shared/acme/a.jpg"
    assert isinstance(empty.message, Message)
    assert (empty.message.key, empty.message.value) == (None, b"")
    assert (keyed.group, keyed.topic, keyed.partition) == ("my-topic-with-dashes-11", "my-topic-with-dashes", 11)
    assert read_image(keyed, read_rules("key"), "web", NOW).request.customer == "acme"


def test_a_batch_of_a_self_managed_cluster_is_read_as_aws_documents_it() -> None:
    (one,) = _sample("kafka_self_managed.json")
    assert one.cluster == "b-1.kafka.example:9092,b-2.kafka.example:9092"
    assert read_image(one, (), "", NOW).identity == ("idempotency-key", "order-7")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"records": None},
        {"records": []},
        {"records": {"t-0": {}}},
        {"records": {"t-0": [1]}},
        {"records": {"t-0": [{}]}},
        {"records": {"t-0": [record() | {"topic": "../x"}]}},
        {"records": {"t-0": [record() | {"offset": -1}]}},
        {"records": {"t-0": [record() | {"partition": None}]}},
        {"eventSourceArn": None, "bootstrapServers": None, "records": {}},
    ],
)
def test_what_is_no_batch_at_all_is_refused_as_a_whole(event: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        kafka.records({"eventSourceArn": ARN} | event)
    assert caught.value.code is Code.INVALID_EVENT


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"value": "no base64!"}, "value"),
        ({"value": "YQ=é"}, "value"),
        ({"value": 7}, "value"),
        ({"key": "%"}, "key"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"headers": "none"}, "headers"),
        ({"headers": [{"pipeline": "text"}]}, "headers"),
        ({"headers": [{"pipeline": [256]}]}, "headers"),
        ({"headers": [{"pipeline": [-129]}]}, "headers"),
    ],
)
def test_a_record_that_cannot_be_read_says_where_it_stands_and_what_is_wrong(fault: dict[str, Any], named: str) -> None:
    one, other = kafka.records(batch(record() | fault, record(offset=1)))
    assert str(one) == "topic images, partition 0, offset 0"
    assert isinstance(one.message, Refusal)
    assert named in one.message.message
    assert isinstance(other.message, Message)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (record(customer_id=None), "customer"),
        (record(customer_id="../globex"), "customer"),
        (record(customer_id=b"\xff"), "customer-id"),
        (record(pipeline=b"\xff"), "pipeline"),
        (record(pipeline="web/x"), "pipeline"),
        (record(filename="x" * 1001), "filename"),
        (record(idempotency_key="x" * 201), "idempotency_key"),
        (record(b"{}"), "s3"),
        (record(b'{"s3": 12}'), "s3"),
        (record(b'{"s3": "s3://shared/acme/a", "surprise": 1}'), "surprise"),
    ],
)
def test_what_is_wrong_is_refused_with_the_field(raw: dict[str, Any], named: str) -> None:
    assert named in _refused(raw)


def test_without_a_pipeline_there_and_in_the_settings_a_record_is_refused() -> None:
    assert "KAFKA_PIPELINE" in _refused(record(), pipeline="")


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"{not json",
        b'["s3"]',
        b'"s3"',
        b"\xff{}",
        b'{"a":' * 100_000,
        b'{"s3": "\xff"}',
        b'{"s3": "\\ud800"}',
    ],
)
def test_a_value_that_only_begins_like_a_reference_is_an_image(value: bytes) -> None:
    asked = _ask(record(value))
    assert (asked.body, asked.request.s3) == (value, None)


def test_a_reference_may_have_space_around_it_and_say_what_the_headers_do_not() -> None:
    value = b' \r\n\t{"s3": "s3://shared/acme/x", "filename": "a.jpg", "idempotency_key": "k"} '
    asked = _ask(record(value, filename="b.jpg"))
    assert (asked.body, asked.request.s3) == (None, "s3://shared/acme/x")
    assert (asked.request.filename, asked.request.idempotency_key) == ("b.jpg", "k")


def test_header_names_have_no_case_the_last_of_several_counts_and_an_empty_one_is_none() -> None:
    raw = record() | {
        "headers": [{"CUSTOMER-ID": [97]}, {"Customer-Id": [98]}, {"pipeline": []}, {"filename": None}, {"x": [255]}]
    }
    asked = _ask(raw)
    assert (asked.request.customer, asked.request.pipeline, asked.request.filename) == ("b", "web", None)


@given(text=st.text(max_size=20).filter(bool), signed=st.booleans())
def test_header_bytes_are_text_signed_or_not(text: str, signed: bool) -> None:
    content = [byte - 256 if signed and byte > 127 else byte for byte in text.encode()]
    raw = record() | {"headers": [{"customer-id": [97]}, {"filename": content}]}
    assert _ask(raw).request.filename == text


def test_the_same_record_is_the_same_image_however_the_servers_are_listed() -> None:
    event = {"eventSource": "SelfManagedKafka", "records": {"images-0": [record()]}}
    (one,) = kafka.records(event | {"bootstrapServers": "a:1,b:2"})
    (other,) = kafka.records(event | {"bootstrapServers": "b:2, a:1"})
    assert read_image(one, (), "web", NOW).identity == read_image(other, (), "web", NOW).identity
    assert one.digest == other.digest


def test_whatever_tells_two_records_apart_makes_two_images_of_them() -> None:
    raws = [
        record(),
        record(b"other"),
        record(offset=1),
        record(partition=1),
        record(topic="other"),
        record() | {"timestamp": TIMESTAMP + 1},
        record() | {"timestampType": "NO_TIMESTAMP_TYPE"},
    ]
    assert len({_ask(raw).identity for raw in raws}) == len({_read(raw).digest for raw in raws}) == len(raws)
    (elsewhere,) = kafka.records(batch(record()) | {"eventSourceArn": "another"})
    assert read_image(elsewhere, (), "web", NOW).identity != _ask(record()).identity


def test_the_callers_key_is_the_identity_wherever_the_record_stands() -> None:
    assert _ask(record(idempotency_key="k")).identity == _ask(record(b"x", 7, idempotency_key="k")).identity


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({}, NOW),
        ({"timestamp": TIMESTAMP - 1000, "timestampType": "LOG_APPEND_TIME"}, NOW - timedelta(seconds=1)),
        ({"timestamp": TIMESTAMP - 1000, "timestampType": "NO_TIMESTAMP_TYPE"}, NOW),
        ({"timestamp": TIMESTAMP - 1000, "timestampType": None}, NOW),
        ({"timestamp": None}, NOW),
        ({"timestamp": -1}, NOW),
        ({"timestamp": 0}, NOW),
        ({"timestamp": TIMESTAMP + 2 * 86_400_000}, NOW),
        ({"timestamp": 2**62}, NOW),
    ],
)
def test_an_image_came_in_when_its_record_says_so_if_that_can_be(change: dict[str, Any], received: Any) -> None:
    assert _ask(record() | change).received_at == received


def test_a_partial_answer_names_the_first_record_of_each_partition_that_is_to_come_again() -> None:
    failed = kafka.records(batch(record(offset=9), record(offset=7), record(partition=1, offset=3)))
    assert kafka.failures(failed) == {
        "batchItemFailures": [
            {"itemIdentifier": {"partition": "images-0", "offset": 7}},
            {"itemIdentifier": {"partition": "images-1", "offset": 3}},
        ]
    }
    assert kafka.failures([]) == {"batchItemFailures": []}


@given(st.binary(max_size=40))
def test_any_bytes_are_an_image_or_a_reference_or_refused(value: bytes) -> None:
    asked = None
    with suppress(Refusal):
        asked = _ask(record() | {"value": b64encode(value).decode()})
    assert asked.body == value if asked else value.lstrip().startswith(b"{")


@pytest.mark.parametrize(
    "rules", ["topic:images.{customer}", "key topic:images.{customer}", "topic:images.acme=acme key"]
)
def test_a_topic_that_is_a_customers_own_carries_nobody_elses_images(rules: str) -> None:
    """Brokers restrict who may write to a topic, but not which header or key a record has."""
    for header in (None, "", "acme"):
        raw = record(topic="images.acme", customer_id=header) | {"key": b64encode(b"globex").decode()}
        assert _ask(raw, rules=rules).request.customer == "acme"
    message = _refused(record(topic="images.acme", customer_id="globex"), rules=rules)
    assert "customer-id" in message
    assert "'globex'" in message
    assert "topic images.acme belongs to acme alone" in message


@pytest.mark.parametrize("header", ["Acme", "acme ", "ac\nme", "acme\0"])
def test_a_header_that_is_nearly_the_topics_customer_is_anothers(header: str) -> None:
    assert "customer-id" in _refused(record(topic="images.acme", customer_id=header), rules="topic:images.{customer}")


def test_a_topic_of_no_rule_is_whose_its_header_says() -> None:
    raw = record(topic="scans", customer_id="globex")
    assert _ask(raw, rules="topic:images.{customer} key").request.customer == "globex"

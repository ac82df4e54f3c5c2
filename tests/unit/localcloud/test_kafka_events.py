"""Properties of the Kafka event source's batches: their size, the records that are retried, the offsets committed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.lambda_ import kafka_events
from localcloud.lambda_.function import MAX_PAYLOAD, Invocation
from localcloud.lambda_.kafka_events import (
    Cluster,
    EventSize,
    Record,
    committable,
    kafka_event,
    to_retry,
    too_large_document,
)

CLUSTER = Cluster(bootstrap_servers="b-1.example:9092", arn="arn:aws:kafka:eu-west-1:1:cluster/a/b")


def record(partition: int, offset: int, content: str = "") -> Record:
    document = {"topic": "t", "partition": partition, "offset": offset, "value": content}
    return Record("t", partition, offset, document, size=kafka_events._size(document))


def batches(offsets: dict[int, tuple[int, int]]) -> list[Record]:
    return [
        record(partition, offset)
        for partition, (first, count) in offsets.items()
        for offset in range(first, first + count)
    ]


OFFSETS = st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 1000), st.integers(1, 6)), min_size=1)


@given(st.lists(st.tuples(st.integers(0, 20), st.text(max_size=40), st.integers(0, 900_000)), max_size=12))
def test_an_event_is_never_larger_than_lambda_allows(contents: list[tuple[int, str, int]]) -> None:
    size = EventSize(CLUSTER)
    taken: list[Record] = []
    left: list[Record] = []
    for offset, (partition, text, filler) in enumerate(contents):
        new = record(partition, offset, text + "x" * filler)
        (taken if size.add(new) else left).append(new)
    event_bytes = len(json.dumps(kafka_event(CLUSTER, taken), ensure_ascii=False, separators=(",", ":")).encode())
    assert event_bytes <= MAX_PAYLOAD
    for refused in left:  # and no record was refused that would have fitted
        earlier = [other for other in taken if other.offset < refused.offset]
        assert len(json.dumps(kafka_event(CLUSTER, [*earlier, refused]), ensure_ascii=False)) > MAX_PAYLOAD * 0.99


@given(OFFSETS, st.data())
def test_every_record_of_a_batch_is_either_retried_or_committed(
    offsets: dict[int, tuple[int, int]], data: st.DataObject
) -> None:
    batch = batches(offsets)
    failed = data.draw(st.lists(st.sampled_from(batch), unique_by=lambda each: (each.partition, each.offset)))
    items = [{"itemIdentifier": {"partition": each.group, "offset": each.offset}} for each in failed]
    rest = to_retry(batch, Invocation("id", {"batchItemFailures": items}), report_batch_item_failures=True)
    assert {(each.partition, each.offset) for each in failed} <= {(each.partition, each.offset) for each in rest}
    positions = committable(batch, rest)
    for each in batch:
        assert (each in rest) == (each.offset >= positions[each.partition])


@given(OFFSETS)
def test_after_an_error_every_record_is_retried_and_none_is_committed(
    offsets: dict[int, tuple[int, int]],
) -> None:
    batch = batches(offsets)
    rest = to_retry(batch, Invocation("id", {"errorType": "E"}, "Unhandled"), report_batch_item_failures=True)
    assert rest == batch
    assert committable(batch, rest) == {partition: first for partition, (first, _) in offsets.items()}


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (None, []),
        ({}, []),
        ({"batchItemFailures": None}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": [{"itemIdentifier": {"partition": "t-0", "offset": 6}}]}, [6]),
        ({"batchItemFailures": [{"itemIdentifier": {"partition": "t-0", "offset": 99}}]}, [5, 6]),
        ({"batchItemFailures": [{"itemIdentifier": {"partition": "t-1", "offset": 5}}]}, [5, 6]),
        ({"batchItemFailures": [{"itemIdentifier": {"partition": "t-0"}}]}, [5, 6]),
        ({"batchItemFailures": [{"itemIdentifier": {"partition": [], "offset": 5}}]}, [5, 6]),
        ({"batchItemFailures": [{"itemIdentifier": "t-0-5"}]}, [5, 6]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, [5, 6]),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, [5, 6]),
        ({"batchItemFailures": [{"wrong": 1}]}, [5, 6]),
        ({"batchItemFailures": "nonsense"}, [5, 6]),
        ({"batchItemFailures": 7}, [5, 6]),
        ("nonsense", [5, 6]),
    ],
)
def test_an_answer_that_cannot_be_understood_is_a_failure_of_the_whole_batch(answer: Any, again: list[int]) -> None:
    rest = to_retry(batches({0: (5, 2)}), Invocation("id", answer), report_batch_item_failures=True)
    assert [each.offset for each in rest] == again


def test_a_failure_document_holds_the_whole_record() -> None:
    key, content = too_large_document(CLUSTER, "arn:aws:lambda:::function:process", record(3, 7, "dG9vIG11Y2g="))
    assert key.startswith("aws/lambda/kafka/t-3/")
    document = json.loads(content)
    assert document["payload"]["records"]["t-3"][0]["value"] == "dG9vIG11Y2g="
    assert document["KafkaBatchInfo"]["batchSize"] == 1

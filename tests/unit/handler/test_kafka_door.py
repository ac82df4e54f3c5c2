"""A Kafka batch ends in success: an invalid record leaves a document, an image that does not fit is handed over."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from core.domain.errors import Code, Misconfigured, Refusal, Unavailable
from core.domain.model import Door
from tests.support.aws.kafka_events import ARN, batch, record
from tests.support.fakes.ports import undisturbed
from tests.support.services import Context, World, kafka_batch_processor, s3_event, send

T = TypeVar("T")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _partial(world: World) -> None:
    world.kafka_batches = kafka_batch_processor(world.processor, world.overflow, partial=True)


def _documents(world: World) -> list[Any]:
    return [json.loads(body) for body in world.store.contents("refused/").values()]


def test_each_record_of_a_batch_ends(doors: SimpleNamespace, world: World) -> None:
    event = batch(record(filename="a.jpg"), record(b"!corrupt_image", 1), record(b"", 2), record(None, 3))
    images = send(doors, world, event)["images"]
    assert [(image["status"], image["code"]) for image in images] == [
        ("processed", None),
        ("failed", "corrupt_image"),
        ("failed", "empty_file"),
        ("failed", "empty_file"),
    ]
    world.record()
    assert list(world.store.contents("originals/").values()) == [b"photo"]
    assert not world.store.contents("incoming/")
    assert {row["name"] for row in world.ledger.images.values()} == {"a.jpg", "image"}
    assert {result.door for result in world.metrics.emitted} == {Door.KAFKA}


def test_a_batch_again_is_nothing_before_and_after_it_was_archived(doors: SimpleNamespace, world: World) -> None:
    event = batch(record(), record(b'{"s3": "s3://shared/acme/a"}', 1), record(customer_id=None, offset=2))
    world.store.put("acme/a", b"shared", bucket="shared")
    first = send(doors, world, event)
    for _ in range(2):
        again = send(doors, world, event)
        assert again["refused"] == first["refused"]
        assert again["images"] == [image | {"duplicate": True} for image in first["images"]]
        world.record()
        world.store.put("acme/a", b"overwritten", bucket="shared")
    assert len(world.store.contents("results/")) == len(world.metrics.emitted) == len(world.ledger.images) == 2
    assert len(_documents(world)) == len(world.metrics.refused) == 1


def test_two_records_with_one_key_are_one_image(doors: SimpleNamespace, world: World) -> None:
    event = batch(*(record(b"photo", offset, idempotency_key="k") for offset in range(4)))
    images = send(doors, world, event)["images"]
    assert len({image["image_id"] for image in images}) == 1
    assert [image["duplicate"] for image in images].count(False) == 1


def test_a_key_that_comes_again_with_other_bytes_leaves_a_document(doors: SimpleNamespace, world: World) -> None:
    event = batch(record(b"one", idempotency_key="k"), record(b"other", 1, idempotency_key="k"))
    assert len(send(doors, world, event)["refused"]) == 1
    (document,) = _documents(world)
    assert (document["code"], document["offset"]) == ("identity_conflict", 1)


def test_a_record_of_an_upload_is_that_upload_before_and_after_it_moved(doors: SimpleNamespace, world: World) -> None:
    upload = world.upload("a.jpg", b"photo")
    event = batch(record(b'{"s3": "s3://home/incoming/acme/web/u1/a.jpg"}', idempotency_key="mine"))
    (image,) = send(doors, world, event)["images"]
    world.record()
    assert len(world.store.contents("originals/")) == 1
    (again,) = send(doors, world, event)["images"]
    (uploaded,) = send(doors, world, upload)["images"]
    assert image["image_id"] == again["image_id"] == uploaded["image_id"]
    assert len(world.store.contents("results/")) == 1


@pytest.mark.parametrize(
    "place", ["s3://shared/acme/none", "s3://home/incoming/acme/web/u/none", "s3://home/originals/acme/x"]
)
def test_a_reference_to_nothing_is_an_image_that_failed(doors: SimpleNamespace, world: World, place: str) -> None:
    event = batch(record(json.dumps({"s3": place}).encode()))
    (image,) = send(doors, world, event)["images"]
    assert (image["status"], image["code"]) == ("failed", "source_missing")
    assert send(doors, world, event)["images"] == [image | {"duplicate": True}]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (record(customer_id=None), "invalid_request"),
        (record(customer_id="../globex"), "invalid_request"),
        (record(pipeline=b"\xff"), "invalid_request"),
        (record() | {"value": "no base64!"}, "invalid_request"),
        (record() | {"headers": [{"\ud800": "no list"}]}, "invalid_request"),
        (record(b'{"s3": 12}'), "invalid_request"),
        (record(json.dumps({"s3": "s3://home/originals/acme/" + "x" * 1024}).encode()), "invalid_request"),
        (record(b'{"s3": "s3://home/originals/globex/1/a"}'), "reference_refused"),
        (record(b'{"s3": "s3://home/processed/acme/1/a"}'), "reference_refused"),
    ],
)
def test_poison_stops_nothing_and_does_not_vanish(
    doors: SimpleNamespace, world: World, capfd: pytest.CaptureFixture[str], raw: dict[str, Any], code: str
) -> None:
    answer = send(doors, world, batch(record(b"before", 5), raw | {"offset": 6}, record(b"after", 7)))
    assert [image["status"] for image in answer["images"]] == ["processed", "processed"]
    (key,), (document,) = answer["refused"], _documents(world)
    assert key.startswith("refused/images/0/6-")
    assert document["record"] == raw | {"offset": 6}
    assert (document["code"], document["cluster"], document["topic"], document["offset"]) == (code, ARN, "images", 6)
    assert document["message"]
    assert document["refused_at"] == "2026-11-01T12:00:00+00:00"
    assert world.metrics.refused == [(Door.KAFKA, code)]
    (line,) = capfd.readouterr().err.splitlines()
    for words in ("topic images, partition 0, offset 6", code, key, "send it again"):
        assert words in line


def test_a_refusal_whose_writing_was_not_answered_is_counted_once(doors: SimpleNamespace, world: World) -> None:
    lost: list[str] = []

    def around(name: str, effect: Callable[[], T], /) -> T:
        value = effect()
        if name == "store.create" and not lost:
            lost.append(name)
            raise Unavailable(Code.STORE_UNAVAILABLE, "No answer.")
        return value

    world.store.around = around
    for _ in range(2):
        send(doors, world, batch(record(customer_id=None)))
    assert len(world.metrics.refused) == len(_documents(world)) == 1


@pytest.mark.parametrize("service", ["store", "handovers"])
def test_only_what_aws_itself_refused_comes_again(doors: SimpleNamespace, world: World, service: str) -> None:
    def around(name: str, effect: Callable[[], T], /) -> T:
        if service == "store" and name == "store.create":
            raise Unavailable(Code.STORE_UNAVAILABLE, "No answer.")
        if name == "handovers.hand_over":
            raise Unavailable(Code.QUEUE_UNAVAILABLE, "No answer.")
        return effect()

    event = batch(record(b"!large", 3), record(b"!large", 4), record(partition=1))
    send(doors, world, batch(record(partition=1)))
    world.store.around = world.overflow.around = around
    with pytest.raises(Unavailable):
        send(doors, world, event)
    _partial(world)
    assert send(doors, world, event) == {
        "batchItemFailures": [{"itemIdentifier": {"partition": "images-0", "offset": 3}}]
    }
    world.store.around = world.overflow.around = undisturbed
    assert send(doors, world, event) == {"batchItemFailures": []}


def test_a_fault_of_ours_in_one_record_leaves_the_others_their_turn(doors: SimpleNamespace, world: World) -> None:
    faults = [ZeroDivisionError("a bug")]

    def around(name: str, effect: Callable[[], T], /) -> T:
        if name == "worker.probe" and faults:
            raise faults.pop()
        return effect()

    _partial(world)
    world.worker.around = around
    answer = send(doors, world, batch(record(offset=1), record(offset=2, partition=1)))
    assert answer == {"batchItemFailures": [{"itemIdentifier": {"partition": "images-0", "offset": 1}}]}
    assert len(world.metrics.emitted) == 1


def test_without_an_overflow_queue_kafka_is_not_served(doors: SimpleNamespace, world: World) -> None:
    with pytest.raises(Misconfigured, match="OVERFLOW_QUEUE_URL"):
        doors.process.answer(batch(record()), Context(), world.processor, world.acceptor)


def test_an_empty_batch_is_nothing(doors: SimpleNamespace, world: World) -> None:
    assert send(doors, world, batch()) == {"images": [], "handed_over": [], "refused": []}


def test_the_home_of_staged_bytes_is_no_place_to_refer_to(doors: SimpleNamespace, world: World) -> None:
    send(doors, world, batch(record()), Context(0))
    (staged,) = world.store.contents("incoming/")
    assert len(send(doors, world, batch(record(json.dumps({"s3": f"s3://home/{staged}"}).encode(), 1)))["refused"]) == 1
    assert send(doors, world, s3_event(world.store.put(staged, b"photo"))) == {"images": []}


def test_what_is_no_batch_is_refused_as_a_whole(doors: SimpleNamespace, world: World) -> None:
    with pytest.raises(Refusal):
        send(doors, world, batch() | {"records": {"images-0": [{"offset": 1}]}})

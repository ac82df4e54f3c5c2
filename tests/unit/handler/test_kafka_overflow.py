"""An image that does not fit its share of a batch is handed over, processed alone, and has one result."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest

from core.domain.errors import Code
from core.domain.model import HandOver
from tests.support.aws.kafka_events import batch, record
from tests.support.services import Context, World, send

T = TypeVar("T")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_image_that_needs_more_than_its_share_is_run_alone_and_ends_once(
    doors: SimpleNamespace, world: World
) -> None:
    event = batch(record(b"!large photo"), record(b"small", 1))
    answer = send(doors, world, event)
    assert (len(answer["images"]), len(answer["handed_over"])) == (1, 1)
    assert b"!large photo" in world.store.contents("incoming/").values()
    (body,) = world.overflow.waiting
    message = msgspec.json.decode(body, type=HandOver)
    assert message.reason == "It needs more than its share."
    for _ in range(2):
        world.run_alone(body)
        world.record()
        send(doors, world, event)
    assert set(world.store.contents("originals/").values()) == {b"small", b"!large photo"}
    assert len(world.metrics.emitted) == 2
    assert len(world.overflow.waiting) == 1
    assert not world.store.contents("incoming/")


def test_what_a_late_delivery_stages_of_an_image_that_ended_elsewhere_is_tidied_up(
    doors: SimpleNamespace, world: World
) -> None:
    event = batch(record(b"!large"), record(b"small", 1))
    send(doors, world, event)
    world.run_alone(*world.overflow.waiting)
    world.record()
    assert not world.store.contents("incoming/")
    looked: list[str] = []

    def around(name: str, effect: Callable[[], T], /) -> T:
        if name == "store.read" and not looked:  # as if it was read before the image had a result
            looked.append(name)
            return None  # type: ignore[return-value]
        return effect()

    world.store.around = around
    assert len(send(doors, world, event)["images"]) == 2
    assert world.store.contents("incoming/"), "It was staged late."
    world.record()
    assert not world.store.contents("incoming/")


def test_an_image_that_does_not_fit_alone_either_ends_failed(doors: SimpleNamespace, world: World) -> None:
    answer = send(doors, world, batch(record(b"!out_of_memory"), record(b"!timed_out", 1)))
    assert (answer["images"], len(answer["handed_over"])) == ([], 2)
    world.run_alone(*world.overflow.waiting)
    assert {result.code for result in world.metrics.emitted} == {Code.OUT_OF_MEMORY, Code.TIMED_OUT}


def test_images_left_when_the_time_is_up_are_handed_over_unprocessed(doors: SimpleNamespace, world: World) -> None:
    world.store.put("acme/a", b"shared", bucket="shared")
    event = batch(record(), record(b'{"s3": "s3://shared/acme/a"}', 1), record(customer_id=None, offset=2))
    answer = send(doors, world, event, Context(0))
    assert (len(answer["handed_over"]), len(answer["refused"]), answer["images"]) == (2, 1, [])
    assert world.worker.runs == 0
    assert list(world.store.contents("incoming/").values()) == [b"photo"]
    world.run_alone(*world.overflow.waiting)
    assert world.worker.runs == 2


@pytest.mark.parametrize("context", [Context(), Context(0)])
def test_other_content_under_a_taken_key_is_refused_and_not_left_in_incoming(
    doors: SimpleNamespace, world: World, context: Any
) -> None:
    send(doors, world, batch(record(b"one", idempotency_key="k")))
    world.record()
    hidden = [True]

    def around(name: str, effect: Callable[[], T], /) -> T:
        if name == "store.read" and hidden:  # as if it was read before the first had a result
            hidden.clear()
            return None  # type: ignore[return-value]
        return effect()

    world.store.around = around
    answer = send(doors, world, batch(record(b"other", 1, idempotency_key="k")), context)
    assert (len(answer["refused"]), world.overflow.waiting) == (1, [])
    world.record()
    assert not world.store.contents("incoming/")

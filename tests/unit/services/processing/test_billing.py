"""The bill in a result, on both routes."""

import json
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from core.domain import stored_documents
from core.domain.model import HandOver, ImageJob, Result, Route
from core.routing.batch_tiers import TIERS
from core.routing.prices import MIN_BILLED_SECONDS
from core.services.dispatch.array_child import ArrayChild, Share
from core.services.processing.billing import Meter
from tests.support.services import World
from tests.support.values import result, upload_job


class Clock:
    """A clock that moves by `step` seconds at each reading."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def _job(world: World, number: int) -> ImageJob:
    source = world.store.put(f"incoming/acme/web/u{number}/a.jpg", f"photo {number}".encode())
    return upload_job(source, f"{number}1111111-1111-5111-8111-111111111111")


def test_an_image_in_the_function_pays_for_its_memory_and_its_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    service = replace(world.processor, memory_mb=3008, vcpus=1.7, meter=Meter(Clock(0.25)))
    billed = service.process(_job(world, 1)).result.billed
    assert billed
    assert (billed.seconds, billed.memory_mb, billed.vcpus, billed.tier) == (0.25, 3008, 1.7, "")
    assert billed.machine == os.uname().machine


def test_a_failed_image_pays_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    service = replace(world.processor, memory_mb=3008, meter=Meter(Clock(0.25)))
    source = world.store.put("incoming/acme/web/u9/b.jpg", b"!corrupt_image")
    failed = service.process(msgspec.structs.replace(_job(world, 1), source=source)).result
    assert failed.code == "corrupt_image"
    assert failed.billed
    assert failed.billed.seconds == 0.25


@pytest.mark.parametrize("images", [1, 3])
def test_the_images_of_a_batch_child_share_its_minute(tmp_path: Path, images: int) -> None:
    """However short they are; they pay for the tier's size, not the machine's."""
    world = World(tmp_path)
    service = replace(world.processor, route=Route.BATCH, memory_mb=512, meter=Meter(Clock(0.25)))
    handed = tuple(HandOver(job=_job(world, number), reason="It is large.") for number in range(images))
    share = Share(work_id="w", index=0, tier=TIERS[1], images=handed, timeout_seconds=0)
    child = ArrayChild(processor=service, handovers=world.overflow, write_line=lambda _: None)
    child.process(share, 0.0)
    results = [stored_documents.decode_result(body, key) for key, body in world.store.contents("results/").items()]
    assert [one.billed.seconds for one in results if one.billed] == [MIN_BILLED_SECONDS / images] * images
    assert {(one.billed.memory_mb, one.billed.vcpus, one.billed.tier) for one in results if one.billed} == {
        (TIERS[1].memory_mb, TIERS[1].vcpus, TIERS[1].name)
    }


def test_a_batch_job_of_more_than_a_minute_is_billed_by_the_second(tmp_path: Path) -> None:
    world = World(tmp_path)
    service = replace(world.processor, route=Route.BATCH, tier=TIERS[0].name, meter=Meter(Clock(75.0)))
    billed = service.process(_job(world, 1)).result.billed
    assert billed
    assert billed.seconds == 75


def test_without_billed_memory_there_is_no_bill(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.processor.process(_job(world, 1)).result.billed is None


def test_a_result_of_an_earlier_release_is_read_as_it_stands() -> None:
    before = json.loads(stored_documents.encode_result(result()))
    del before["billed"]
    read = stored_documents.decode_result(json.dumps(before).encode(), "results/x/0.json")
    assert isinstance(read, Result)
    assert read.billed is None

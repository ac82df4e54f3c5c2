"""What does not fit the function leaves it for Batch: before it is begun, by its estimate, or when it ran out here."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from core.domain.errors import Code, ImageFailure
from core.domain.model import Estimate, HandOver, ImageFormat, ImageHeader, Route
from core.domain.outputs import Output
from core.pipelines.definition import Pipeline, RenditionSpec
from core.routing.batch_tiers import TIERS
from core.routing.plan import Capacity, Limits, plan, smallest_tier
from core.services.processing.process import ImageProcessor
from tests.support.fakes.ports import FakeHandovers
from tests.support.services import Context, World, send

HEADER = ImageHeader(format="jpeg", width=4000, height=3000, channels=3, depth=8, bytes=10**6)
PIPELINE = Pipeline(name="p", renditions=(RenditionSpec(name="a", outputs=(Output(format=ImageFormat.JPEG),)),))
LIMITS = Limits(max_megapixels=1000, max_bytes=10**9)
GB, MB = 2**30, 2**20


def estimate(*, seconds: float = 1.0, gigabytes: float = 0.5, parallel: float = 0.0) -> Estimate:
    return Estimate(
        cpu_seconds=seconds / 2,
        cpu_seconds_upper=seconds,
        parallel=parallel,
        peak_bytes=int(gigabytes * GB / 2),
        peak_bytes_upper=int(gigabytes * GB),
    )


def function(**changes: Any) -> Capacity:
    values: dict[str, Any] = {"memory_bytes": 2 * GB, "vcpus": 1.0, "seconds": 50.0, "can_hand_over": True}
    return Capacity(route=Route.LAMBDA, **{**values, **changes})


@pytest.mark.parametrize(
    ("needs", "place", "tier"),
    [
        (estimate(), function(), ""),
        (estimate(gigabytes=2.1), function(), "2x8"),
        (estimate(gigabytes=9), function(), "4x30"),
        (estimate(seconds=51), function(), "1x2"),
        (estimate(seconds=51, gigabytes=1.9), function(), "2x8"),
        (estimate(seconds=30), function(vcpus=0.5), "1x2"),
        (estimate(seconds=80, parallel=1.0), function(vcpus=2.0), ""),
        (estimate(seconds=20_000, parallel=1.0), function(), "2x8"),
        (estimate(gigabytes=100), function(can_hand_over=False), ""),
        (estimate(seconds=999), Capacity(route=Route.LOCAL), ""),
    ],
)
def test_an_image_stays_where_its_upper_estimate_fits_and_else_goes_to_the_smallest_tier_that_holds_it(
    needs: Estimate, place: Capacity, tier: str
) -> None:
    made = plan(HEADER, PIPELINE, LIMITS, place, needs)
    assert (made.tier, made.route) == (tier, Route.BATCH if tier else place.route)
    assert made.estimate == needs
    assert made.reason.endswith(".")


def test_the_reason_says_what_it_needs_and_what_there_is() -> None:
    large = plan(HEADER, PIPELINE, LIMITS, function(), estimate(gigabytes=3)).reason
    assert large == "The image needs up to 3,072 MB of memory; 2,048 MB are available here."
    slow = plan(HEADER, PIPELINE, LIMITS, function(vcpus=0.5), estimate(seconds=40)).reason
    assert slow == "The image takes up to 80.0 seconds on 0.5 vCPUs; 50.0 seconds are left here."
    assert plan(HEADER, PIPELINE, LIMITS, function(), estimate()).reason == (
        "The image needs about 256 MB and 0.5 s on 1 vCPUs, which are available here."
    )


def test_a_plain_size_rule_overrides_the_estimate_both_ways() -> None:
    small = msgspec.structs.replace(LIMITS, lambda_max_megapixels=6)
    made = plan(HEADER, PIPELINE, small, function(), estimate())
    assert (made.tier, made.reason) == ("1x2", "The image has 12 megapixels; images above 6 go to Batch.")
    large = msgspec.structs.replace(LIMITS, lambda_max_megapixels=12)
    assert plan(HEADER, PIPELINE, large, function(), estimate(seconds=500)).route is Route.LAMBDA


@pytest.mark.parametrize("at", range(len(TIERS)))
def test_from_a_tier_an_image_only_ever_goes_up_and_from_the_largest_nowhere(at: int) -> None:
    here = TIERS[at]
    place = Capacity(
        route=Route.BATCH, memory_bytes=here.worker_bytes, vcpus=here.vcpus, tier=here.name, can_hand_over=True
    )
    assert plan(HEADER, PIPELINE, LIMITS, place, estimate(gigabytes=here.worker_bytes / GB)).tier == here.name
    cramped = msgspec.structs.replace(place, memory_bytes=MB)
    wanted = TIERS[min(at + 1, len(TIERS) - 1)].name
    assert plan(HEADER, PIPELINE, LIMITS, cramped, estimate(gigabytes=0.1)).tier == wanted


def test_what_no_tier_holds_is_refused_with_the_figures() -> None:
    with pytest.raises(ImageFailure) as failure:
        plan(HEADER, PIPELINE, LIMITS, function(), estimate(gigabytes=200))
    assert failure.value.code is Code.TOO_MUCH_MEMORY
    assert "up to 204,800 MB of memory; the largest tier of AWS Batch has 122,688 MB" in failure.value.message
    with pytest.raises(ImageFailure) as failure:
        smallest_tier(estimate(seconds=15_000), 14_400)
    assert failure.value.code is Code.TOO_MUCH_TIME
    assert "up to 15,000 seconds on 16 vCPUs; the limit is 14,400 seconds" in failure.value.message


# The doors


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.processor = replace(made.processor, handovers=made.overflow)
    return made


@pytest.fixture
def large(world: World) -> ImageProcessor:
    return replace(world.processor, estimate=lambda _header, _pipeline: estimate(gigabytes=5))


def direct(body: bytes) -> dict[str, Any]:
    return {"customer": "acme", "pipeline": "web", "image": b64encode(body).decode()}


def waiting(overflow: FakeHandovers) -> Iterator[HandOver]:
    return (msgspec.json.decode(message, type=HandOver) for message in overflow.waiting)


def test_an_upload_that_does_not_fit_is_handed_over_before_a_pixel_is_touched(
    world: World, large: ImageProcessor, doors: SimpleNamespace
) -> None:
    (answer,) = doors.process.answer(world.upload("a.jpg", b"bytes"), Context(), large, world.acceptor)["images"]
    assert (answer["status"], answer["tier"]) == ("handed_over", "2x8")
    (message,) = waiting(world.overflow)
    assert (message.job.image_id, message.tier, message.reason) == (answer["image_id"], "2x8", answer["message"])
    assert message.estimate == estimate(gigabytes=5)
    assert world.metrics.handed_over == [(Route.LAMBDA, None)]
    assert (world.worker.runs, list(world.store.contents("results/"))) == (0, [])
    assert list(world.store.contents("incoming/"))


def test_bytes_that_do_not_fit_are_staged_first_and_the_job_runs_elsewhere_to_the_one_result(
    world: World, large: ImageProcessor, doors: SimpleNamespace
) -> None:
    answer = doors.process.answer(direct(b"bytes"), Context(), large, world.acceptor)
    (message,) = waiting(world.overflow)
    batch = replace(large, route=Route.BATCH, tier="2x8", vcpus=2.0)
    world.worker.memory_bytes = 8 * GB
    result = batch.process(message.job).result
    assert (result.image_id, result.status, result.route) == (answer["image_id"], "processed", "batch")
    assert result.estimate == estimate(gigabytes=5)


@pytest.mark.parametrize(
    ("code", "tier"), [(Code.OUT_OF_MEMORY, "2x8"), (Code.TIMED_OUT, "1x2"), (Code.WORKER_CRASHED, None)]
)
def test_an_image_that_outgrows_its_estimate_is_handed_over_without_a_result(
    world: World, doors: SimpleNamespace, code: Code, tier: str | None
) -> None:
    service = replace(world.processor, estimate=lambda _header, _pipeline: estimate())
    answer = doors.process.answer(direct(f"!{code} x".encode()), Context(), service, world.acceptor)
    if tier is None:
        assert (answer["status"], answer["code"]) == ("failed", code)
        return
    assert (answer["status"], answer["tier"], answer["message"]) == ("handed_over", tier, f"It ended with {code}.")
    assert world.metrics.handed_over == [(Route.LAMBDA, code)]


def test_an_image_that_runs_out_of_memory_in_the_largest_tier_ends_failed(world: World) -> None:
    largest = replace(world.processor, route=Route.BATCH, tier=TIERS[-1].name)
    event = direct(b"!out_of_memory x")
    from core.services.intake.requests import accept_bytes, read_request

    job, body = accept_bytes(read_request(event), "home", largest.committer.now())
    result = largest.process(job, body).result
    assert (result.status, result.code) == ("failed", Code.OUT_OF_MEMORY)


def test_without_an_overflow_queue_every_image_is_processed_here(
    world: World, large: ImageProcessor, doors: SimpleNamespace
) -> None:
    alone = replace(large, handovers=None)
    answer = doors.process.answer(direct(b"bytes"), Context(), alone, world.acceptor)
    assert (answer["status"], answer["route"]) == ("processed", "lambda")


def test_an_image_that_has_ended_is_not_handed_over_again(
    world: World, large: ImageProcessor, doors: SimpleNamespace
) -> None:
    ended = send(doors, world, direct(b"bytes"))
    again = doors.process.answer(direct(b"bytes"), Context(), large, world.acceptor)
    assert (again["image_id"], again["duplicate"]) == (ended["image_id"], True)
    assert not world.overflow.waiting

"""The images of failed Batch jobs: each has one result, with its own code."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from core.domain.errors import Code
from core.domain.model import HandOver, Result, Status
from core.routing.batch_tiers import TIERS
from core.services.dispatch.job_events import FailureCause
from tests.support.aws.dispatch_world import Dispatch, estimate
from tests.support.fakes.batch import state_change
from tests.support.fakes.ports import Died, undisturbed
from tests.support.values import NOW

T = TypeVar("T")
FINAL = {FailureCause.CANCELLED: Code.CANCELLED, FailureCause.NOT_STARTED: Code.NOT_STARTED}


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


def submitted(dispatch: Dispatch, images: int = 1, tier: str = "1x2", seconds: float = 1.0) -> list[HandOver]:
    """`count` images in one submission, in the order of processing."""
    handed = [dispatch.image(tier=tier, estimate=estimate(seconds)) for _ in range(images)]
    assert dispatch.deliver(*handed) == []
    (job,) = dispatch.jobs.submitted
    shares = dispatch.work(job).shares
    return [image for share in shares for image in share]


def fail(dispatch: Dispatch, cause: FailureCause, number: int = -1, index: int | None = 0) -> str:
    """Have the last submission fail in a minute, and deliver its state change; returns the event."""
    dispatch.clock.wait(minutes=1)
    event = state_change(dispatch.jobs.submitted[number], cause, dispatch.clock.now, index)
    dispatch.clock.wait(minutes=1)
    assert dispatch.deliver(event) == []
    return event


def codes(dispatch: Dispatch, images: Sequence[HandOver]) -> list[Code | None]:
    """The code of each image's result; None without a result, and for a processed image."""
    results = [dispatch.result(image) for image in images]
    return [result.code if result else None for result in results]


def ended(dispatch: Dispatch, image: HandOver) -> Result:
    result = dispatch.result(image)
    assert result is not None
    return result


@pytest.mark.parametrize("cause", FINAL)
def test_what_was_cancelled_or_never_started_ends(dispatch: Dispatch, cause: FailureCause) -> None:
    images = submitted(dispatch, 3)
    fail(dispatch, cause)
    assert codes(dispatch, images) == [FINAL[cause]] * 3
    assert len(dispatch.metrics.emitted) == 3
    assert "Batch job job-1 failed: " in (ended(dispatch, images[0]).message or "")


def test_out_of_memory_goes_one_tier_up_and_ends_in_the_largest(dispatch: Dispatch) -> None:
    images = submitted(dispatch, 2)
    for tier in TIERS:
        assert dispatch.jobs.submitted[-1].tier == tier.name
        fail(dispatch, FailureCause.OUT_OF_MEMORY)
    tiers = [job.tier for job in dispatch.jobs.submitted]
    assert tiers == [*(tier.name for tier in TIERS), TIERS[-1].name]
    assert codes(dispatch, images) == [Code.OUT_OF_MEMORY, None]  # the second was not tried
    fail(dispatch, FailureCause.OUT_OF_MEMORY)
    assert codes(dispatch, images) == [Code.OUT_OF_MEMORY] * 2


def test_of_what_timed_out_only_the_image_that_was_worked_on_ends(dispatch: Dispatch) -> None:
    images = submitted(dispatch, 3)
    dispatch.world.processor.process(images[0].job)
    fail(dispatch, FailureCause.TIMED_OUT)
    assert codes(dispatch, images) == [None, Code.TIMED_OUT, None]
    assert len(dispatch.jobs.submitted) == 2
    dispatch.run_all()
    assert [ended(dispatch, image).status for image in images] == ["processed", "failed", "processed"]


@pytest.mark.parametrize("cause", [FailureCause.INTERRUPTED, FailureCause.CRASHED])
def test_a_failure_that_no_image_caused_is_retried_once(dispatch: Dispatch, cause: FailureCause) -> None:
    (image,) = submitted(dispatch)
    fail(dispatch, cause)
    assert [job.tier for job in dispatch.jobs.submitted] == ["1x2", "1x2"]
    assert codes(dispatch, [image]) == [None]
    fail(dispatch, cause)
    assert codes(dispatch, [image]) == [Code.WORKER_CRASHED]
    assert len(dispatch.jobs.submitted) == 2


def test_a_crash_that_comes_again_ends_its_image_and_the_others_have_attempts_of_their_own(dispatch: Dispatch) -> None:
    images = submitted(dispatch, 3)
    fail(dispatch, FailureCause.CRASHED)
    fail(dispatch, FailureCause.CRASHED)
    assert codes(dispatch, images) == [Code.WORKER_CRASHED, None, None]
    fail(dispatch, FailureCause.CRASHED)
    fail(dispatch, FailureCause.CRASHED)
    assert codes(dispatch, images) == [Code.WORKER_CRASHED, Code.WORKER_CRASHED, None]
    dispatch.run_all()
    assert ended(dispatch, images[2]).status is Status.PROCESSED


@pytest.mark.parametrize("cause", FailureCause)
def test_an_event_that_comes_twice_is_as_one_that_comes_once(dispatch: Dispatch, cause: FailureCause) -> None:
    images = submitted(dispatch, 3)
    dispatch.clock.wait(days=2)
    event = state_change(dispatch.jobs.submitted[-1], cause, NOW)
    assert dispatch.deliver(event, event) == []
    before = dispatch.store.contents("results/"), list(dispatch.jobs.submitted), codes(dispatch, images)
    assert dispatch.deliver(event) == []
    assert dispatch.deliver(event) == []
    assert (dispatch.store.contents("results/"), dispatch.jobs.submitted, codes(dispatch, images)) == before
    dispatch.run_all()
    assert len(dispatch.results()) == 3
    assert len(dispatch.metrics.emitted) == 3


@pytest.mark.parametrize("cause", FailureCause)
def test_what_is_committed_is_left_alone(dispatch: Dispatch, cause: FailureCause) -> None:
    submitted(dispatch, 2)
    dispatch.run(dispatch.jobs.submitted[0])
    before = dispatch.store.contents("results/")
    dispatch.clock.wait(days=2)
    fail(dispatch, cause)
    assert dispatch.store.contents("results/") == before
    assert len(dispatch.jobs.submitted) == 1


def test_one_child_of_an_array_fails_for_itself_alone(dispatch: Dispatch) -> None:
    images = submitted(dispatch, 3, seconds=400)
    fail(dispatch, FailureCause.NOT_STARTED, index=1)
    assert codes(dispatch, images) == [None, Code.NOT_STARTED, None]


def test_an_array_that_was_cancelled_before_it_had_children_ends_all(dispatch: Dispatch) -> None:
    images = submitted(dispatch, 3, seconds=400)
    fail(dispatch, FailureCause.CANCELLED, index=None)
    assert codes(dispatch, images) == [Code.CANCELLED] * 3


def test_the_event_of_an_array_with_failed_children_changes_nothing(dispatch: Dispatch) -> None:
    images = submitted(dispatch, 3, seconds=400)
    event = state_change(
        dispatch.jobs.submitted[0],
        FailureCause.CRASHED,
        NOW,
        None,
        statusReason="Array Child Job failed",
        container=None,
    )
    assert dispatch.deliver(event) == []
    assert codes(dispatch, images) == [None] * 3
    assert len(dispatch.jobs.submitted) == 1


def test_an_event_that_comes_before_the_mark_of_its_submission_is_believed(dispatch: Dispatch) -> None:
    (image,) = submitted(dispatch)
    for key in list(dispatch.store.contents("batches/")):
        if key.endswith(".submitted"):
            dispatch.store.delete(key)
    fail(dispatch, FailureCause.INTERRUPTED)
    assert len(dispatch.jobs.submitted) == 2
    assert dispatch.deliver(image) == []


@pytest.mark.parametrize(
    "cause", [FailureCause.TIMED_OUT, FailureCause.CRASHED, FailureCause.CANCELLED, FailureCause.OUT_OF_MEMORY]
)
def test_an_image_that_a_failed_child_had_handed_over_is_not_retried_here(
    dispatch: Dispatch, cause: FailureCause
) -> None:
    """Its message may be delayed in the queue; the child has written the hand-over to S3 before."""
    images = submitted(dispatch, 2)
    larger = msgspec.structs.replace(images[0], tier="4x30", reason="It needs more.")
    dispatch.store.put(images[0].passed_on_key, msgspec.json.encode(larger))
    fail(dispatch, cause)
    assert codes(dispatch, images)[0] is None
    assert dispatch.deliver(larger) == []
    assert [job.tier for job in dispatch.jobs.submitted].count("4x30") == 1
    dispatch.run_all()
    assert ended(dispatch, images[0]).status is Status.PROCESSED


@pytest.mark.parametrize("cause", [FailureCause.INTERRUPTED, FailureCause.OUT_OF_MEMORY, FailureCause.CRASHED])
def test_a_dispatcher_that_dies_before_the_retry_is_followed_by_another(
    dispatch: Dispatch, cause: FailureCause
) -> None:
    """The event is delivered again, when its images are leased by a dispatcher that died."""
    images = submitted(dispatch, 2)
    event = state_change(dispatch.jobs.submitted[0], cause, dispatch.clock.now)

    def dies(name: str, effect: Callable[[], T], /) -> T:
        if name == "jobs.submit":
            raise Died
        return effect()

    dispatch.jobs.around = dies
    with pytest.raises(Died):
        dispatch.deliver(event)
    dispatch.jobs.around = undisturbed
    assert dispatch.deliver(event) == [event]
    dispatch.clock.wait(minutes=10)
    assert dispatch.deliver(event) == []
    assert len(dispatch.jobs.submitted) == 2
    dispatch.run_all()
    assert {ended(dispatch, image).status for image in images} == {Status.PROCESSED}


def test_a_child_writes_down_what_it_hands_over(dispatch: Dispatch) -> None:
    image = dispatch.image(b"!out_of_memory", tier="1x2", estimate=estimate())
    assert dispatch.deliver(image) == []
    dispatch.run(dispatch.jobs.submitted[0])
    (message,) = dispatch.handed_over()
    fail(dispatch, FailureCause.TIMED_OUT)
    assert codes(dispatch, [image]) == [None]
    assert [job.tier for job in dispatch.jobs.submitted] == ["1x2", "2x8"]
    assert dispatch.deliver(message) == []
    assert len(dispatch.jobs.submitted) == 2


def test_a_bad_deployment_of_batch_waits_and_is_submitted_once_more_in_the_end(dispatch: Dispatch) -> None:
    submitted(dispatch)
    event = state_change(dispatch.jobs.submitted[0], FailureCause.MISCONFIGURED, NOW)
    dispatch.clock.wait(hours=23)
    assert dispatch.deliver(event) == [event]
    assert len(dispatch.metrics.blocked) == len(dispatch.jobs.submitted) == 1
    dispatch.clock.wait(hours=2)
    assert dispatch.deliver(event) == []
    assert len(dispatch.jobs.submitted) == 2


@pytest.mark.parametrize("index", [0, 7])
def test_a_job_that_is_none_of_ours_comes_to_the_dead_letters(dispatch: Dispatch, index: int) -> None:
    submitted(dispatch, 2, seconds=400)
    job = dispatch.jobs.submitted[0]
    stranger = type(job)(
        job_id="job-9",
        name="picture-perfect-00000000-0000-0000-0000-000000000000" if index == 0 else job.name,
        tier="1x2",
        arguments=job.arguments,
        size=2,
        timeout_seconds=60,
    )
    event = state_change(stranger, FailureCause.TIMED_OUT, NOW, index)
    assert dispatch.deliver(event) == [event]

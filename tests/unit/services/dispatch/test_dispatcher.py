"""An image that is handed over is submitted once, with duplicates of its message and dispatchers that die."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from core.domain.errors import Code, Misconfigured, Unavailable
from core.domain.model import Status
from core.services.dispatch.array_partition import LONGEST
from core.services.dispatch.leases import LEASE_TIME
from tests.support.aws.dispatch_world import GIB, Dispatch, estimate
from tests.support.fakes.ports import Died

T = TypeVar("T")


class Trouble:
    """Raises an error before or after the effects of one name, until a test turns it off."""

    def __init__(self) -> None:
        self.at = ""
        self.error: BaseException = Died()
        self.after = False
        self.skip = self.left = 0

    def cause(self, at: str, error: BaseException, *, after: bool = False, skip: int = 0, times: int = 1) -> None:
        self.at, self.error, self.after, self.skip, self.left = at, error, after, skip, times

    def __call__(self, name: str, effect: Callable[[], T], /) -> T:
        if name != self.at or self.left == 0:
            return effect()
        if self.skip:
            self.skip -= 1
            return effect()
        self.left -= 1
        if self.after:
            effect()
        raise self.error


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
def dispatch(tmp_path: Path, trouble: Trouble) -> Dispatch:
    return Dispatch(tmp_path, trouble)


def unanswered(code: Code = Code.STORE_UNAVAILABLE) -> Unavailable:
    return Unavailable(code, "No answer came.")


def test_an_image_goes_to_the_tier_of_its_message_and_ends(dispatch: Dispatch) -> None:
    image = dispatch.image(tier="2x8", estimate=estimate())
    assert dispatch.deliver(image) == []
    (job,) = dispatch.jobs.submitted
    assert (job.tier, job.size) == ("2x8", 1)
    assert job.timeout_seconds < LONGEST
    dispatch.run(job)
    result = dispatch.result(image)
    assert result
    assert result.status is Status.PROCESSED


def test_images_of_one_tier_share_one_submission_and_each_tier_has_its_own(dispatch: Dispatch) -> None:
    small = [dispatch.image(estimate=estimate(200)) for _ in range(5)]
    large = [dispatch.image(estimate=estimate(peak=20 * GIB)) for _ in range(2)]
    assert dispatch.deliver(*small, *large) == []
    assert {(job.tier, job.size) for job in dispatch.jobs.submitted} == {("1x2", 5), ("4x30", 1)}
    assert sorted(dispatch.metrics.submitted) == [("1x2", 5, 5), ("4x30", 2, 1)]
    dispatch.run_all()
    assert len(dispatch.results()) == 7


def test_an_image_without_an_estimate_goes_by_its_bytes_and_may_take_all_the_time(dispatch: Dispatch) -> None:
    dispatch.deliver(dispatch.image())
    (job,) = dispatch.jobs.submitted
    assert (job.tier, job.timeout_seconds) == ("1x2", LONGEST)


def test_a_message_that_comes_again_submits_nothing(dispatch: Dispatch) -> None:
    image = dispatch.image(estimate=estimate())
    for _ in range(3):
        assert dispatch.deliver(image, image) == []
    assert len(dispatch.jobs.submitted) == 1


def test_what_has_ended_is_dropped(dispatch: Dispatch) -> None:
    image = dispatch.image()
    dispatch.world.processor.process(image.job)
    assert dispatch.deliver(image) == []
    assert dispatch.jobs.submitted == []


def test_of_two_messages_about_one_image_the_larger_tier_counts(dispatch: Dispatch) -> None:
    job = dispatch.upload()
    messages = [dispatch.image(tier=tier) for tier in ("1x2", "4x30", "2x8")]
    messages = [type(one)(job=job, reason=one.reason, tier=one.tier) for one in messages]
    assert dispatch.deliver(*messages) == []
    assert [one.tier for one in dispatch.jobs.submitted] == ["4x30"]


@pytest.mark.parametrize(("at", "skip"), [("store.create", 0), ("store.create", 1), ("jobs.submit", 0)])
@pytest.mark.parametrize("after", [False, True])
def test_whoever_dies_on_the_way_is_followed_by_one_submission(
    dispatch: Dispatch, trouble: Trouble, at: str, skip: int, after: bool
) -> None:
    image = dispatch.image(estimate=estimate())
    trouble.cause(at, Died(), after=after, skip=skip)
    with pytest.raises(Died):
        dispatch.deliver(image)
    claimed = bool(dispatch.store.contents("dispatched/"))
    assert len(dispatch.deliver(image)) == claimed, "What may be under way is not taken over."
    dispatch.clock.wait(seconds=LEASE_TIME.total_seconds())
    assert dispatch.deliver(image) == []
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 1
    dispatch.run_all()
    assert len(dispatch.results()) == dispatch.worker.runs == 1


def test_a_submission_whose_answer_was_lost_is_not_made_again(dispatch: Dispatch, trouble: Trouble) -> None:
    image = dispatch.image()
    trouble.cause("jobs.submit", unanswered(Code.BATCH_UNAVAILABLE), after=True)
    assert len(dispatch.deliver(image)) == 1
    dispatch.clock.wait(minutes=10)
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 1


def test_a_claim_whose_answer_was_lost_is_not_taken_for_a_submission(dispatch: Dispatch, trouble: Trouble) -> None:
    """The other images of its tier are submitted in the work that its lease names, without it."""
    images = [dispatch.image(), dispatch.image()]
    trouble.cause("store.create", unanswered(), after=True, times=5)
    (left,) = dispatch.deliver(*images)
    assert len(dispatch.store.contents("dispatched/")) == len(dispatch.jobs.submitted) + 1 == 2
    assert dispatch.deliver(left) == []
    dispatch.run_all()
    assert len(dispatch.results()) == dispatch.worker.runs == 2


def test_a_submission_that_batch_refuses_is_retried_and_counted_as_blocked(
    dispatch: Dispatch, trouble: Trouble
) -> None:
    image = dispatch.image()
    trouble.cause("jobs.submit", Misconfigured(Code.BATCH_REFUSED, "There is no such queue."))
    assert len(dispatch.deliver(image)) == 1
    ((messages, cause),) = dispatch.metrics.blocked
    assert messages == 1
    assert "There is no such queue." in cause
    dispatch.clock.wait(minutes=10)
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 1


def test_an_image_whose_lease_fails_keeps_no_other_from_its_job(dispatch: Dispatch, trouble: Trouble) -> None:
    images = [dispatch.image() for _ in range(3)]
    trouble.cause("store.keys", unanswered())
    assert len(dispatch.deliver(*images)) == 1
    (job,) = dispatch.jobs.submitted
    assert sum(map(len, dispatch.work(job).shares)) == 2


def test_a_dispatcher_that_is_late_submits_nothing(dispatch: Dispatch) -> None:
    """Other dispatchers may soon take its leases over."""
    image = dispatch.image()
    dispatch.store.listeners.append(
        lambda key: dispatch.clock.wait(minutes=6) if key.startswith("dispatched/") else None
    )
    assert len(dispatch.deliver(image)) == 1
    assert dispatch.jobs.submitted == []


def test_an_attempt_that_follows_a_lost_one_is_submitted_once(dispatch: Dispatch) -> None:
    image = dispatch.image()
    dispatch.deliver(image)
    later = type(image)(job=image.job, reason="Batch lost it.", attempt=1)
    assert dispatch.deliver(later, image) == []
    assert dispatch.deliver(image, later) == []
    assert len(dispatch.jobs.submitted) == 2

"""A claim is made once, says where an image is, and is taken over only from who died."""

from pathlib import Path

import pytest

from core.domain.errors import Misconfigured, Unavailable
from core.domain.model import ImageJob
from core.routing.batch_tiers import TIERS
from core.services.dispatch.attempts import DispatchAttempt
from core.services.dispatch.job_events import job_name
from core.services.dispatch.leases import LEASE_TIME, DispatchSlot, Leases, newest_slot
from tests.support.aws.dispatch_world import Dispatch

SMALL, MIDDLE, *_ = TIERS
MINE, THEIRS = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


@pytest.fixture
def job(dispatch: Dispatch) -> ImageJob:
    return dispatch.upload()


def leases(dispatch: Dispatch, work_id: str = MINE) -> Leases:
    return Leases(dispatch.committer, dispatch.jobs, {tier.name: work_id for tier in TIERS}, dispatch.clock)


def test_of_two_at_once_one_has_it_and_the_other_comes_again(dispatch: Dispatch, job: ImageJob) -> None:
    slot = DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL)
    leases(dispatch, THEIRS).acquire(job, slot)
    with pytest.raises(Unavailable, match="has just taken"):
        leases(dispatch).acquire(job, slot)
    assert leases(dispatch).read(job, slot).work_id == THEIRS
    leases(dispatch, THEIRS).acquire(job, slot)  # as after an answer that was lost


def test_the_newest_is_of_the_latest_attempt_then_the_largest_tier_then_taken_over_last(
    dispatch: Dispatch, job: ImageJob
) -> None:
    assert newest_slot(dispatch.store, job) is None
    for slot in (
        DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL),
        DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL, taken_over=1),
        DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=TIERS[-1]),
        DispatchSlot(attempt=DispatchAttempt.from_number(2), tier=SMALL, taken_over=10),
        DispatchSlot(attempt=DispatchAttempt.from_number(2), tier=MIDDLE),
        DispatchSlot(attempt=DispatchAttempt.from_number(2), tier=MIDDLE, taken_over=9),
        DispatchSlot(attempt=DispatchAttempt.from_number(2), tier=MIDDLE, taken_over=10),
        DispatchSlot(attempt=DispatchAttempt.from_number(10), tier=SMALL),
    ):
        leases(dispatch).acquire(job, slot)
        assert newest_slot(dispatch.store, job) == slot


def test_what_is_no_claim_is_not_read_as_one(dispatch: Dispatch, job: ImageJob) -> None:
    slot = DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL)
    prefix = slot.key(job).rpartition("/")[0]
    for name in ("0.1x2.handed-over", "0.3x5.0.json", "notes.txt", "-1.1x2.0.json"):
        dispatch.store.put(f"{prefix}/{name}", b"{}")
    assert newest_slot(dispatch.store, job) is None
    dispatch.store.put(slot.key(job), b"{}")
    with pytest.raises(Misconfigured, match="is not a lease"):
        leases(dispatch).read(job, slot)


def test_a_claim_is_waited_for_and_then_batch_is_asked(dispatch: Dispatch, job: ImageJob) -> None:
    slot = DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL)
    leases(dispatch, THEIRS).acquire(job, slot)
    with pytest.raises(Unavailable, match="from 12:10:00 UTC on"):
        leases(dispatch).is_submitted(job, slot)
    dispatch.clock.wait(seconds=LEASE_TIME.total_seconds())
    assert leases(dispatch).is_submitted(job, slot) is False
    assert dispatch.jobs.find(job_name(THEIRS)) is None
    assert not dispatch.store.contents("batches/")


def test_what_batch_has_is_marked_by_who_finds_it(dispatch: Dispatch) -> None:
    image = dispatch.image()
    assert dispatch.deliver(image) == []
    (marker,) = [key for key in dispatch.store.contents("batches/") if key.endswith(".submitted")]
    dispatch.store.delete(marker)
    slot = newest_slot(dispatch.store, image.job)
    assert slot
    dispatch.clock.wait(seconds=LEASE_TIME.total_seconds())
    assert leases(dispatch).is_submitted(image.job, slot) is True
    assert marker in dispatch.store.contents("batches/")


def test_an_image_whose_document_is_gone_is_submitted_again(dispatch: Dispatch) -> None:
    """Its lifecycle is over, and the image has no result: nobody works on it."""
    image = dispatch.image()
    assert dispatch.deliver(image) == []
    dispatch.store.delete(dispatch.jobs.submitted[0].key)
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 2


@pytest.mark.parametrize("number", range(6))
def test_an_attempt_is_read_back_from_its_number(number: int) -> None:
    assert DispatchAttempt.from_number(number).number == number


@pytest.mark.parametrize(
    ("attempt", "following", "next_generation"),
    [((0, False), (0, True), (1, False)), ((0, True), (1, False), (1, False)), ((3, True), (4, False), (4, False))],
)
def test_a_retry_is_followed_by_a_generation_with_a_retry_of_its_own(
    attempt: tuple[int, bool], following: tuple[int, bool], next_generation: tuple[int, bool]
) -> None:
    assert DispatchAttempt(*attempt).following() == following
    assert DispatchAttempt(*attempt).next_generation() == next_generation
    assert DispatchAttempt(*attempt) < DispatchAttempt(*attempt).following() <= DispatchAttempt(*next_generation)

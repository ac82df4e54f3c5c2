"""A lease is created once, says where an image is, and is taken over only from a dispatcher that died."""

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


def test_of_two_concurrent_dispatchers_one_has_the_lease(dispatch: Dispatch, job: ImageJob) -> None:
    slot = DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL)
    leases(dispatch, THEIRS).acquire(job, slot)
    with pytest.raises(Unavailable, match="has just leased"):
        leases(dispatch).acquire(job, slot)
    assert leases(dispatch).read(job, slot).work_id == THEIRS
    leases(dispatch, THEIRS).acquire(job, slot)  # as after a lost answer


def test_slots_are_ordered_by_attempt_then_tier_then_take_over(dispatch: Dispatch, job: ImageJob) -> None:
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


def test_other_objects_are_not_read_as_leases(dispatch: Dispatch, job: ImageJob) -> None:
    slot = DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL)
    prefix = slot.key(job).rpartition("/")[0]
    for name in ("0.1x2.handed-over", "0.3x5.0.json", "notes.txt", "-1.1x2.0.json"):
        dispatch.store.put(f"{prefix}/{name}", b"{}")
    assert newest_slot(dispatch.store, job) is None
    dispatch.store.put(slot.key(job), b"{}")
    with pytest.raises(Misconfigured, match="is not a lease"):
        leases(dispatch).read(job, slot)


def test_a_submission_is_awaited_for_the_lease_time_then_batch_is_asked(dispatch: Dispatch, job: ImageJob) -> None:
    slot = DispatchSlot(attempt=DispatchAttempt.from_number(0), tier=SMALL)
    leases(dispatch, THEIRS).acquire(job, slot)
    with pytest.raises(Unavailable, match="from 12:10:00 UTC on"):
        leases(dispatch).is_submitted(job, slot)
    dispatch.clock.wait(seconds=LEASE_TIME.total_seconds())
    assert leases(dispatch).is_submitted(job, slot) is False
    assert dispatch.jobs.find(job_name(THEIRS)) is None
    assert not dispatch.store.contents("batches/")


def test_a_dispatcher_that_finds_a_job_in_batch_marks_it_as_submitted(dispatch: Dispatch) -> None:
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
    """The lifecycle has removed the document, and the image has no result: no job processes it."""
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

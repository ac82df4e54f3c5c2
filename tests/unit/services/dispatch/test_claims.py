"""A claim is made once, says where an image is, and is taken over only from who died."""

from pathlib import Path

import pytest

from core.domain.errors import Misconfigured, Unavailable
from core.domain.model import ImageJob
from core.routing.batch_tiers import TIERS
from core.services.dispatch.job_events import job_name
from core.services.dispatch.leases import PATIENCE, Claims, Place, fresh, newest
from tests.support.aws.dispatch_world import Dispatch

SMALL, MIDDLE, *_ = TIERS
MINE, THEIRS = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


@pytest.fixture
def job(dispatch: Dispatch) -> ImageJob:
    return dispatch.upload()


def claims(dispatch: Dispatch, work_id: str = MINE) -> Claims:
    return Claims(dispatch.committing, dispatch.jobs, {tier.name: work_id for tier in TIERS}, dispatch.clock)


def test_of_two_at_once_one_has_it_and_the_other_comes_again(dispatch: Dispatch, job: ImageJob) -> None:
    place = Place(attempt=0, tier=SMALL)
    claims(dispatch, THEIRS).make(job, place)
    with pytest.raises(Unavailable, match="has just taken"):
        claims(dispatch).make(job, place)
    assert claims(dispatch).read(job, place).work_id == THEIRS
    claims(dispatch, THEIRS).make(job, place)  # as after an answer that was lost


def test_the_newest_is_of_the_latest_attempt_then_the_largest_tier_then_taken_over_last(
    dispatch: Dispatch, job: ImageJob
) -> None:
    assert newest(dispatch.store, job) is None
    for place in (
        Place(attempt=0, tier=SMALL),
        Place(attempt=0, tier=SMALL, taken=1),
        Place(attempt=0, tier=TIERS[-1]),
        Place(attempt=2, tier=SMALL, taken=10),
        Place(attempt=2, tier=MIDDLE),
        Place(attempt=2, tier=MIDDLE, taken=9),
        Place(attempt=2, tier=MIDDLE, taken=10),
        Place(attempt=10, tier=SMALL),
    ):
        claims(dispatch).make(job, place)
        assert newest(dispatch.store, job) == place


def test_what_is_no_claim_is_not_read_as_one(dispatch: Dispatch, job: ImageJob) -> None:
    place = Place(attempt=0, tier=SMALL)
    prefix = place.key(job).rpartition("/")[0]
    for name in ("0.1x2.handed-over", "0.3x5.0.json", "notes.txt", "-1.1x2.0.json"):
        dispatch.store.put(f"{prefix}/{name}", b"{}")
    assert newest(dispatch.store, job) is None
    dispatch.store.put(place.key(job), b"{}")
    with pytest.raises(Misconfigured, match="is not a claim"):
        claims(dispatch).read(job, place)


def test_a_claim_is_waited_for_and_then_batch_is_asked(dispatch: Dispatch, job: ImageJob) -> None:
    place = Place(attempt=0, tier=SMALL)
    claims(dispatch, THEIRS).make(job, place)
    with pytest.raises(Unavailable, match="from 12:10:00 UTC on"):
        claims(dispatch).is_submitted(job, place)
    dispatch.clock.wait(seconds=PATIENCE.total_seconds())
    assert claims(dispatch).is_submitted(job, place) is False
    assert dispatch.jobs.find(job_name(THEIRS)) is None
    assert not dispatch.store.contents("batches/")


def test_what_batch_has_is_marked_by_who_finds_it(dispatch: Dispatch) -> None:
    image = dispatch.image()
    assert dispatch.deliver(image) == []
    (marker,) = [key for key in dispatch.store.contents("batches/") if key.endswith(".submitted")]
    dispatch.store.delete(marker)
    place = newest(dispatch.store, image.job)
    assert place
    dispatch.clock.wait(seconds=PATIENCE.total_seconds())
    assert claims(dispatch).is_submitted(image.job, place) is True
    assert marker in dispatch.store.contents("batches/")


def test_an_image_whose_document_is_gone_is_submitted_again(dispatch: Dispatch) -> None:
    """Its lifecycle is over, and the image has no result: nobody works on it."""
    image = dispatch.image()
    assert dispatch.deliver(image) == []
    dispatch.store.delete(dispatch.jobs.submitted[0].key)
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 2


@pytest.mark.parametrize(("attempt", "expected"), [(0, 2), (1, 2), (2, 4), (3, 4)])
def test_an_attempt_of_its_own_is_even(attempt: int, expected: int) -> None:
    assert fresh(attempt) == expected

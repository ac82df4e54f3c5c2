"""The reconciler hands over sources that waited too long: once a round, even if rounds run at the same time."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec
import pytest

from core.domain import object_keys
from core.domain.errors import Code
from core.domain.model import Door, HandOver, Status
from core.services.reconciler import Reconciler, RoundSummary
from tests.protocol.scheduler import Serial
from tests.support.aws.dispatch_world import Dispatch
from tests.support.aws.kafka_events import batch, record
from tests.support.aws.lambda_failures import gave_up_batch
from tests.support.fakes.ports import undisturbed
from tests.support.services import s3_event

MIN_AGE = timedelta(hours=12)
T = TypeVar("T")


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


def reconciler(dispatch: Dispatch) -> Reconciler:
    return Reconciler(
        committer=dispatch.committer, min_age=MIN_AGE, max_hand_overs=3, now=dispatch.clock, threads=Serial
    )


def hand_overs(dispatch: Dispatch) -> list[HandOver]:
    return [
        msgspec.json.decode(body, type=HandOver) for body in dispatch.store.contents(object_keys.RECONCILED).values()
    ]


def deliver_hand_overs(dispatch: Dispatch, skip: int = 0) -> None:
    """Deliver S3's notifications of the hand-overs to dispatch, without the first `skip` ones."""
    for key in list(dispatch.store.contents(object_keys.RECONCILED))[skip:]:
        stored = dispatch.store.put(key, dispatch.store.contents(key)[key])
        assert dispatch.deliver(json.dumps(s3_event(stored))) == []


def test_old_sources_are_handed_over_and_the_others_left_alone(dispatch: Dispatch) -> None:
    old = dispatch.upload()
    ended = dispatch.upload()
    dispatch.world.processor.process(ended)
    dispatch.clock.wait(hours=13)
    dispatch.upload()
    summary = reconciler(dispatch).reconcile()
    assert (summary.looked_at, summary.handed_over, summary.failed, summary.is_whole) == (2, 1, 0, True)
    (message,) = hand_overs(dispatch)
    assert message.job.image_id == old.image_id
    assert "13 hours" in message.reason
    deliver_hand_overs(dispatch)
    dispatch.run_all()
    assert set(dispatch.results()) == {old.image_id, ended.image_id}


def test_an_inline_source_stays_the_same_image_with_its_name_and_door(dispatch: Dispatch) -> None:
    event = batch(record(b"photo", 7, filename="ü a.jpg"))
    stored = dispatch.store.put("aws/lambda/1", gave_up_batch(event).encode())
    assert dispatch.deliver(json.dumps(s3_event(stored))) == []
    (before,) = (dispatch.work(job).shares[0][0] for job in dispatch.jobs.submitted)
    dispatch.clock.wait(hours=13)
    assert reconciler(dispatch).reconcile().handed_over == 1
    (message,) = hand_overs(dispatch)
    assert message.job == before.job
    assert message.job.door is Door.KAFKA
    assert message.attempt == 2


def test_a_source_handed_over_in_vain_ends_as_abandoned(dispatch: Dispatch) -> None:
    job = dispatch.upload()
    outcomes = []
    for _ in range(8):
        dispatch.clock.wait(hours=7)
        summary = reconciler(dispatch).reconcile()
        outcomes.append((summary.handed_over, summary.abandoned))
    assert outcomes == [(0, 0), (1, 0), (0, 0), (1, 0), (0, 0), (1, 0), (0, 0), (0, 1)]
    result = dispatch.results()[job.image_id]
    assert (result.status, result.code) == (Status.FAILED, Code.ABANDONED)
    assert "handed over 3 times" in (result.message or "")
    dispatch.clock.wait(hours=7)
    assert reconciler(dispatch).reconcile().abandoned == 0
    assert len(dispatch.metrics.emitted) == 1
    assert dispatch.metrics.reconciled == [(*each, 0) for each in [*outcomes, (0, 0)]]


def test_each_hand_over_is_submitted_to_batch_again(dispatch: Dispatch) -> None:
    image = dispatch.image()
    assert dispatch.deliver(image) == []
    for number in range(3):
        dispatch.clock.wait(hours=13)
        reconciler(dispatch).reconcile()
        deliver_hand_overs(dispatch, number)
        assert len(dispatch.jobs.submitted) == number + 2
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 4


def test_two_rounds_at_once_hand_over_once(dispatch: Dispatch) -> None:
    """The slower round finds the object of the faster one under the key that it would write."""
    dispatch.upload()
    dispatch.clock.wait(hours=13)
    summaries: list[RoundSummary] = []
    calls: list[str] = []

    def meanwhile(name: str, effect: Callable[[], T], /) -> T:
        value = effect()
        calls.append(name)
        if calls.count("store.entries") == 2 and not summaries:  # it has listed the hand-overs and found none
            dispatch.store.around = undisturbed
            summaries.append(reconciler(dispatch).reconcile())
        return value

    dispatch.store.around = meanwhile
    summaries.append(reconciler(dispatch).reconcile())
    assert sum(summary.handed_over for summary in summaries) == len(hand_overs(dispatch)) == 1


def test_an_invalid_key_is_reported_and_does_not_stop_the_other_sources(dispatch: Dispatch) -> None:
    dispatch.store.put("incoming/notes.txt", b"notes")
    dispatch.store.put(object_keys.staged_key("acme", "web", "1b4e28ba-2fa1-51d2-883f-0016d3cca427"), b"by nobody")
    dispatch.upload()
    dispatch.clock.wait(hours=13)
    summary = reconciler(dispatch).reconcile()
    assert (summary.handed_over, summary.failed, summary.refused) == (1, 1, 1)
    assert {error.code for error in summary.failures.values()} == {Code.INVALID_EVENT}


def test_a_summary_keeps_only_the_first_failures(dispatch: Dispatch) -> None:
    for number in range(150):
        dispatch.store.put(object_keys.staged_key("acme", "web", str(UUID(int=number))), b"by nobody")
    dispatch.clock.wait(hours=13)
    summary = reconciler(dispatch).reconcile()
    assert (summary.failed, len(summary.failures)) == (150, 100)


def test_a_round_continues_where_the_last_one_ran_out_of_time(dispatch: Dispatch) -> None:
    """Each source takes a second here, and a round may take 15 minutes."""
    count = 2500
    for number in range(count):
        dispatch.store.put(f"incoming/acme/web/{number:04}/a.jpg", b"photo")
    dispatch.clock.wait(hours=13)

    def slow(name: str, effect: Callable[[], T], /) -> T:
        dispatch.clock.wait(seconds=1 if name == "store.head" else 0)
        return effect()

    dispatch.store.around = slow
    rounds: list[RoundSummary] = []
    while not rounds or not rounds[-1].is_whole:
        rounds.append(reconciler(dispatch).reconcile(timedelta(minutes=15)))
    assert [summary.looked_at for summary in rounds] == [1000, 1000, 500]
    assert sum(summary.handed_over for summary in rounds) == count
    assert dispatch.store.contents("reconciler/") == {}
    assert reconciler(dispatch).reconcile().looked_at == count

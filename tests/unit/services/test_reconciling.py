"""What waits for too long is taken up, and ends: once, however often and by how many it is looked at."""

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
from core.services.reconciler import Reconciling, Report
from tests.protocol.scheduler import Serial
from tests.support.aws.dispatch_world import Dispatch
from tests.support.aws.kafka_events import batch, record
from tests.support.aws.lambda_failures import gave_up_batch
from tests.support.fakes.ports import undisturbed
from tests.support.services import s3_event

PATIENCE = timedelta(hours=12)
T = TypeVar("T")


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


def reconciling(dispatch: Dispatch) -> Reconciling:
    return Reconciling(committer=dispatch.committer, patience=PATIENCE, times=3, now=dispatch.clock, threads=Serial)


def taken_up(dispatch: Dispatch) -> list[HandOver]:
    return [
        msgspec.json.decode(body, type=HandOver) for body in dispatch.store.contents(object_keys.RECONCILED).values()
    ]


def dispatch_taken_up(dispatch: Dispatch, known: int = 0) -> None:
    """Deliver S3's notifications of what was taken up, but the first ones."""
    for key in list(dispatch.store.contents(object_keys.RECONCILED))[known:]:
        stored = dispatch.store.put(key, dispatch.store.contents(key)[key])

        assert dispatch.deliver(json.dumps(s3_event(stored))) == []


def test_what_waits_for_long_is_taken_up_and_the_rest_left_alone(dispatch: Dispatch) -> None:
    old = dispatch.upload()
    ended = dispatch.upload()
    dispatch.world.processor.process(ended)
    dispatch.clock.wait(hours=13)
    dispatch.upload()
    report = reconciling(dispatch).reconcile()
    assert (report.looked_at, report.handed_over, report.failed, report.is_whole) == (2, 1, 0, True)
    (message,) = taken_up(dispatch)
    assert message.job.image_id == old.image_id
    assert "13 hours" in message.reason
    dispatch_taken_up(dispatch)
    dispatch.run_all()
    assert set(dispatch.results()) == {old.image_id, ended.image_id}


def test_a_source_that_came_inside_an_event_is_the_same_image_with_its_name_and_door(dispatch: Dispatch) -> None:

    event = batch(record(b"photo", 7, filename="ü a.jpg"))
    stored = dispatch.store.put("aws/lambda/1", gave_up_batch(event).encode())
    assert dispatch.deliver(json.dumps(s3_event(stored))) == []
    (before,) = (dispatch.work(job).shares[0][0] for job in dispatch.jobs.submitted)
    dispatch.clock.wait(hours=13)
    assert reconciling(dispatch).reconcile().handed_over == 1
    (message,) = taken_up(dispatch)
    assert message.job == before.job
    assert message.job.door is Door.KAFKA
    assert message.attempt == 2


def test_what_is_taken_up_in_vain_ends_abandoned(dispatch: Dispatch) -> None:
    job = dispatch.upload()
    found = []
    for _ in range(8):
        dispatch.clock.wait(hours=7)
        report = reconciling(dispatch).reconcile()
        found.append((report.handed_over, report.abandoned))
    assert found == [(0, 0), (1, 0), (0, 0), (1, 0), (0, 0), (1, 0), (0, 0), (0, 1)]
    result = dispatch.results()[job.image_id]
    assert (result.status, result.code) == (Status.FAILED, Code.ABANDONED)
    assert "taken up 3 times" in (result.message or "")
    dispatch.clock.wait(hours=7)
    assert reconciling(dispatch).reconcile().abandoned == 0
    assert len(dispatch.metrics.emitted) == 1
    assert dispatch.metrics.reconciled == [(*each, 0) for each in [*found, (0, 0)]]


def test_each_time_it_is_taken_up_it_is_submitted_anew(dispatch: Dispatch) -> None:
    image = dispatch.image()
    assert dispatch.deliver(image) == []
    for number in range(3):
        dispatch.clock.wait(hours=13)
        reconciling(dispatch).reconcile()
        dispatch_taken_up(dispatch, number)
        assert len(dispatch.jobs.submitted) == number + 2
    assert dispatch.deliver(image) == []
    assert len(dispatch.jobs.submitted) == 4


def test_two_rounds_at_once_take_up_once(dispatch: Dispatch) -> None:
    """The second finds, where it would write, what the first has written."""
    dispatch.upload()
    dispatch.clock.wait(hours=13)
    reports: list[Report] = []
    looks: list[str] = []

    def meanwhile(name: str, effect: Callable[[], T], /) -> T:
        value = effect()
        looks.append(name)
        if looks.count("store.entries") == 2 and not reports:  # it has seen that nobody took it up
            dispatch.store.around = undisturbed
            reports.append(reconciling(dispatch).reconcile())
        return value

    dispatch.store.around = meanwhile
    reports.append(reconciling(dispatch).reconcile())
    assert sum(report.handed_over for report in reports) == len(taken_up(dispatch)) == 1


def test_a_key_that_is_no_image_is_told_and_keeps_no_other_waiting(dispatch: Dispatch) -> None:
    dispatch.store.put("incoming/notes.txt", b"notes")
    dispatch.store.put(object_keys.inline("acme", "web", "1b4e28ba-2fa1-51d2-883f-0016d3cca427"), b"by nobody")
    dispatch.upload()
    dispatch.clock.wait(hours=13)
    report = reconciling(dispatch).reconcile()
    assert (report.handed_over, report.failed, report.refused) == (1, 1, 1)
    assert {error.code for error in report.failures.values()} == {Code.INVALID_EVENT}


def test_only_the_first_of_many_failures_are_told_one_by_one(dispatch: Dispatch) -> None:
    for number in range(150):
        dispatch.store.put(object_keys.inline("acme", "web", str(UUID(int=number))), b"by nobody")
    dispatch.clock.wait(hours=13)
    report = reconciling(dispatch).reconcile()
    assert (report.failed, len(report.failures)) == (150, 100)


def test_what_one_round_has_no_time_for_is_the_next_ones(dispatch: Dispatch) -> None:
    """Each source costs a second here, and a round may take twenty minutes."""
    count = 2500
    for number in range(count):
        dispatch.store.put(f"incoming/acme/web/{number:04}/a.jpg", b"photo")
    dispatch.clock.wait(hours=13)

    def slow(name: str, effect: Callable[[], T], /) -> T:
        dispatch.clock.wait(seconds=1 if name == "store.head" else 0)
        return effect()

    dispatch.store.around = slow
    rounds: list[Report] = []
    while not rounds or not rounds[-1].is_whole:
        rounds.append(reconciling(dispatch).reconcile(timedelta(minutes=15)))
    assert [report.looked_at for report in rounds] == [1000, 1000, 500]
    assert sum(report.handed_over for report in rounds) == count
    assert dispatch.store.contents("reconciler/") == {}
    assert reconciling(dispatch).reconcile().looked_at == count

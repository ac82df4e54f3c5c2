"""Every kind of message of the overflow queue, and unreadable ones."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.model import Door, ImageJob, Status
from core.services.dispatch.job_events import FailureCause
from handler import events, kafka
from tests.support.aws.dispatch_world import Dispatch, door, estimate
from tests.support.aws.kafka_events import batch, record
from tests.support.aws.lambda_failures import gave_up, gave_up_batch
from tests.support.fakes.batch import state_change
from tests.support.services import s3_event
from tests.support.values import NOW

AWS_KEY = "aws/lambda/14b64d7c-0a4b-4e3f-9c3e-3a1f0f2a9d10/2026/11/01/2026-11-01T12.00.00-a+b"
BAD = [
    "Runtime.ImportModuleError",
    "Runtime.HandlerNotFound",
    "Runtime.InvalidEntrypoint",
    "ImportError",
    "Misconfigured",
    "AccessDeniedException",
    "KMSAccessDeniedException",
]


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


def images(dispatch: Dispatch) -> list[ImageJob]:
    """The jobs of all submitted images."""
    works = [dispatch.work(job) for job in dispatch.jobs.submitted]
    return [image.job for work in works for share in work.shares for image in share]


def kept(dispatch: Dispatch, body: str, key: str = AWS_KEY) -> str:
    """Put a failure document into S3; returns S3's notification of it."""
    return json.dumps(s3_event(dispatch.store.put(key, body.encode())))


def test_a_job_that_was_handed_over_is_the_same_job(dispatch: Dispatch) -> None:
    image = dispatch.image(estimate=estimate())
    assert dispatch.deliver(image) == []
    assert images(dispatch) == [image.job]


def test_the_uploads_of_an_event_that_lambda_gave_up_on_are_those_the_door_would_have_accepted(
    dispatch: Dispatch,
) -> None:
    event = s3_event(
        dispatch.store.put("incoming/acme/web/u1/a b+ü.jpg", b"one"),
        dispatch.store.put("incoming/acme/web/u2/b.jpg", b"two"),
        dispatch.store.put(object_keys.staged_key("acme", "web", "1b4e28ba-2fa1-51d2-883f-0016d3cca427"), b"staged"),
    )
    assert dispatch.deliver(gave_up(event)) == []
    accepted = [job for job in map(events.accept_upload, events.s3_records(event)) if job]
    assert sorted(images(dispatch), key=str) == sorted(accepted, key=str)
    dispatch.run_all()
    assert {result.status for result in dispatch.results().values()} == {Status.PROCESSED}


def test_an_upload_of_nobody_ends_and_keeps_the_others_from_nothing(dispatch: Dispatch) -> None:
    event = s3_event(
        dispatch.store.put("incoming/nobody's.jpg", b"one"), dispatch.store.put("incoming/acme/web/u2/b.jpg", b"two")
    )
    for _ in range(2):
        assert dispatch.deliver(gave_up(event)) == []
    assert len(images(dispatch)) == 1
    assert len(dispatch.store.contents("refused/incoming/")) == 1
    assert dispatch.metrics.refused == [(Door.UPLOAD, Code.INVALID_EVENT)]
    assert dispatch.store.contents("incoming/nobody's.jpg") == {"incoming/nobody's.jpg": b"one"}


def test_a_folder_that_lambda_gave_up_on_is_nothing_to_do(dispatch: Dispatch) -> None:
    stored = dispatch.store.put("incoming/acme/", b"")
    assert dispatch.deliver(gave_up(s3_event(stored, size=0))) == []
    assert images(dispatch) == []
    assert dispatch.metrics.refused == []


def test_a_request_that_lambda_gave_up_on_is_staged_and_submitted(dispatch: Dispatch) -> None:
    request = {"customer": "acme", "pipeline": "web", "image": b64encode(b"photo").decode(), "filename": "ü.jpg"}
    assert dispatch.deliver(gave_up(request), gave_up(request)) == []
    (job,) = images(dispatch)
    assert (job.door, job.name) == (Door.DIRECT, "ü.jpg")
    assert dispatch.store.contents(object_keys.INCOMING) == {job.source.key: b"photo"}
    dispatch.run_all()
    assert len(dispatch.results()) == 1


def test_a_request_with_a_reference_is_submitted(dispatch: Dispatch) -> None:
    dispatch.store.put("acme/a.jpg", b"photo", bucket="shared")
    request = {"customer": "acme", "pipeline": "web", "s3": "s3://shared/acme/a.jpg"}
    assert dispatch.deliver(gave_up(request)) == []
    assert [job.door for job in images(dispatch)] == [Door.REFERENCE]


@pytest.mark.parametrize("key", [AWS_KEY, f"{object_keys.FAILURES}kafka/1.json"])
def test_the_records_of_a_batch_of_kafka_are_staged_refused_and_submitted(dispatch: Dispatch, key: str) -> None:
    event = batch(record(b"one", 0), record(b"two", 1), record(b"nobody's", 2, customer_id=None))
    assert dispatch.deliver(kept(dispatch, gave_up_batch(event), key)) == []
    assert {job.door for job in images(dispatch)} == {Door.KAFKA}
    assert len(images(dispatch)) == 2
    assert len(dispatch.store.contents(object_keys.REFUSED)) == len(dispatch.metrics.refused) == 1
    dispatch.run_all()
    assert len(dispatch.results()) == 2


def test_records_that_ended_before_the_batch_was_given_up_are_not_staged_again(dispatch: Dispatch) -> None:
    event = batch(record(b"one", 0), record(b"two", 1))
    dispatch.world.kafka_batches.process(kafka.records(event), 60)
    dispatch.world.record()
    assert dispatch.deliver(kept(dispatch, gave_up_batch(event))) == []
    assert images(dispatch) == []
    assert dispatch.store.contents(object_keys.INCOMING) == {}


def test_another_content_under_an_identity_that_has_ended_is_a_conflict_not_done(dispatch: Dispatch) -> None:
    first, second = (batch(record(body, 0, idempotency_key="one")) for body in (b"red", b"blue"))
    dispatch.world.kafka_batches.process(kafka.records(first), 60)
    assert dispatch.deliver(kept(dispatch, gave_up_batch(second))) == []
    assert [code for _, code in dispatch.metrics.refused] == [Code.IDENTITY_CONFLICT]


def test_what_the_reconciler_took_up_is_submitted(dispatch: Dispatch) -> None:
    image = dispatch.image()
    message = kept(
        dispatch, msgspec.json.encode(image).decode(), f"{object_keys.RECONCILED}{image.job.image_id}/0.json"
    )
    assert dispatch.deliver(message) == []
    assert images(dispatch) == [image.job]


def test_an_object_that_is_gone_asks_for_nothing(dispatch: Dispatch) -> None:
    message = kept(dispatch, "{}")
    dispatch.store.delete(AWS_KEY)
    assert dispatch.deliver(message) == []


def test_messages_without_work_are_acknowledged(dispatch: Dispatch) -> None:
    dispatch.deliver(dispatch.image())
    (job,) = dispatch.jobs.submitted
    succeeded = state_change(job, FailureCause.CRASHED, NOW, status="SUCCEEDED")
    another = state_change(job, FailureCause.CRASHED, NOW, jobName="nightly-report")
    s3_test = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "home"})
    assert dispatch.deliver(succeeded, another, s3_test, gave_up(json.loads(s3_test))) == []
    assert len(dispatch.jobs.submitted) == 1


GARBAGE = [
    "",
    "not json",
    "[]",
    "7",
    "null",
    "{}",
    '{"job": {"image_id": "x"}, "reason": "…"}',
    '{"Records": []}',
    '{"Records": [{"eventSource": "aws:sns"}]}',
    '{"requestContext": {}, "timestamp": "2026-11-01T12:00:00Z"}',
    '{"requestContext": 5, "requestPayload": {}}',
    '{"detail-type": "Batch Job State Change"}',
    '{"job": "\\ud800"}',
    (
        '{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",'
        ' "s3": {"bucket": {"name": "home"}, "object": {"key": "processed/a"}}}]}'
    ),
    gave_up({"customer": "acme"}),
    gave_up("hello"),
    gave_up({"eventSource": "aws:kafka", "records": 7}),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_goes_back_and_the_others_are_unhurt(dispatch: Dispatch, garbage: str) -> None:
    before, after = dispatch.image(), dispatch.image()
    assert dispatch.deliver(before, garbage, after) == [garbage]
    assert len(images(dispatch)) == 2
    assert dispatch.metrics.blocked == []


@pytest.mark.parametrize("event", [None, {}, {"Records": 7}, {"Records": [{"body": "x"}]}, {"Records": [7]}])
def test_what_is_no_batch_of_messages_is_refused(dispatch: Dispatch, event: Any) -> None:
    with pytest.raises(Refusal):
        door().answer(event, dispatch.dispatcher, dispatch.stager)


@pytest.mark.parametrize("error_type", BAD)
def test_a_bad_deployment_moves_nothing_to_batch_and_is_counted_as_blocked(dispatch: Dispatch, error_type: str) -> None:
    messages = [gave_up(s3_event(dispatch.store.put(f"incoming/acme/web/{n}/a", b"a")), error_type) for n in "ab"]
    image = dispatch.image()
    assert dispatch.deliver(*messages, image) == messages
    assert images(dispatch) == [image.job]
    ((blocked, cause),) = dispatch.metrics.blocked
    assert blocked == 2
    assert error_type in cause
    dispatch.clock.wait(hours=25)
    assert dispatch.deliver(*messages) == []
    assert len(images(dispatch)) == 3


@pytest.mark.parametrize("error_type", ["Sandbox.Timedout", "Runtime.ExitError", "Unavailable", "MemoryError", ""])
def test_an_error_that_an_image_may_cause_is_no_bad_deployment(dispatch: Dispatch, error_type: str) -> None:
    assert dispatch.deliver(gave_up(s3_event(dispatch.store.put("incoming/acme/web/u/a", b"a")), error_type)) == []
    assert len(images(dispatch)) == 1


def test_an_event_that_waited_too_long_has_no_response(dispatch: Dispatch) -> None:
    event = s3_event(dispatch.store.put("incoming/acme/web/u/a", b"a"))
    assert dispatch.deliver(gave_up(event, responseContext=None, responsePayload=None)) == []
    assert len(images(dispatch)) == 1

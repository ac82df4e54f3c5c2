"""The Lambda function behind the overflow queue: it submits images to AWS Batch, and ends images of failed jobs.

Messages are images that were handed over, Lambda's failure documents, S3 notifications of objects under `failures/`,
and Batch's state changes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.bootstrap.dispatch import dispatcher
from core.domain import log, object_keys
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Refusal
from core.domain.model import HandOver, ImageJob
from core.services.dispatch.dispatcher import Dispatcher, OverflowItem
from core.services.dispatch.job_events import InvocationFailed, JobFailed
from core.services.intake.accept import ImageStager
from core.services.intake.refusals import refuse_upload
from core.services.intake.requests import read_request
from handler import events, failure_documents, kafka, sqs

S = TypeVar("S")
T = TypeVar("T")
#: One image or failed job of a message, or the error of one of several images.
Item = HandOver | JobFailed | Exception


def answer(event: Any, dispatcher: Dispatcher, stager: ImageStager) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Dispatch a batch of messages; the answer names those to deliver again. Raises Refusal for another event."""
    reader = _MessageReader(dispatcher, stager)
    failed: dict[str, Exception] = {}
    items: list[OverflowItem] = []
    for message in sqs.read_messages(event, "dispatcher"):
        for item in _catch(reader.read, message.body):
            if isinstance(item, Exception):
                failed.setdefault(message.message_id, item)
            else:
                items.append(OverflowItem(message.message_id, item))
    failed = dispatcher.dispatch(items) | failed
    for identifier, error in failed.items():
        details = error if isinstance(error, PicturePerfectError) else repr(error)
        log.say(f"message {identifier} of the overflow queue will be delivered again: {details}")
    blocked = [error for error in failed.values() if isinstance(error, Misconfigured)]
    if blocked:
        dispatcher.committer.metrics.block(len(blocked), str(blocked[0]), dispatcher.now())
    return sqs.batch_item_failures(failed)


@dataclass(frozen=True)
class _MessageReader:
    """Reads the images and failed jobs that messages name; images of failed events are accepted and staged."""

    dispatcher: Dispatcher
    stager: ImageStager

    def read(self, body: str) -> list[Item]:
        """The items of a message. Raises Refusal for an unknown shape, Misconfigured for a wrong deployment."""
        document = failure_documents.decode(body)
        if failure_documents.is_state_change(document):
            failed = failure_documents.read_state_change(document)
            return [failed] if failed else []
        if failure_documents.is_hand_over(document):
            return [failure_documents.read_hand_over(document)]
        if failure_documents.is_failed_invocation(document):
            return self._hand_overs(failure_documents.read_failed_invocation(document))
        if events.is_s3_test(document):
            return []
        if isinstance(document, Mapping) and "Records" in document:
            keys = [record.s3.object.plain_key for record in events.s3_records(document)]
            return [item for key in keys for item in _catch(self._read_object, key)]
        fields = ", ".join(sorted(document)) if isinstance(document, dict) else type(document).__name__
        raise Refusal(
            Code.INVALID_EVENT, f"A message with {fields or 'no fields'} is not a message of the overflow queue."
        )

    def _read_object(self, key: str) -> list[Item]:
        """The items of a stored document: a failure document of AWS, or a hand-over of the reconciler."""
        if not key.startswith((object_keys.FAILURES, object_keys.AWS_FAILURES)):
            raise Refusal(
                Code.INVALID_EVENT, f"{key} is not under {object_keys.FAILURES} or {object_keys.AWS_FAILURES}."
            )
        body = self.stager.acceptor.committer.store.read(key)
        if body is None:  # removed by the bucket's lifecycle
            log.say(f"{key} is gone: its images are not dispatched")
            return []
        document = failure_documents.decode(body)
        if key.startswith(object_keys.RECONCILED):
            return [failure_documents.read_hand_over(document)]
        if not failure_documents.is_failed_invocation(document):
            raise Refusal(Code.INVALID_EVENT, f"{key} is not a failure document.")
        return self._hand_overs(failure_documents.read_failed_invocation(document))

    def _hand_overs(self, failed: InvocationFailed) -> list[Item]:
        if failed.is_deployment:
            self.dispatcher.hold_back(failed.at, failed.reason)
        return [
            HandOver(job=job, reason=failed.reason) if isinstance(job, ImageJob) else job
            for job in self._staged_jobs(failed)
        ]

    def _staged_jobs(self, failed: InvocationFailed) -> list[ImageJob | Exception]:
        """The images of an event, accepted as `handler.process` accepts them; the error of an image takes its place."""
        event, stager = failed.payload, self.stager
        if events.is_s3_test(event):
            return []
        if kafka.is_kafka(event):
            return self._in_threads(lambda record: stager.record(record, failed.at), kafka.records(event))
        if isinstance(event, dict) and "Records" in event:
            return self._in_threads(self._accept_upload, events.s3_records(event))
        return [stager.request(read_request(event), failed.at)]

    def _accept_upload(self, record: events.S3Record) -> ImageJob | None:
        try:
            return events.accept_upload(record)
        except Refusal as refusal:
            refuse_upload(self.stager.acceptor.committer, record.source, refusal, self.dispatcher.now())
            return None

    def _in_threads(self, accept: Callable[[T], ImageJob | None], records: Sequence[T]) -> list[ImageJob | Exception]:
        """Accept all records concurrently: staging is a request to S3, and a Kafka batch may have thousands."""
        with self.dispatcher.threads() as threads:
            accepted = threads.map(lambda record: _catch(lambda item: [accept(item)], record), records)
            return [job for (job,) in accepted if job]


def _catch(read: Callable[[S], list[T]], value: S) -> list[T | Exception]:
    """The items that `read` returns, or its error as the only item, so that the other messages are dispatched."""
    try:
        return list(read(value))
    except Exception as error:  # noqa: BLE001 - `answer` logs it
        return [error]


_dispatcher, _stager = dispatcher(os.environ)


def handle(event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The entry point: `handler.dispatch.handle`."""
    return answer(event, _dispatcher, _stager)

"""The Lambda function behind the overflow queue: what did not end elsewhere goes to AWS Batch, once, or ends failed.

Its messages are jobs that were handed over, Lambda's failure documents, S3's notifications of those under `failures/`,
and Batch's state changes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.bootstrap.dispatch import dispatching
from core.domain import log, object_keys
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Refusal
from core.domain.model import HandOver, ImageJob
from core.services.dispatch import job_events
from core.services.dispatch.dispatcher import Dispatching, Wanted
from core.services.dispatch.job_events import InvocationFailed, JobFailed
from core.services.intake.accept import Intake
from core.services.intake.refusals import refuse_upload
from core.services.intake.requests import read_request
from handler import events, kafka

S = TypeVar("S")
T = TypeVar("T")
#: What one message asks for: of an event with several images, an error may stand in the place of one.
Asked = HandOver | JobFailed | Exception


def answer(event: Any, dispatching: Dispatching, intake: Intake) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """Work on a batch of messages; those that failed are named, and come again. Raises Refusal for what is none."""
    messages = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(messages, list) or not all(
        isinstance(message, dict) and "messageId" in message and isinstance(message.get("body"), str)
        for message in messages
    ):
        raise Refusal(Code.INVALID_EVENT, "The dispatcher takes batches of SQS messages (`Records`), nothing else.")
    translation = _Translation(dispatching, intake)
    failed: dict[str, Exception] = {}
    wanted: list[Wanted] = []
    for message in messages:
        for asked in _tried(translation.of, message["body"]):
            if isinstance(asked, Exception):
                failed.setdefault(message["messageId"], asked)
            else:
                wanted.append(Wanted(message["messageId"], asked))
    failed = dispatching.work(wanted) | failed
    for identifier, reason in failed.items():
        what = reason if isinstance(reason, PicturePerfectError) else repr(reason)
        log.say(f"message {identifier} of the overflow queue comes again: {what}")
    blocked = [reason for reason in failed.values() if isinstance(reason, Misconfigured)]
    if blocked:
        dispatching.committing.metrics.block(len(blocked), str(blocked[0]), dispatching.now())
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


@dataclass(frozen=True)
class _Translation:
    """What messages ask for, in the core's words."""

    dispatching: Dispatching
    intake: Intake

    def of(self, body: str) -> list[Asked]:
        """Raises Refusal for what is known by no shape, Misconfigured for what a bad deployment is to blame for."""
        document = job_events.decode(body)
        if job_events.is_state_change(document):
            failed = job_events.state_change(document)
            return [failed] if failed else []
        if job_events.is_hand_over(document):
            return [job_events.hand_over(document)]
        if job_events.is_invocation(document):
            return self._given_up(job_events.invocation(document))
        if events.is_s3_test(document):
            return []
        if isinstance(document, Mapping) and "Records" in document:
            kept = [record.s3.object.plain_key for record in events.s3_records(document)]
            return [what for key in kept for what in _tried(self._kept, key)]
        known = ", ".join(sorted(document)) if isinstance(document, dict) else type(document).__name__
        raise Refusal(Code.INVALID_EVENT, f"A message with {known or 'nothing in it'} is none of the overflow queue's.")

    def _kept(self, key: str) -> list[Asked]:
        """What an object says: AWS's failure documents, and what the reconciler took up."""
        if not key.startswith((object_keys.FAILURES, object_keys.AWS_FAILURES)):
            raise Refusal(
                Code.INVALID_EVENT, f"{key} is not under {object_keys.FAILURES} or {object_keys.AWS_FAILURES}."
            )
        body = self.intake.committing.store.read(key)
        if body is None:  # its lifecycle was faster
            log.say(f"{key} is gone: nothing is done for it")
            return []
        document = job_events.decode(body)
        if key.startswith(object_keys.RECONCILED):
            return [job_events.hand_over(document)]
        if not job_events.is_invocation(document):
            raise Refusal(Code.INVALID_EVENT, f"{key} is not a failure document.")
        return self._given_up(job_events.invocation(document))

    def _given_up(self, failed: InvocationFailed) -> list[Asked]:
        if failed.is_deployment:
            self.dispatching.hold_back(failed.at, failed.reason)
        return [
            HandOver(job=job, reason=failed.reason) if isinstance(job, ImageJob) else job for job in self._jobs(failed)
        ]

    def _jobs(self, failed: InvocationFailed) -> list[ImageJob | Exception]:
        """The images of an event, as `handler.process` would have accepted them; an error of one is its own."""
        event, intake = failed.payload, self.intake
        if events.is_s3_test(event):
            return []
        if kafka.is_kafka(event):
            return self._each(lambda record: intake.record(record, failed.at), kafka.records(event))
        if isinstance(event, dict) and "Records" in event:
            return self._each(self._upload, events.s3_records(event))
        return [intake.request(read_request(event), failed.at)]

    def _upload(self, record: events.S3Record) -> ImageJob | None:
        try:
            return events.upload_job(record)
        except Refusal as refusal:
            refuse_upload(self.intake.committing, record.source, refusal, self.dispatching.now())
            return None

    def _each(self, accept: Callable[[T], ImageJob | None], members: Sequence[T]) -> list[ImageJob | Exception]:
        """All of an event at once: what is staged are round trips to S3, and a batch of Kafka may have thousands."""
        with self.dispatching.threads() as threads:
            found = threads.map(lambda member: _tried(lambda one: [accept(one)], member), members)
            return [job for (job,) in found if job]


def _tried(ask: Callable[[S], list[T]], what: S) -> list[T | Exception]:
    """What is found; an error in its place, so that the others get their turn all the same."""
    try:
        return list(ask(what))
    except Exception as error:  # noqa: BLE001 - see above; `answer` tells it
        return [error]


_dispatching, _intake = dispatching(os.environ)


def handle(event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.dispatch.handle`."""
    return answer(event, _dispatching, _intake)

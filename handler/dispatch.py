"""The Lambda function behind the overflow queue: what did not end elsewhere goes to AWS Batch, once, or ends failed.

Its messages are jobs that were handed over, Lambda's failure documents, S3's notifications of those under `failures/`,
and Batch's state changes.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core import bootstrap, failures, keys
from core.dispatching import Dispatching, Wanted
from core.errors import Code, Misconfigured, PicturePerfectError, Refusal
from core.failures import InvocationFailed, JobFailed
from core.intake import Intake
from core.model import HandOver, ImageJob
from core.requests import read_request
from handler import events, kafka


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
        try:
            wanted += [Wanted(message["messageId"], what) for what in translation.of(message["body"])]
        except Exception as error:  # noqa: BLE001 - the others get their turn all the same; it is told below
            failed[message["messageId"]] = error
    failed |= dispatching.work([one for one in wanted if one.message not in failed])
    for identifier, reason in failed.items():
        what = reason if isinstance(reason, PicturePerfectError) else repr(reason)
        print(f"message {identifier} of the overflow queue comes again: {what}", file=sys.stderr)  # noqa: T201 - the log
    blocked = [reason for reason in failed.values() if isinstance(reason, Misconfigured)]
    if blocked:
        dispatching.committing.metrics.block(len(blocked), str(blocked[0]), dispatching.now())
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


@dataclass(frozen=True)
class _Translation:
    """What messages ask for, in the core's words."""

    dispatching: Dispatching
    intake: Intake

    def of(self, body: str) -> list[HandOver | JobFailed]:
        """Raises Refusal for what is known by no shape, Misconfigured for what a bad deployment is to blame for."""
        document = failures.decode(body)
        if failures.is_state_change(document):
            failed = failures.state_change(document)
            return [failed] if failed else []
        if failures.is_hand_over(document):
            return [failures.hand_over(document)]
        if failures.is_invocation(document):
            return list(self._given_up(failures.invocation(document)))
        if events.is_s3_test(document):
            return []
        if isinstance(document, Mapping) and "Records" in document:
            return [what for record in events.s3_records(document) for what in self._kept(record.s3.object.plain_key)]
        known = ", ".join(sorted(document)) if isinstance(document, dict) else type(document).__name__
        raise Refusal(Code.INVALID_EVENT, f"A message with {known or 'nothing in it'} is none of the overflow queue's.")

    def _kept(self, key: str) -> Iterable[HandOver]:
        """What lies under `failures/`: AWS's documents, and what the reconciler took up."""
        if not key.startswith(keys.FAILURES):
            raise Refusal(Code.INVALID_EVENT, f"{key} is not under {keys.FAILURES}.")
        body = self.intake.committing.store.read(key)
        if body is None:  # its lifecycle was faster
            print(f"{key} is gone: nothing is done for it", file=sys.stderr)  # noqa: T201 - the function's log
            return []
        document = failures.decode(body)
        if key.startswith(keys.RECONCILED):
            return [failures.hand_over(document)]
        if not failures.is_invocation(document):
            raise Refusal(Code.INVALID_EVENT, f"{key} is not a failure document.")
        return self._given_up(failures.invocation(document))

    def _given_up(self, failed: InvocationFailed) -> Iterable[HandOver]:
        if failed.is_deployment:
            self.dispatching.hold_back(failed.at, failed.reason)
        return [HandOver(job=job, reason=failed.reason) for job in self._jobs(failed)]

    def _jobs(self, failed: InvocationFailed) -> Iterable[ImageJob]:
        """The images of an event, as `handler.process` would have accepted them."""
        event = failed.payload
        if events.is_s3_test(event):
            return []
        if kafka.is_kafka(event):
            accepted = (self.intake.record(record, failed.at) for record in kafka.records(event))
            return [job for job in accepted if job]
        if isinstance(event, dict) and "Records" in event:
            uploads = map(events.upload_job, events.s3_records(event))
            return [job for job in uploads if job]
        return [self.intake.request(read_request(event), failed.at)]


_dispatching, _intake = bootstrap.dispatching(os.environ)


def handle(event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.dispatch.handle`."""
    return answer(event, _dispatching, _intake)

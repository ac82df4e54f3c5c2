"""The use case of the Kafka door: a batch in which each record ends, is handed over, or is refused with a document.

Nobody hears an answer here, and a record that failed would stop its partition. So what cannot be accepted is
written down under `refused/`, and only what S3 or SQS themselves refused is delivered again.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.identity import image_id, s3_identity
from core.domain.kafka_customer_rules import Rule
from core.domain.model import Door, HandOver, ImageJob, ObjectRef, Outcome, Value
from core.services.intake.kafka_records import Asked, Record, ask
from core.services.intake.refusals import refuse_record
from core.services.intake.requests import is_waiting, referred_place, staged_job, stored_job
from core.services.processing.process import Processing

_THREADS = 2  # for each child: one record's round trips to S3 go on while another's pixels are worked on


class Refused(Value, frozen=True, kw_only=True):
    """What became of a record that was not accepted: why, and the key of its document."""

    code: Code
    message: str
    key: str


@dataclass(frozen=True)
class Ending:
    """What became of one record. An exception: nothing did, and it is to be delivered again."""

    record: Record
    what: Outcome | HandOver | Refused | Exception


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """Works on batches of records, all vCPUs at once."""

    #: It has somewhere to hand over what does not fit its share.
    processing: Processing
    rules: Sequence[Rule]
    #: Of records that name none; may be empty.
    pipeline: str
    #: Whether the mapping can be told which records are to be delivered again.
    partial: bool
    threads: Callable[[int], Executor] = ThreadPoolExecutor

    def work(self, records: Sequence[Record], seconds: float) -> list[Ending]:
        """Bring every record of a batch to its end within `seconds`; none waits for another that cannot be."""
        deadline = time.monotonic() + seconds
        with self.processing.worker.shared(len(records)) as children:
            at_once = _THREADS * children
            with self.threads(at_once) as threads:
                under_way = [
                    threads.submit(self._end, record, deadline, number + at_once < len(records))
                    for number, record in enumerate(records)
                ]
                return [future.result() for future in under_way]

    def _end(self, record: Record, deadline: float, others_wait: bool) -> Ending:
        try:
            return Ending(record, self._accepted(record, deadline, others_wait))
        except Refusal as refusal:
            try:
                return Ending(record, self._refuse(record, refusal))
            except Exception as error:  # noqa: BLE001 - as below
                return Ending(record, error)
        except Exception as error:  # noqa: BLE001 - the others get their turn all the same; the door reports it
            return Ending(record, error)

    def _accepted(self, record: Record, deadline: float, others_wait: bool) -> Outcome | HandOver:
        asked = ask(record, self.rules, self.pipeline, self.processing.now())
        job = self._job(asked)
        seconds = deadline - time.monotonic()
        if others_wait:
            seconds /= 2  # one that never comes to its end must leave time for those behind it
        return self.processing.bring(job, asked.body, seconds)

    def _job(self, asked: Asked) -> ImageJob:
        """The same for every delivery of a record, whatever has become of a source it refers to."""
        request, store = asked.request, self.processing.store
        if asked.body is not None:
            return staged_job(request, store.bucket, asked.identity, Door.KAFKA, asked.received_at)
        place = referred_place(request, store.bucket, self.processing.references)
        if is_waiting(place, store.bucket):
            return self._waiting(asked, place)
        return stored_job(request, place, asked.identity, Door.KAFKA, asked.received_at)

    def _waiting(self, asked: Asked, place: ObjectRef) -> ImageJob:
        """The job of the upload that lies at `place`, an image already.

        It will have moved by the next delivery of this record: which image it was is written down.
        """
        key = object_keys.accepted_key(image_id(asked.request.customer, asked.request.pipeline, *asked.position))
        body = self.processing.store.read(key)
        if body is None:
            stored = self.processing.store.head(place)
            found, identity = (stored.ref, s3_identity(stored.ref)) if stored else (place, asked.position)
            job = stored_job(asked.request, found, identity, Door.KAFKA, asked.received_at)
            if self.processing.create(key, msgspec.json.encode(job), "application/json"):
                return job
            body = self.processing.store.read(key)
        if body is None:
            raise Misconfigured(Code.INVALID_RESULT, f"{key} was refused as existing, but is not there.")
        return stored_documents.decode_stored(body, ImageJob, key, "a job that was accepted")

    def _refuse(self, record: Record, refusal: Refusal) -> Refused:
        key = refuse_record(self.processing, record, refusal, self.processing.now())
        return Refused(code=refusal.code, message=refusal.message, key=key)

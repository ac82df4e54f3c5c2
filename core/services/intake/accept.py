"""Images of events that Lambda gave up on: what a door would have accepted is accepted, and staged for who runs it.

As `core.services.intake.kafka_batch` does it for images that it runs itself.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.identity import conflict, differs, image_id, s3_identity
from core.domain.kafka_customer_rules import Rule
from core.domain.model import Door, ImageJob, ObjectRef, Source
from core.ports.queues import Announcements
from core.services.intake.kafka_records import Asked, Record, ask
from core.services.intake.refusals import refuse_record
from core.services.intake.requests import (
    ImageRequest,
    accept_bytes,
    accept_reference,
    is_waiting,
    referred_place,
    staged_job,
    stored_job,
)
from core.services.processing.commit import Committing

_MEDIA_TYPE = "application/json"


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Accepts requests and records of Kafka, without running them."""

    committing: Committing
    announcements: Announcements
    references: Sequence[str]
    rules: Sequence[Rule]
    #: Of records that name none; may be empty.
    pipeline: str

    def request(self, request: ImageRequest, now: datetime) -> ImageJob:
        """The job of a direct request, its bytes in the store. Raises Refusal."""
        store = self.committing.store
        if request.image is None:
            return accept_reference(request, store, self.references, now)
        job, body = accept_bytes(request, store.bucket, now)
        self._stage(job, body)
        return job

    def record(self, record: Record, now: datetime) -> ImageJob | None:
        """The job of a record, its bytes in the store; None for one that is refused, with a document that says why."""
        try:
            return self._accept(ask(record, self.rules, self.pipeline, now))
        except Refusal as refusal:
            refuse_record(self.committing, record, refusal, now)
            return None

    def _accept(self, asked: Asked) -> ImageJob:
        request, bucket = asked.request, self.committing.store.bucket
        if asked.body is not None:
            job = staged_job(request, bucket, asked.identity, Door.KAFKA, asked.received_at)
            self._stage(job, asked.body)
            return job
        place = referred_place(request, bucket, self.references)
        if is_waiting(place, bucket):
            return self._waiting(asked, place)
        return stored_job(request, place, asked.identity, Door.KAFKA, asked.received_at)

    def _stage(self, job: ImageJob, body: bytes) -> None:
        """Put the source where the to-do list is, unless the image has ended; the first content of an id keeps it.

        Raises Refusal(IDENTITY_CONFLICT) for another.
        """
        committing, digest = self.committing, hashlib.sha256(body).hexdigest()
        standing = committing.standing(job)
        if standing:
            if differs(standing.source, Source(object=job.source, name=job.name, sha256=digest)):
                raise conflict(job.image_id, job.customer)
            return
        metadata = stored_documents.staged_metadata(job, digest)
        if not committing.create(job.source.key, body, "application/octet-stream", metadata):
            stored = committing.store.head(job.source)
            if stored and stored.metadata.get("sha256") != digest:
                raise conflict(job.image_id, job.customer)
        elif committing.standing(job):
            self.announcements.announce(job.result_key)  # what was just staged late is the recorder's to tidy up

    def _waiting(self, asked: Asked, place: ObjectRef) -> ImageJob:
        """The job of the upload that lies at `place`; which image that was is written down, as it will move."""
        key = object_keys.accepted_key(image_id(asked.request.customer, asked.request.pipeline, *asked.position))
        store = self.committing.store
        body = store.read(key)
        if body is None:
            stored = store.head(place)
            found, identity = (stored.ref, s3_identity(stored.ref)) if stored else (place, asked.position)
            job = stored_job(asked.request, found, identity, Door.KAFKA, asked.received_at)
            if self.committing.create(key, msgspec.json.encode(job), _MEDIA_TYPE):
                return job
            body = store.read(key)
        if body is None:
            raise Misconfigured(Code.INVALID_RESULT, f"{key} was refused as existing, but is not there.")
        return stored_documents.decode_stored(body, ImageJob, key, "a job that was accepted")

"""Accept requests and Kafka records: validate them, and make a job of each. Nothing is processed here."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.identity import image_id, s3_identity
from core.domain.kafka_customer_rules import Rule
from core.domain.model import Door, ImageJob, ObjectRef, Source
from core.ports.queues import Announcements
from core.services.intake.kafka_records import KafkaImage, Record, read_image
from core.services.intake.refusals import refuse_record
from core.services.intake.requests import (
    ImageRequest,
    accept_bytes,
    accept_reference,
    inline_job,
    is_pending_upload,
    referenced_job,
    referenced_object,
)
from core.services.processing.commit import ResultCommitter, refuse_other_content


@dataclass(frozen=True)
class AcceptedImage:
    """A job, and its source's bytes if the event carried them; None if the source is in S3 already."""

    job: ImageJob
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ImageAcceptor:
    """Makes jobs of requests and Kafka records. All deliveries of one of them make the same job."""

    committer: ResultCommitter
    #: Prefixes of S3 URLs that requests may refer to, with `{customer}` in them.
    references: Sequence[str]
    rules: Sequence[Rule] = ()
    #: The pipeline of Kafka records that name none; empty: they are refused.
    kafka_pipeline: str = ""

    def request(self, request: ImageRequest, now: datetime) -> AcceptedImage:
        """Accept a direct request. Raises Refusal."""
        store = self.committer.store
        if request.image is None:
            return AcceptedImage(accept_reference(request, store, self.references, now))
        job, body = accept_bytes(request, store.bucket, now)
        return AcceptedImage(job, body)

    def record(self, record: Record, now: datetime) -> AcceptedImage:
        """Accept a Kafka record. Raises Refusal."""
        image = read_image(record, self.rules, self.kafka_pipeline, now)
        bucket = self.committer.store.bucket
        if image.body is not None:
            job = inline_job(image.request, bucket, image.identity, Door.KAFKA, image.received_at)
            return AcceptedImage(job, image.body)
        ref = referenced_object(image.request, bucket, self.references)
        if is_pending_upload(ref, bucket):
            return AcceptedImage(self._pending_upload(image, ref))
        return AcceptedImage(referenced_job(image.request, ref, image.identity, Door.KAFKA, image.received_at))

    def _pending_upload(self, image: KafkaImage, ref: ObjectRef) -> ImageJob:
        """The job of the upload at `ref`.

        The job is written to `accepted/`: the recorder moves the upload, so a later delivery of the record could not
        tell which content it refers to.
        """
        key = object_keys.accepted_key(image_id(image.request.customer, image.request.pipeline, *image.position))
        store = self.committer.store
        body = store.read(key)
        if body is None:
            stored = store.head(ref)
            source, identity = (stored.ref, s3_identity(stored.ref)) if stored else (ref, image.position)
            job = referenced_job(image.request, source, identity, Door.KAFKA, image.received_at)
            if self.committer.create(key, msgspec.json.encode(job), "application/json"):
                return job
            body = store.read(key)
        if body is None:
            raise Misconfigured(Code.INVALID_RESULT, f"{key} was refused as existing, but is not there.")
        return stored_documents.decode_stored(body, ImageJob, key, "a job that was accepted")


@dataclass(frozen=True, kw_only=True)
class ImageStager:
    """Accepts images of events that Lambda no longer retries, and stages their bytes for Batch."""

    acceptor: ImageAcceptor
    announcements: Announcements

    def request(self, request: ImageRequest, now: datetime) -> ImageJob:
        """The job of a direct request, its source in the store. Raises Refusal."""
        return self._staged(self.acceptor.request(request, now))

    def record(self, record: Record, now: datetime) -> ImageJob | None:
        """The job of a Kafka record, its source in the store; None if it is refused, with a document under `refused/`.

        `now` is the time of Lambda's failure document.
        """
        try:
            return self._staged(self.acceptor.record(record, now))
        except Refusal as refusal:
            refuse_record(self.acceptor.committer, record, refusal, now)
            return None

    def _staged(self, image: AcceptedImage) -> ImageJob:
        """Stage the bytes, unless the image has a result. Raises Refusal(IDENTITY_CONFLICT)."""
        job, committer = image.job, self.acceptor.committer
        if image.body is None:
            return job
        digest = hashlib.sha256(image.body).hexdigest()
        standing = committer.standing(job)
        if standing:
            refuse_other_content(standing, Source(object=job.source, name=job.name, sha256=digest))
        elif committer.stage(job, image.body, digest) and committer.standing(job):
            self.announcements.announce(job.result_key)  # the recorder removes a source that was staged late
        return job

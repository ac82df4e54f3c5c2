"""The commit of an image that no worker can speak for any more: Batch lost it, or nobody ever took it up.

The same object as `core.services.processing.process` writes, in the same way: its creator has won, and counts it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from core import __version__
from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Unavailable
from core.domain.model import Estimate, ImageJob, Result, Route, Source, Status
from core.ports.metrics import Metrics
from core.ports.store import ObjectStore, WriteContestedError

_PAUSES = (0.05, 0.2, 0.8, 2.0)  # seconds between tries of a contested or unanswered write


@dataclass(frozen=True, kw_only=True)
class Committing:
    """Writes what must be written once, through contests and lost answers."""

    store: ObjectStore
    metrics: Metrics
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        """Create an object, through contests (S3's 409) and lost answers; False when it was there."""
        for pause in _PAUSES:
            try:
                return self.store.create(key, body, media_type, metadata)
            except (WriteContestedError, Unavailable):
                self.sleep(pause)
        try:
            return self.store.create(key, body, media_type, metadata)
        except WriteContestedError as error:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"Writing {key} met other writes every time.") from error

    def standing(self, job: ImageJob) -> Result | None:
        """The result of this run, where there is one."""
        body = self.store.read(job.result_key)
        return stored_documents.decode_result(body, job.result_key) if body is not None else None

    def fail(self, job: ImageJob, code: Code, message: str, estimate: Estimate | None = None) -> Result:
        """End an image as failed, unless it has ended; returns the result that stands."""
        result = self._failed(job, code, message, estimate)
        if self.create(result.key, stored_documents.encode_result(result), "application/json"):
            standing: Result | None = result
        else:
            standing = self.standing(job)
        if standing is None:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"{result.key} was refused as existing, but is not there.")
        if standing.token == result.token:  # also when the store wrote it and its answer was lost
            self.metrics.emit(result)
        return standing

    def _failed(self, job: ImageJob, code: Code, message: str, estimate: Estimate | None) -> Result:
        return Result(
            image_id=job.image_id,
            run=job.run,
            token=str(uuid4()),
            customer=job.customer,
            pipeline=job.pipeline,
            door=job.door,
            route=Route.BATCH,
            reason="It was handed over to AWS Batch.",
            status=Status.FAILED,
            code=code,
            message=message,
            source=self._source(job),
            estimate=estimate,
            received_at=job.received_at,
            committed_at=self.now(),
            version=__version__,
        )

    def _source(self, job: ImageJob) -> Source:
        """What is known of the source without its content: the recorder keeps what it names, and nothing else."""
        stored = self.store.head(job.source)
        if stored is None:
            return Source(object=job.source, name=job.name)
        found = job.source if object_keys.is_staged(job.source.key) else stored.ref
        return Source(object=found, name=job.name, bytes=stored.bytes, sha256=stored.metadata.get("sha256"))

"""The commit: one object, `results/<image_id>/<run>.json`, written only if it is not there.

The writer of that object has won the image's run. Every step before the commit can be repeated, and every step after
it follows from the stored result.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from core import __version__
from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Unavailable
from core.domain.identity import conflict, differs
from core.domain.model import Estimate, ImageJob, Result, Route, Source, Status
from core.ports.metrics import Metrics
from core.ports.store import ObjectStore, WriteContestedError

_PAUSES = (0.05, 0.2, 0.8, 2.0)  # seconds between tries of a contested or unanswered write


@dataclass(frozen=True, kw_only=True)
class ResultCommitter:
    """Creates the objects that exist once: results, staged sources, renditions and the documents of the services."""

    store: ObjectStore
    metrics: Metrics
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        """Create an object, through contests (S3's 409) and lost answers; False if `key` exists.

        False also follows a write of this call whose answer was lost. Raises Unavailable(STORE_UNAVAILABLE).
        """
        for pause in _PAUSES:
            try:
                return self.store.create(key, body, media_type, metadata)
            except (WriteContestedError, Unavailable):
                self.sleep(pause)
        try:
            return self.store.create(key, body, media_type, metadata)
        except WriteContestedError as error:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"Every try to write {key} met another write.") from error

    def stage(self, job: ImageJob, body: bytes, sha256: str) -> bool:
        """Write the source to `job.source` under `incoming/`; False if the same content is there already.

        Raises Refusal(IDENTITY_CONFLICT) if other content is there: the first content of an image id stays.
        """
        metadata = stored_documents.staged_metadata(job, sha256)
        if self.create(job.source.key, body, "application/octet-stream", metadata):
            return True
        stored = self.store.head(job.source)
        if stored and stored.metadata.get("sha256") != sha256:
            raise conflict(job.image_id, job.customer)
        return False

    def standing(self, job: ImageJob) -> Result | None:
        """The committed result of this image and run; None if there is none."""
        body = self.store.read(job.result_key)
        return stored_documents.decode_result(body, job.result_key) if body is not None else None

    def commit(self, job: ImageJob, result: Result) -> Result:
        """Write the result if there is none, and emit its metrics if this call wrote it.

        Returns the standing result: `result` itself, or the result of the first writer.
        """
        if self.create(result.key, stored_documents.encode_result(result), "application/json"):
            self.metrics.emit(result)
            return result
        standing = self.standing(job)
        if standing is None:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"{result.key} was refused as existing, but is not there.")
        if standing.token != result.token:
            return standing
        self.metrics.emit(result)  # the store had written it, and the answer was lost
        return result

    def fail(self, job: ImageJob, code: Code, message: str, estimate: Estimate | None = None) -> Result:
        """Commit `failed` for an image that no worker reports on; returns the standing result."""
        result = new_result(
            job,
            route=Route.BATCH,
            reason="It was handed over to AWS Batch.",
            status=Status.FAILED,
            code=code,
            message=message,
            source=self._source(job),
            estimate=estimate,
            committed_at=self.now(),
        )
        return self.commit(job, result)

    def _source(self, job: ImageJob) -> Source:
        """The source as the store describes it; its content is not read."""
        stored = self.store.head(job.source)
        if stored is None:
            return Source(object=job.source, name=job.name)
        ref = job.source if object_keys.is_staged(job.source.key) else stored.ref
        return Source(object=ref, name=job.name, bytes=stored.bytes, sha256=stored.metadata.get("sha256"))


def new_result(job: ImageJob, **fields: Any) -> Result:  # noqa: ANN401 - the other fields of Result
    """A result of `job` with a writer token of its own; `fields`: the fields of Result that the job does not have."""
    return Result(
        image_id=job.image_id,
        run=job.run,
        token=str(uuid4()),
        customer=job.customer,
        pipeline=job.pipeline,
        door=job.door,
        received_at=job.received_at,
        version=__version__,
        **fields,
    )


def refuse_other_content(standing: Result, offered: Source) -> None:
    """Raise Refusal(IDENTITY_CONFLICT) if the standing result is of other content than `offered`."""
    if differs(standing.source, offered):
        raise conflict(standing.image_id, standing.customer)

"""The document of a submission: the images of each of its jobs. It is in S3, since a submission holds 30 KiB at most.

A single job works on the first share, child N of an array job on share N. A child that runs again skips the images
that have a result.
"""

from datetime import datetime

from core.domain import object_keys, stored_documents
from core.domain.model import HandOver, Value


class BatchWork(Value, frozen=True, kw_only=True):
    """All shares of one submission; `tier` is the name of its tier."""

    schema: int = 1
    work_id: str
    tier: str
    shares: tuple[tuple[HandOver, ...], ...]
    #: Batch's time-out of one attempt, in seconds, which Batch does not tell the job; 0 if there is none.
    timeout_seconds: int = 0
    created_at: datetime

    @property
    def key(self) -> str:
        return object_keys.work_key(self.work_id)


def decode(body: bytes, key: str) -> BatchWork:
    """Read a document. Raises Misconfigured(INVALID_RESULT) if `body` is not one."""
    return stored_documents.decode_stored(body, BatchWork, key, "the work of a Batch job")

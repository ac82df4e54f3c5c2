"""What a Batch job is given to do: a document in S3, since 30 KiB is all that a submission may carry.

A job of one child works on the first share; child N of an array on share N. A child that is run again finds out by
itself what has been committed.
"""

from datetime import datetime

from core.domain import object_keys, stored_documents
from core.domain.model import HandOver, Value


class BatchWork(Value, frozen=True, kw_only=True):
    """All shares of one submission, for children of the tier that is named by `tier`."""

    schema: int = 1
    work_id: str
    tier: str
    shares: tuple[tuple[HandOver, ...], ...]
    #: Batch's own time-out of one attempt, which no variable tells its job; 0 where there is none.
    timeout_seconds: int = 0
    created_at: datetime

    @property
    def key(self) -> str:
        return object_keys.work_key(self.work_id)


def decode(body: bytes, key: str) -> BatchWork:
    """Read the document. Raises Misconfigured(INVALID_RESULT) when it is not one."""
    return stored_documents.decode_stored(body, BatchWork, key, "the work of a Batch job")

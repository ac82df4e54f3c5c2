"""What a Batch job is given to do: a document in S3, since 30 KiB is all that a submission may carry.

A job of one child works on the first share; child N of an array on share N. A child that is run again finds out by
itself what has been committed.
"""

from datetime import datetime

from core.domain import stored_documents
from core.domain.model import HandOver, Value
from core.domain.object_keys import BATCHES


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
        return key_of(self.work_id)


def key_of(work_id: str) -> str:
    """Where the document lies."""
    return f"{BATCHES}{work_id}.json"


def decode(body: bytes, key: str) -> BatchWork:
    """Read the document. Raises Misconfigured(INVALID_RESULT) when it is not one."""
    return stored_documents.stored(body, BatchWork, key, "the work of a Batch job")

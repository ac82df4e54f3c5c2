"""AWS Batch: submit a job, find a job."""

from collections.abc import Sequence
from typing import Protocol


class Jobs(Protocol):
    """The job queue of AWS Batch."""

    def submit(self, name: str, tier: str, arguments: Sequence[str], size: int, timeout_seconds: int) -> str:
        """Submit a job, or an array job of `size` children if that is 2 or more; returns Batch's id of it.

        `arguments` follow the command `batch`; `timeout_seconds` limits one attempt of one child. Raises
        Unavailable(BATCH_UNAVAILABLE) if no answer came; the job may have been submitted. Raises
        Misconfigured(BATCH_REFUSED) if Batch refuses the submission.
        """

    def find(self, name: str) -> str | None:
        """Batch's id of the job with that name; None if there is none. Raises as `submit` does."""

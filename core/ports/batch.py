"""AWS Batch: submit a job, find a job."""

from collections.abc import Sequence
from typing import Protocol


class Jobs(Protocol):
    """AWS Batch, for who submits."""

    def submit(self, name: str, tier: str, arguments: Sequence[str], size: int, timeout_seconds: int) -> str:
        """Submit a job, or an array of `size` children where that is 2 or more; returns Batch's id of it.

        `arguments` follow the command `batch`; `timeout_seconds` is of one attempt of one child. Raises
        Unavailable(BATCH_UNAVAILABLE) when no answer came; it may have been submitted then. Raises
        Misconfigured(BATCH_REFUSED) for what Batch would not have.
        """

    def find(self, name: str) -> str | None:
        """Batch's id of the job that was submitted under that name; None where none was. Raises as `submit` does."""

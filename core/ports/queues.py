"""The records queue and the overflow queue: Amazon SQS."""

from typing import Protocol

from core.domain.model import Estimate, ImageJob


class Announcements(Protocol):
    """The records queue, for results whose S3 notification may be lost."""

    def announce(self, key: str) -> None:
        """Notify the recorder again of the result or tombstone at `key`. Raises Unavailable(QUEUE_UNAVAILABLE)."""


class Handovers(Protocol):
    """The overflow queue: images that need more memory or time than the machine has."""

    def hand_over(
        self, job: ImageJob, reason: str, tier: str = "", estimate: Estimate | None = None, attempt: int = 0
    ) -> None:
        """Send a job to the dispatcher, at least once. `tier` names the smallest Batch tier that may hold it.

        Raises Unavailable(QUEUE_UNAVAILABLE) if no answer came; the message may have been sent.
        """

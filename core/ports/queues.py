"""The records queue and the overflow queue: Amazon SQS."""

from typing import Protocol

from core.domain.model import (
    Estimate,
    ImageJob,
)


class Announcements(Protocol):
    """The records queue, for what S3's own notification may have missed."""

    def announce(self, key: str) -> None:
        """Tell the recorder, once more, that a result or tombstone lies under `key`."""


class Handovers(Protocol):
    """The overflow queue: images that need more memory or time than there is here."""

    def hand_over(
        self, job: ImageJob, reason: str, tier: str = "", estimate: Estimate | None = None, attempt: int = 0
    ) -> None:
        """Have a job run elsewhere, at least once. `tier` names the smallest that may hold it, where that is known.

        Raises Unavailable(QUEUE_UNAVAILABLE); it may be sent then.
        """

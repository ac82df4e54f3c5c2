"""Custom metrics: lines in CloudWatch's embedded metric format."""

from datetime import datetime
from typing import Protocol

from core.domain.errors import Code
from core.domain.model import (
    Door,
    Result,
    Route,
)


class Metrics(Protocol):
    """Where numbers go. Called by the writer of a result, or of a refusal, alone: each is counted once.

    core.ports.metric_catalogue declares what comes of it.
    """

    def emit(self, result: Result) -> None:
        """Count an image that ended."""

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        """Count what was refused at a door where nobody hears it."""

    def block(self, messages: int, cause: str, now: datetime) -> None:
        """Count messages that wait until someone mends the deployment; `cause` is a sentence."""

    def hand_over(self, route: Route, code: Code | None, now: datetime) -> None:
        """Count an image that is sent on from `route`; `code` as in UnfitError."""

    def submit(self, tier: str, images: int, jobs: int, now: datetime) -> None:
        """Count so many images submitted to Batch as so many jobs, or children of an array."""

    def reconcile(self, handed_over: int, abandoned: int, failed: int, now: datetime) -> None:
        """Count what one round of the reconciler came to, nothing too."""

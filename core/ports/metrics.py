"""Custom metrics: lines in CloudWatch's embedded metric format."""

from datetime import datetime
from typing import Protocol

from core.domain.errors import Code
from core.domain.model import Door, Result, Route


class Metrics(Protocol):
    """Counts events once each: only the writer of a result or a refusal calls it. Metrics: ports.metric_catalogue."""

    def emit(self, result: Result) -> None:
        """Count an image, and the values of its result."""

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        """Count a refusal whose sender gets no answer."""

    def block(self, messages: int, cause: str, now: datetime) -> None:
        """Count messages that are held back for a wrong deployment; `cause` is a sentence for the log."""

    def hand_over(self, route: Route, code: Code | None, now: datetime) -> None:
        """Count a hand-over from `route`; `code` is the failure of the try, None without a try."""

    def submit(self, tier: str, images: int, jobs: int, now: datetime) -> None:
        """Count a submission of `images` in `jobs`: one job, or the children of an array job."""

    def reconcile(self, handed_over: int, abandoned: int, failed: int, now: datetime) -> None:
        """Count the sources of one round of the reconciler; also called with zeros."""

"""The use case of the reconciler: what waits for too long, and nobody speaks for, is taken up again, or ends.

It is told of nothing: the sources under `incoming/` are the to-do list, and it looks at who has been on it for hours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import msgspec

from core import keys
from core.claims import fresh, newest
from core.committing import Committing
from core.errors import Code, PicturePerfectError, Refusal
from core.model import Door, HandOver, ImageJob, ObjectRef, image_id
from core.ports import Listed
from core.requests import s3_identity


@dataclass
class Report:
    """What one round came to: how many of each, and what could not be looked at, by key."""

    looked_at: int = 0
    handed_over: int = 0
    abandoned: int = 0
    failures: dict[str, PicturePerfectError] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reconciling:
    """Looks at every source that has waited for `patience` without a result.

    It is handed over by an object under `failures/reconciled/`, of which S3 tells the overflow queue; so it needs no
    way to SQS, and how often it was is what lies there. After `times` it ends failed.
    """

    committing: Committing
    patience: timedelta
    times: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def reconcile(self) -> Report:
        """One round. What one source cannot have does not keep the others from it."""
        report = Report()
        for entry in self._waiting():
            report.looked_at += 1
            try:
                self._take_up(entry, report)
            except PicturePerfectError as error:
                report.failures[entry.key] = error
        return report

    def _waiting(self) -> Iterator[Listed]:
        latest = self.now() - self.patience
        return (entry for entry in self.committing.store.entries(keys.INCOMING) if entry.modified_at <= latest)

    def _take_up(self, entry: Listed, report: Report) -> None:
        job = self._job(entry)
        if job is None or self.committing.standing(job):
            return
        prefix = f"{keys.RECONCILED}{job.image_id}/"
        before = list(self.committing.store.entries(prefix))
        if any(one.modified_at > self.now() - self.patience for one in before):
            return
        hours = (self.now() - entry.modified_at) / timedelta(hours=1)
        if len(before) >= self.times:
            words = f"It waited for {hours:,.0f} hours, was taken up {len(before)} times, and nobody said how it ended."
            self.committing.fail(job, Code.ABANDONED, words)
            report.abandoned += 1
            return
        last = newest(self.committing.store, job)
        message = HandOver(
            job=job,
            reason=f"It was found waiting for {hours:,.0f} hours, and nobody had said how it ended.",
            attempt=fresh(last.attempt) if last else 0,
        )
        if self.committing.create(f"{prefix}{len(before)}.json", msgspec.json.encode(message), "application/json"):
            report.handed_over += 1

    def _job(self, entry: Listed) -> ImageJob | None:
        """The job that its door made of it; None where it has moved by now. Raises Refusal for a key that is none."""
        place = keys.parse_incoming(entry.key)
        store = self.committing.store
        stored = store.head(ObjectRef(bucket=store.bucket, key=entry.key))
        if stored is None:
            return None
        if not place.is_inline:
            return ImageJob(
                image_id=image_id(place.customer, place.pipeline, *s3_identity(stored.ref)),
                customer=place.customer,
                pipeline=place.pipeline,
                door=Door.UPLOAD,
                name=keys.safe_name(place.name),
                source=stored.ref,
                received_at=entry.modified_at,
            )
        said = stored.metadata
        return ImageJob(
            image_id=place.image_id,
            customer=place.customer,
            pipeline=place.pipeline,
            door=_door(said.get("door", "")),
            name=keys.safe_name(unquote(said.get("name", ""))),
            source=ObjectRef(bucket=store.bucket, key=entry.key),
            received_at=_time(said.get("received-at", "")) or entry.modified_at,
        )


def _door(said: str) -> Door:
    try:
        return Door(said)
    except ValueError as error:
        raise Refusal(Code.INVALID_EVENT, f"Its metadata say that it came by {said!r}, which is no door.") from error


def _time(said: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        return None
    return time if time.tzinfo else None

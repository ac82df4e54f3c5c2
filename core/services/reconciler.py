"""The use case of the reconciler: what waits for too long, and nobody speaks for, is taken up again, or ends.

It is told of nothing: the sources under `incoming/` are the to-do list, and it looks at who has been on it for hours.
There may be more of them than one round has time for: the next goes on from there.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from itertools import islice
from urllib.parse import unquote

import msgspec

from core.domain import object_keys
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.domain.model import Door, HandOver, ImageJob, ObjectRef
from core.ports.store import ListedObject
from core.services.dispatch.leases import newest_slot
from core.services.intake.refusals import refuse_upload
from core.services.intake.requests import upload_job
from core.services.processing.commit import ResultCommitter

_THREADS = 32  # round trips to S3 under way at once
_PAGE = 1000  # entries between two looks at the clock, as many as S3 lists at once
_TOLD = 100  # failures that are told one by one


class _Done(Enum):
    NOTHING = auto()
    HANDED_OVER = auto()
    ABANDONED = auto()
    REFUSED = auto()


@dataclass
class Report:
    """What one round came to: how many of each, and the first of what could not be looked at, by key.

    `is_whole` is false where the time was over before the end of the list.
    """

    looked_at: int = 0
    handed_over: int = 0
    abandoned: int = 0
    refused: int = 0
    failed: int = 0
    failures: dict[str, PicturePerfectError] = field(default_factory=dict)
    is_whole: bool = True

    def count(self, entry: ListedObject, done: _Done | PicturePerfectError) -> None:
        self.looked_at += 1
        self.handed_over += done is _Done.HANDED_OVER
        self.abandoned += done is _Done.ABANDONED
        self.refused += done is _Done.REFUSED
        if isinstance(done, PicturePerfectError):
            self.failed += 1
            if len(self.failures) < _TOLD:
                self.failures[entry.key] = done


@dataclass(frozen=True, kw_only=True)
class Reconciling:
    """Looks at every source that has waited for `patience` without a result.

    It is handed over by an object under `failures/reconciled/`, of which S3 tells the overflow queue; so it needs no
    way to SQS, and how often it was is what lies there. After `times` it ends failed.
    """

    committer: ResultCommitter
    patience: timedelta
    times: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=_THREADS)

    def reconcile(self, time: timedelta = timedelta.max) -> Report:
        """One round, for as long as `time`. What one source cannot have does not keep the others from it."""
        report = self._round(time)
        self.committer.metrics.reconcile(report.handed_over, report.abandoned, report.failed, self.now())
        return report

    def _round(self, time: timedelta) -> Report:
        report, started, store = Report(), self.now(), self.committer.store
        remembered = store.read(object_keys.RECONCILER) or b""
        with self.threads() as threads:
            for page in _pages(store.entries(object_keys.INCOMING, remembered.decode())):
                waiting = [entry for entry in page if entry.modified_at <= started - self.patience]
                for entry, done in zip(waiting, threads.map(self._tried, waiting), strict=True):
                    report.count(entry, done)
                if self.now() - started >= time:
                    report.is_whole = False
                    self._remember(page[-1].key)
                    return report
        if remembered:
            store.delete(object_keys.RECONCILER)
        return report

    def _remember(self, key: str) -> None:
        """Where the next round goes on; without it, it begins anew."""
        self.committer.store.delete(object_keys.RECONCILER)
        self.committer.create(object_keys.RECONCILER, key.encode(), "text/plain")

    def _tried(self, entry: ListedObject) -> _Done | PicturePerfectError:
        try:
            return self._take_up(entry)
        except PicturePerfectError as error:
            return error

    def _take_up(self, entry: ListedObject) -> _Done:
        if object_keys.is_folder(entry.key, entry.bytes):
            return _Done.NOTHING
        try:
            place = object_keys.parse_incoming(entry.key)
        except Refusal as refusal:
            return self._refuse(entry, refusal)
        job = self._job(entry, place)
        if job is None or self.committer.standing(job):
            return _Done.NOTHING
        prefix = f"{object_keys.RECONCILED}{job.image_id}/"
        before = list(self.committer.store.entries(prefix))
        if any(one.modified_at > self.now() - self.patience for one in before):
            return _Done.NOTHING
        hours = (self.now() - entry.modified_at) / timedelta(hours=1)
        if len(before) >= self.times:
            words = f"It waited for {hours:,.0f} hours, was taken up {len(before)} times, and nobody said how it ended."
            self.committer.fail(job, Code.ABANDONED, words)
            return _Done.ABANDONED
        last = newest_slot(self.committer.store, job)
        message = HandOver(
            job=job,
            reason=f"It was found waiting for {hours:,.0f} hours, and nobody had said how it ended.",
            attempt=last.attempt.next_generation().number if last else 0,
        )
        mine = self.committer.create(f"{prefix}{len(before)}.json", msgspec.json.encode(message), "application/json")
        return _Done.HANDED_OVER if mine else _Done.NOTHING

    def _refuse(self, entry: ListedObject, refusal: Refusal) -> _Done:
        """What the door that was told of it has written down is there already, unless it was so long ago."""
        store = self.committer.store
        stored = store.head(ObjectRef(bucket=store.bucket, key=entry.key))
        if stored is None or not refuse_upload(self.committer, stored.ref, refusal, self.now()):
            return _Done.NOTHING
        return _Done.REFUSED

    def _job(self, entry: ListedObject, place: object_keys.Incoming) -> ImageJob | None:
        """The job that its door made of it; None where it has moved by now."""
        store = self.committer.store
        stored = store.head(ObjectRef(bucket=store.bucket, key=entry.key))
        if stored is None:
            return None
        if not place.is_inline:
            return upload_job(place, stored.ref, entry.modified_at)
        said = stored.metadata
        return ImageJob(
            image_id=place.image_id,
            customer=place.customer,
            pipeline=place.pipeline,
            door=_door(said.get("door", "")),
            name=object_keys.safe_name(unquote(said.get("name", ""))),
            source=ObjectRef(bucket=store.bucket, key=entry.key),
            received_at=_time(said.get("received-at", "")) or entry.modified_at,
        )


def _pages(entries: Iterable[ListedObject]) -> Iterator[list[ListedObject]]:
    remaining = iter(entries)
    return iter(lambda: list(islice(remaining, _PAGE)), [])


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

"""The use case of the reconciler: hand over sources that have waited too long without a result, or end them.

No event triggers it: it lists `incoming/`. A round that runs out of time stores its position for the next round.
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

_THREADS = 32  # concurrent requests to S3
_PAGE = 1000  # entries between two checks of the time; S3 lists as many in one call
_MAX_FAILURES = 100  # failures that a summary keeps


class _Outcome(Enum):
    NOTHING = auto()
    HANDED_OVER = auto()
    ABANDONED = auto()
    REFUSED = auto()


@dataclass
class RoundSummary:
    """Counts of one round, and its first failures by key. `is_whole` is False if time ran out before the end."""

    looked_at: int = 0
    handed_over: int = 0
    abandoned: int = 0
    refused: int = 0
    failed: int = 0
    failures: dict[str, PicturePerfectError] = field(default_factory=dict)
    is_whole: bool = True

    def count(self, entry: ListedObject, outcome: _Outcome | PicturePerfectError) -> None:
        self.looked_at += 1
        self.handed_over += outcome is _Outcome.HANDED_OVER
        self.abandoned += outcome is _Outcome.ABANDONED
        self.refused += outcome is _Outcome.REFUSED
        if isinstance(outcome, PicturePerfectError):
            self.failed += 1
            if len(self.failures) < _MAX_FAILURES:
                self.failures[entry.key] = outcome


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Hands over every source older than `min_age` without a result; after `max_hand_overs` it ends as failed.

    Handing over writes an object under `failures/reconciled/`, whose S3 notification goes to the overflow queue. So no
    access to SQS is needed, and the number of those objects is the number of past hand-overs.
    """

    committer: ResultCommitter
    min_age: timedelta
    max_hand_overs: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=_THREADS)

    def reconcile(self, time: timedelta = timedelta.max) -> RoundSummary:
        """One round of at most about `time`. A source that fails does not stop the others."""
        summary = self._round(time)
        self.committer.metrics.reconcile(summary.handed_over, summary.abandoned, summary.failed, self.now())
        return summary

    def _round(self, time: timedelta) -> RoundSummary:
        summary, started, store = RoundSummary(), self.now(), self.committer.store
        position = store.read(object_keys.RECONCILER) or b""
        with self.threads() as threads:
            for page in _pages(store.entries(object_keys.INCOMING, position.decode())):
                waiting = [entry for entry in page if entry.modified_at <= started - self.min_age]
                for entry, outcome in zip(waiting, threads.map(self._reconcile_source, waiting), strict=True):
                    summary.count(entry, outcome)
                if self.now() - started >= time:
                    summary.is_whole = False
                    self._store_position(page[-1].key)
                    return summary
        if position:
            store.delete(object_keys.RECONCILER)
        return summary

    def _store_position(self, key: str) -> None:
        """Let the next round continue after `key`; without a position it starts from the beginning."""
        self.committer.store.delete(object_keys.RECONCILER)
        self.committer.create(object_keys.RECONCILER, key.encode(), "text/plain")

    def _reconcile_source(self, entry: ListedObject) -> _Outcome | PicturePerfectError:
        try:
            return self._hand_over_or_end(entry)
        except PicturePerfectError as error:
            return error

    def _hand_over_or_end(self, entry: ListedObject) -> _Outcome:
        if object_keys.is_folder(entry.key, entry.bytes):
            return _Outcome.NOTHING
        try:
            incoming = object_keys.parse_incoming(entry.key)
        except Refusal as refusal:
            return self._refuse(entry, refusal)
        job = self._job(entry, incoming)
        if job is None or self.committer.standing(job):
            return _Outcome.NOTHING
        prefix = object_keys.reconciled_prefix(job.image_id)
        hand_overs = list(self.committer.store.entries(prefix))
        if any(hand_over.modified_at > self.now() - self.min_age for hand_over in hand_overs):
            return _Outcome.NOTHING
        hours = (self.now() - entry.modified_at) / timedelta(hours=1)
        if len(hand_overs) >= self.max_hand_overs:
            message = (
                f"It waited for {hours:,.0f} hours and was handed over {len(hand_overs)} times, but got no result."
            )
            self.committer.fail(job, Code.ABANDONED, message)
            return _Outcome.ABANDONED
        last = newest_slot(self.committer.store, job)
        hand_over = HandOver(
            job=job,
            reason=f"It had waited for {hours:,.0f} hours without a result.",
            attempt=last.attempt.next_generation().number if last else 0,
        )
        key = f"{prefix}{len(hand_overs)}.json"
        is_first = self.committer.create(key, msgspec.json.encode(hand_over), "application/json")
        return _Outcome.HANDED_OVER if is_first else _Outcome.NOTHING

    def _refuse(self, entry: ListedObject, refusal: Refusal) -> _Outcome:
        """Write the refusal document, unless `handler.process` or `handler.dispatch` has written it already."""
        store = self.committer.store
        stored = store.head(ObjectRef(bucket=store.bucket, key=entry.key))
        if stored is None or not refuse_upload(self.committer, stored.ref, refusal, self.now()):
            return _Outcome.NOTHING
        return _Outcome.REFUSED

    def _job(self, entry: ListedObject, incoming: object_keys.IncomingKey) -> ImageJob | None:
        """The job that the source's door made for it; None if the source has been moved meanwhile."""
        store = self.committer.store
        stored = store.head(ObjectRef(bucket=store.bucket, key=entry.key))
        if stored is None:
            return None
        if not incoming.is_inline:
            return upload_job(incoming, stored.ref, entry.modified_at)
        metadata = stored.metadata
        return ImageJob(
            image_id=incoming.image_id,
            customer=incoming.customer,
            pipeline=incoming.pipeline,
            door=_parse_door(metadata.get("door", "")),
            name=object_keys.safe_name(unquote(metadata.get("name", ""))),
            source=ObjectRef(bucket=store.bucket, key=entry.key),
            received_at=_parse_time(metadata.get("received-at", "")) or entry.modified_at,
        )


def _pages(entries: Iterable[ListedObject]) -> Iterator[list[ListedObject]]:
    remaining = iter(entries)
    return iter(lambda: list(islice(remaining, _PAGE)), [])


def _parse_door(text: str) -> Door:
    try:
        return Door(text)
    except ValueError as error:
        raise Refusal(Code.INVALID_EVENT, f"The door in its metadata, {text!r}, does not exist.") from error


def _parse_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None

"""Submit images to AWS Batch once each, and end the images of failed Batch jobs.

Every step may be repeated, run by several dispatchers at once, or be the last before a crash: an image with a result
is skipped, a lease in S3 precedes a submission, and a marker follows it.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import uuid4

import msgspec

from core.domain.errors import Code, Misconfigured, Unavailable
from core.domain.model import HandOver
from core.ports.batch import Jobs
from core.routing.batch_tiers import TIERS, Tier, tier_by_name
from core.services.dispatch import array_partition
from core.services.dispatch.attempts import attempt_of, with_attempt
from core.services.dispatch.failed_jobs import gather, judge
from core.services.dispatch.job_documents import BatchWork
from core.services.dispatch.job_events import FailureCause, JobFailed, job_name
from core.services.dispatch.leases import LEASE_TIME, DispatchSlot, Leases, newest_slot
from core.services.processing.commit import ResultCommitter

_THREADS = 16  # concurrent requests to S3


@dataclass(frozen=True)
class OverflowItem:
    """One image or one failed job that a message of the overflow queue names; a message may name several."""

    message_id: str
    item: HandOver | JobFailed


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Submits images that were handed over, and decides about the images of failed jobs."""

    committer: ResultCommitter
    jobs: Jobs
    #: How long messages are held back while the deployment is wrong, so that an operator can fix it.
    hold: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = lambda: str(uuid4())
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=_THREADS)

    def dispatch(self, items: Sequence[OverflowItem]) -> dict[str, Exception]:
        """Submit or end all images, with at most one submission for each tier.

        Returns the ids of the messages to deliver again, with the error of each.
        """
        invocation = _Invocation(self)
        with self.threads() as threads:
            for entry in items:
                if isinstance(entry.item, HandOver):
                    invocation.add(entry.message_id, entry.item)
            failed_jobs = [(entry.message_id, entry.item) for entry in items if isinstance(entry.item, JobFailed)]
            for (message_id, _), images in zip(
                failed_jobs, threads.map(lambda pair: invocation.judge(*pair), failed_jobs), strict=True
            ):
                for image in images:
                    invocation.add(message_id, image)
            leased = [image for image in threads.map(invocation.lease, invocation.images.values()) if image]
        leased.sort(key=lambda image: image.hand_over.tier)
        for tier, images_of_tier in groupby(leased, key=lambda image: image.hand_over.tier):
            invocation.submit(tier, list(images_of_tier))
        return invocation.failures

    def hold_back(self, since: datetime, reason: str) -> None:
        """Raise Misconfigured(INVALID_SETTINGS) until `since` + `hold`: `reason` says what the deployment lacks."""
        until = since + self.hold
        if self.now() < until:
            message = f"{reason} It is held back until {until:%Y-%m-%d %H:%M} UTC: fix the deployment."
            raise Misconfigured(Code.INVALID_SETTINGS, message)


@dataclass
class _RequestedImage:
    """One image of an invocation, with the ids of all messages that name it."""

    hand_over: HandOver
    message_ids: list[str]


@dataclass
class _Invocation:
    dispatcher: Dispatcher
    failures: dict[str, Exception] = field(default_factory=dict)
    images: dict[tuple[str, int], _RequestedImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dispatcher = self.dispatcher
        self.started = dispatcher.now()
        self.work_ids = {tier.name: dispatcher.new_id() for tier in TIERS}
        self.leases = Leases(dispatcher.committer, dispatcher.jobs, self.work_ids, dispatcher.now)

    def add(self, message_id: str, hand_over: HandOver) -> None:
        """Add an image to submit; of several hand-overs of one image the latest attempt and largest tier stays."""
        key = (hand_over.job.image_id, hand_over.job.run)
        image = self.images.setdefault(key, _RequestedImage(hand_over, []))
        image.hand_over = max(image.hand_over, hand_over, key=_rank)
        image.message_ids.append(message_id)

    def judge(self, message_id: str, failed: JobFailed) -> Sequence[HandOver]:
        """Commit the images of a failed job that end failed; returns the images to submit."""
        dispatcher, committer = self.dispatcher, self.dispatcher.committer
        try:
            images = gather(failed, committer, self.leases)
            if failed.cause is FailureCause.MISCONFIGURED and any(image.result is None for image in images):
                dispatcher.hold_back(failed.at, failed.reason)
            verdict = judge(failed, images)
            for image, code in verdict.ended:
                committer.fail(image.job, code, failed.reason, image.estimate)
        except Exception as error:  # noqa: BLE001 - one message's error must not end the others; the handler reports it
            self._fail([message_id], error)
            return []
        return verdict.resubmitted

    def lease(self, image: _RequestedImage) -> _RequestedImage | None:
        """Lease an image for this invocation; None if it has a result, is submitted, or failed for now."""
        job = image.hand_over.job
        try:
            slot = self._free_slot(image.hand_over)
            if slot is None:
                return None
            self.leases.acquire(job, slot)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(image.message_ids, error)
            return None
        leased = with_attempt(msgspec.structs.replace(image.hand_over, tier=slot.tier.name), slot.attempt)
        return _RequestedImage(leased, image.message_ids)

    def _free_slot(self, hand_over: HandOver) -> DispatchSlot | None:
        """The slot to lease; None if the image has a result, or Batch has it."""
        job, store = hand_over.job, self.dispatcher.committer.store
        if store.read(job.result_key) is not None:
            return None
        last = newest_slot(store, job)
        tier = array_partition.tier_of(hand_over) or (last.tier if last else self._tier_by_size(hand_over))
        slot = DispatchSlot(attempt=attempt_of(hand_over), tier=tier)
        if last is None or slot.rank > last.rank:
            return slot
        if self.leases.is_submitted(job, last):
            return None
        return msgspec.structs.replace(last, taken_over=last.taken_over + 1)

    def _tier_by_size(self, hand_over: HandOver) -> Tier:
        """The tier by the source's bytes, without an estimate: the child may hand over to a larger one."""
        stored = self.dispatcher.committer.store.head(hand_over.job.source)
        return array_partition.smallest(stored.bytes if stored else 0)

    def submit(self, tier_name: str, images: Sequence[_RequestedImage]) -> None:
        """Submit all images of one tier: a job for one share, an array job for more."""
        tier, dispatcher = tier_by_name(tier_name), self.dispatcher
        assert tier is not None  # noqa: S101 - the name of a slot's tier
        shares = array_partition.divide((image.hand_over for image in images), tier)
        timeout = array_partition.timeout_seconds(shares, tier)
        work_id = self.work_ids[tier_name]
        work = BatchWork(
            work_id=work_id, tier=tier_name, shares=shares, timeout_seconds=timeout, created_at=dispatcher.now()
        )
        try:
            dispatcher.committer.create(work.key, msgspec.json.encode(work), "application/json")
            self._check_leases_in_time(work.key)
            dispatcher.jobs.submit(job_name(work_id), tier_name, ("work", work.key), len(shares), timeout)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail([message_id for image in images for message_id in image.message_ids], error)
            return
        dispatcher.committer.metrics.submit(tier_name, len(images), len(shares), dispatcher.now())
        with suppress(Unavailable):  # without the marker, the next dispatcher asks Batch
            self.leases.mark_submitted(work_id)

    def _check_leases_in_time(self, key: str) -> None:
        if self.dispatcher.now() - self.started > LEASE_TIME / 2:  # other dispatchers may soon take the leases over
            raise Unavailable(Code.BATCH_UNAVAILABLE, f"The work of {key} came too late to be submitted.")

    def _fail(self, message_ids: Iterable[str], error: Exception) -> None:
        for message_id in message_ids:
            self.failures.setdefault(message_id, error)


def _rank(hand_over: HandOver) -> tuple[int, int, bool]:
    tier = array_partition.tier_of(hand_over)
    return hand_over.attempt, tier.memory_mb if tier else 0, hand_over.estimate is not None

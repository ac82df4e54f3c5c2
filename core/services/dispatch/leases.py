"""Leases in S3: the dispatcher that submits an image. Each is created once, so a duplicate message submits nothing.

An image has one lease for each tier of each attempt. If its dispatcher died before Batch had the job, another
dispatcher takes the lease over by a lease with the next number. The newest lease names the image's current job.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Unavailable
from core.domain.model import ImageJob, ObjectRef, Value
from core.ports.batch import Jobs
from core.ports.store import ObjectStore
from core.routing.batch_tiers import Tier, tier_by_name
from core.services.dispatch.attempts import DispatchAttempt
from core.services.dispatch.job_documents import decode
from core.services.dispatch.job_events import job_name
from core.services.processing.commit import ResultCommitter

_NAME = re.compile(r"(\d+)\.(\w+)\.(\d+)\.json")
#: The time from a lease to its submission, after which it may be taken over: longer than the function's time-out.
LEASE_TIME = timedelta(minutes=10)


class DispatchSlot(Value, frozen=True, kw_only=True):
    """An attempt on a tier, which a lease reserves. `taken_over` counts the dispatchers that leased it and died."""

    attempt: DispatchAttempt
    tier: Tier
    taken_over: int = 0

    @property
    def rank(self) -> tuple[DispatchAttempt, int]:
        """The order of slots: by attempt, then by the tier's memory."""
        return self.attempt, self.tier.memory_mb

    def key(self, job: ImageJob) -> str:
        """The lease's key in the bucket."""
        return f"{_prefix(job)}{self.attempt.number}.{self.tier.name}.{self.taken_over}.json"


class Lease(Value, frozen=True, kw_only=True):
    """A lease's document: the id of the Batch work that the image is in."""

    work_id: Annotated[str, Meta(pattern="^[0-9a-f-]{36}$")]
    claimed_at: datetime


def newest_slot(store: ObjectStore, job: ImageJob) -> DispatchSlot | None:
    """The slot of the newest lease of an image; None if there is no lease."""
    slots = filter(None, map(_slot, store.keys(_prefix(job))))
    return max(slots, key=lambda slot: (slot.rank, slot.taken_over), default=None)


@dataclass(frozen=True)
class Leases:
    """The leases of one invocation. `work_ids` are the ids of its own submissions, by the tier's name."""

    committer: ResultCommitter
    jobs: Jobs
    work_ids: dict[str, str]
    now: Callable[[], datetime]
    _submitted: dict[str, bool] = field(default_factory=dict)
    _images: dict[str, frozenset[tuple[str, int]]] = field(default_factory=dict)

    def read(self, job: ImageJob, slot: DispatchSlot) -> Lease:
        """The lease of a slot that was listed. Raises Unavailable if it is gone, Misconfigured if it is unreadable."""
        key = slot.key(job)
        body = self.committer.store.read(key)
        if body is None:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"{key} was listed, or refused as existing, but is not there.")
        return stored_documents.decode_stored(body, Lease, key, "a lease")

    def acquire(self, job: ImageJob, slot: DispatchSlot) -> None:
        """Lease an image for this invocation. Raises Unavailable(BATCH_UNAVAILABLE) if another dispatcher has it."""
        lease = Lease(work_id=self.work_ids[slot.tier.name], claimed_at=self.now())
        if self.committer.create(slot.key(job), msgspec.json.encode(lease), "application/json"):
            return
        if self.read(job, slot).work_id != lease.work_id:  # equal if the answer to this call's write was lost
            raise Unavailable(Code.BATCH_UNAVAILABLE, f"Another dispatcher has just leased image {job.image_id}.")

    def is_submitted(self, job: ImageJob, slot: DispatchSlot) -> bool:
        """Whether Batch has the image's job; False if the dispatcher died before, or submitted without the image.

        Raises Unavailable(BATCH_UNAVAILABLE) while the submission may still come.
        """
        lease = self.read(job, slot)
        if self._was_submitted(lease.work_id):
            return self._includes(lease.work_id, job)
        if self.now() - lease.claimed_at < LEASE_TIME:
            raise Unavailable(
                Code.BATCH_UNAVAILABLE,
                f"Image {job.image_id} is on its way to {slot.tier.name} by another dispatcher, or by one that died: "
                f"from {lease.claimed_at + LEASE_TIME:%H:%M:%S} UTC on it can be taken over.",
            )
        if self.jobs.find(job_name(lease.work_id)) is None:
            return False
        self.mark_submitted(lease.work_id)
        return self._includes(lease.work_id, job)

    def mark_submitted(self, work_id: str) -> None:
        """Record in S3 that Batch has the job."""
        self.committer.create(object_keys.submitted_key(work_id), b"", "text/plain")
        self._submitted[work_id] = True

    def _was_submitted(self, work_id: str) -> bool:
        if not self._submitted.get(work_id):
            store = self.committer.store
            self._submitted[work_id] = (
                store.head(ObjectRef(bucket=store.bucket, key=object_keys.submitted_key(work_id))) is not None
            )
        return self._submitted[work_id]

    def _includes(self, work_id: str, job: ImageJob) -> bool:
        """Whether the submitted work includes the image.

        A dispatcher that gets no answer to its lease submits without the image, and leaves it to the next dispatcher.
        """
        if work_id not in self._images:
            key = object_keys.work_key(work_id)
            body = self.committer.store.read(key)  # None: the lifecycle has removed it
            shares = decode(body, key).shares if body is not None else ()
            self._images[work_id] = frozenset(
                (image.job.image_id, image.job.run) for share in shares for image in share
            )
        return (job.image_id, job.run) in self._images[work_id]


def _prefix(job: ImageJob) -> str:
    return object_keys.leases_prefix(job.image_id, job.run)


def _slot(key: str) -> DispatchSlot | None:
    """The slot that a key spells; None for other objects under the prefix."""
    match = _NAME.fullmatch(key.rpartition("/")[2])
    tier = tier_by_name(match[2]) if match else None
    if match is None or tier is None:
        return None
    return DispatchSlot(attempt=DispatchAttempt.from_number(int(match[1])), tier=tier, taken_over=int(match[3]))

"""Who dispatches which image: claims in S3, each made once, so that a message which comes twice submits nothing twice.

An image has one claim for each tier of each attempt. A claim whose maker died before Batch had its job is taken over,
by another claim in its place. The newest says where the image is.
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
from core.services.dispatch.job_documents import decode, key_of
from core.services.dispatch.job_events import job_name
from core.services.processing.commit import Committing

_NAME = re.compile(r"(\d+)\.(\w+)\.(\d+)\.json")
#: How long a dispatcher may take from its claims to its submission; longer than its function's time-out can be.
PATIENCE = timedelta(minutes=10)


class Place(Value, frozen=True, kw_only=True):
    """What one claim is of. `taken` counts how often one was taken over."""

    attempt: int
    tier: Tier
    taken: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """The later the attempt, and within one the larger the tier, the newer."""
        return self.attempt, self.tier.memory_mb

    def key(self, job: ImageJob) -> str:
        return f"{_prefix(job)}{self.attempt}.{self.tier.name}.{self.taken}.json"


class Claim(Value, frozen=True, kw_only=True):
    """Whose an image is: the work that it was put into."""

    work_id: Annotated[str, Meta(pattern="^[0-9a-f-]{36}$")]
    claimed_at: datetime


def fresh(attempt: int) -> int:
    """The next attempt with a second submission of its own: even numbers are first ones, odd ones their repetition."""
    return attempt // 2 * 2 + 2


def newest(store: ObjectStore, job: ImageJob) -> Place | None:
    """Where an image was sent last; None where it never was."""
    places = filter(None, map(_place, store.keys(_prefix(job))))
    return max(places, key=lambda place: (place.rank, place.taken), default=None)


@dataclass(frozen=True)
class Claims:
    """The claims of one invocation. `work_ids` are those of its own submissions, by the tier's name."""

    committing: Committing
    jobs: Jobs
    work_ids: dict[str, str]
    now: Callable[[], datetime]
    _submitted: dict[str, bool] = field(default_factory=dict)
    _images: dict[str, frozenset[tuple[str, int]]] = field(default_factory=dict)

    def read(self, job: ImageJob, place: Place) -> Claim:
        key = place.key(job)
        body = self.committing.store.read(key)
        if body is None:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"{key} was listed, or refused as existing, but is not there.")
        return stored_documents.decode_stored(body, Claim, key, "a claim")

    def make(self, job: ImageJob, place: Place) -> None:
        """Claim an image for this invocation's work. Raises Unavailable(BATCH_UNAVAILABLE) when another was faster."""
        claim = Claim(work_id=self.work_ids[place.tier.name], claimed_at=self.now())
        if self.committing.create(place.key(job), msgspec.json.encode(claim), "application/json"):
            return
        if self.read(job, place).work_id != claim.work_id:  # it is the same when the answer was lost
            raise Unavailable(Code.BATCH_UNAVAILABLE, f"Another dispatcher has just taken image {job.image_id}.")

    def is_submitted(self, job: ImageJob, place: Place) -> bool:
        """Whether Batch has the job of a claim; False when its maker died before, or went on without it.

        Raises Unavailable(BATCH_UNAVAILABLE) while that may still be under way.
        """
        claim = self.read(job, place)
        if self._was_submitted(claim.work_id):
            return self._holds(claim.work_id, job)
        if self.now() - claim.claimed_at < PATIENCE:
            raise Unavailable(
                Code.BATCH_UNAVAILABLE,
                f"Image {job.image_id} is on its way to {place.tier.name} by another dispatcher, or by one that died: "
                f"from {claim.claimed_at + PATIENCE:%H:%M:%S} UTC on it can be taken over.",
            )
        if self.jobs.find(job_name(claim.work_id)) is None:
            return False
        self.mark(claim.work_id)
        return self._holds(claim.work_id, job)

    def mark(self, work_id: str) -> None:
        """Write down that Batch has the job."""
        self.committing.create(object_keys.submitted_key(work_id), b"", "text/plain")
        self._submitted[work_id] = True

    def _was_submitted(self, work_id: str) -> bool:
        if not self._submitted.get(work_id):
            store = self.committing.store
            self._submitted[work_id] = (
                store.head(ObjectRef(bucket=store.bucket, key=object_keys.submitted_key(work_id))) is not None
            )
        return self._submitted[work_id]

    def _holds(self, work_id: str, job: ImageJob) -> bool:
        """Whether an image is among those that were submitted.

        It is not where the answer to its claim was lost: it was taken for a failure then, and left to the next.
        """
        if work_id not in self._images:
            key = object_keys.work_key(work_id)
            body = self.committing.store.read(key)  # None: so long ago that its lifecycle is over
            shares = decode(body, key).shares if body is not None else ()
            self._images[work_id] = frozenset((one.job.image_id, one.job.run) for share in shares for one in share)
        return (job.image_id, job.run) in self._images[work_id]


def _prefix(job: ImageJob) -> str:
    return object_keys.claims_prefix(job.image_id, job.run)


def _place(key: str) -> Place | None:
    found = _NAME.fullmatch(key.rpartition("/")[2])
    tier = tier_by_name(found[2]) if found else None
    return Place(attempt=int(found[1]), tier=tier, taken=int(found[3])) if found and tier else None

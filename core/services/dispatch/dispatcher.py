"""The use case of the dispatcher: what did not end elsewhere is submitted to AWS Batch, once, or ends failed.

All of it may be done again at any time, by any number at once, and may end between any two of its effects: a claim in
S3 comes before a submission, a mark after it, and a result before all.
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
from core.services.dispatch.failed_jobs import gather, judge
from core.services.dispatch.job_documents import BatchWork
from core.services.dispatch.job_events import Fate, JobFailed, job_name
from core.services.dispatch.leases import PATIENCE, Claims, Place, newest
from core.services.processing.commit import Committing

_THREADS = 16  # round trips to S3 under way at once


class Wanted(msgspec.Struct, frozen=True):
    """What one message of the overflow queue asks for; there are messages that ask for several."""

    message: str
    what: HandOver | JobFailed


@dataclass(frozen=True, kw_only=True)
class Dispatching:
    """Submits what is handed over, and ends what Batch has lost."""

    committing: Committing
    jobs: Jobs
    #: How long a bad deployment keeps its messages waiting, for someone to mend it.
    hold: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = lambda: str(uuid4())
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=_THREADS)

    def work(self, wanted: Sequence[Wanted]) -> dict[str, Exception]:
        """Submit, or end, what is wanted, with at most one submission for each tier.

        Returns which messages must come again, and why.
        """
        run = _Run(self)
        with self.threads() as threads:
            run.want(one for one in wanted if isinstance(one.what, HandOver))
            lost = [one for one in wanted if isinstance(one.what, JobFailed)]
            for found in threads.map(run.judge, lost):
                run.want(found)
            claimed = [image for image in threads.map(run.claim, run.images.values()) if image]
        claimed.sort(key=lambda image: image.wanted.tier)
        for name, images in groupby(claimed, key=lambda image: image.wanted.tier):
            run.submit(name, list(images))
        return run.failures

    def hold_back(self, since: datetime, why: str) -> None:
        """Raise Misconfigured where a bad deployment is to blame, and there is time left to mend it."""
        until = since + self.hold
        if self.now() < until:
            message = f"{why} It is held back until {until:%Y-%m-%d %H:%M} UTC: mend the deployment."
            raise Misconfigured(Code.INVALID_SETTINGS, message)


@dataclass
class _Image:
    """One image of an invocation, with all the messages that ask for it."""

    wanted: HandOver
    messages: list[str]


@dataclass
class _Run:
    """One invocation."""

    parent: Dispatching
    failures: dict[str, Exception] = field(default_factory=dict)
    images: dict[tuple[str, int], _Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parent = self.parent
        self.started = parent.now()
        self.work_ids = {tier.name: parent.new_id() for tier in TIERS}
        self.claims = Claims(parent.committing, parent.jobs, self.work_ids, parent.now)

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Add what is to be submitted; of several that ask for one image, the latest and largest."""
        for one in wanted:
            assert isinstance(one.what, HandOver)  # noqa: S101 - Wanted holds both
            job = one.what.job
            image = self.images.setdefault((job.image_id, job.run), _Image(one.what, []))
            image.wanted = max(image.wanted, one.what, key=_rank)
            image.messages.append(one.message)

    def judge(self, lost: Wanted) -> list[Wanted]:
        """End those of a failed job that have to end; returns who is to be submitted."""
        failed, committing = lost.what, self.parent.committing
        assert isinstance(failed, JobFailed)  # noqa: S101 - Wanted holds both
        try:
            images = gather(failed, committing, self.claims)
            if failed.fate is Fate.MISCONFIGURED and any(image.result is None for image in images):
                self.parent.hold_back(failed.at, failed.reason)
            verdict = judge(failed, images)
            for image, code in verdict.ended:
                committing.fail(image.job, code, failed.reason, image.estimate)
        except Exception as error:  # noqa: BLE001 - the others get their turn all the same; the door reports it
            self._fail([lost.message], error)
            return []
        return [Wanted(lost.message, image) for image in verdict.again]

    def claim(self, image: _Image) -> _Image | None:
        """Make an image this invocation's; None where nothing is to be done for it, or not now."""
        job = image.wanted.job
        try:
            place = self._free(image.wanted)
            if place is None:
                return None
            self.claims.make(job, place)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(image.messages, error)
            return None
        return _Image(
            msgspec.structs.replace(image.wanted, tier=place.tier.name, attempt=place.attempt), image.messages
        )

    def _free(self, wanted: HandOver) -> Place | None:
        """Where an image is to be claimed; None where it has ended, or Batch has it already."""
        job, store = wanted.job, self.parent.committing.store
        if store.read(job.result_key) is not None:
            return None
        last = newest(store, job)
        tier = array_partition.tier_of(wanted) or (last.tier if last else self._by_size(wanted))
        place = Place(attempt=wanted.attempt, tier=tier)
        if last is None or place.rank > last.rank:
            return place
        if self.claims.is_submitted(job, last):
            return None
        return msgspec.structs.replace(last, taken=last.taken + 1)

    def _by_size(self, wanted: HandOver) -> Tier:
        """Where nothing else is known: the child finds out, and hands over to a larger one."""
        stored = self.parent.committing.store.head(wanted.job.source)
        return array_partition.smallest(stored.bytes if stored else 0)

    def submit(self, name: str, images: Sequence[_Image]) -> None:
        """Submit all images of one tier: a job for one share, an array for more."""
        tier, parent = tier_by_name(name), self.parent
        assert tier is not None  # noqa: S101 - a claim's place has one
        divided = array_partition.divide((image.wanted for image in images), tier)
        work = BatchWork(
            work_id=self.work_ids[name],
            tier=name,
            shares=divided,
            timeout_seconds=array_partition.timeout_seconds(divided, tier),
            created_at=parent.now(),
        )
        try:
            parent.committing.create(work.key, msgspec.json.encode(work), "application/json")
            self._be_in_time(work.key)
            parent.jobs.submit(job_name(work.work_id), name, ("work", work.key), len(divided), work.timeout_seconds)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail([message for image in images for message in image.messages], error)
            return
        parent.committing.metrics.submit(name, len(images), len(divided), parent.now())
        with suppress(Unavailable):  # whoever misses the mark asks Batch
            self.claims.mark(work.work_id)

    def _be_in_time(self, key: str) -> None:
        if self.parent.now() - self.started > PATIENCE / 2:  # others may take its claims over soon
            raise Unavailable(Code.BATCH_UNAVAILABLE, f"The work of {key} came too late to be submitted.")

    def _fail(self, messages: Iterable[str], error: Exception) -> None:
        for message in messages:
            self.failures.setdefault(message, error)


def _rank(wanted: HandOver) -> tuple[int, int, bool]:
    tier = array_partition.tier_of(wanted)
    return wanted.attempt, tier.memory_mb if tier else 0, wanted.estimate is not None

"""The use case of every door that touches images: run a job once, and commit what came of it.

The commit is one object, `results/<image_id>/<run>.json`, written only if it is not there. Whoever writes it has
won; everything before it can be done again, and everything after it follows from it.
"""

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from core import __version__
from core.domain import object_keys, stored_documents
from core.domain.errors import FULL_DISK, Code, ImageFailure, Unavailable
from core.domain.identity import conflict, differs
from core.domain.model import (
    Billed,
    Estimate,
    HandOver,
    ImageHeader,
    ImageJob,
    Measurements,
    Outcome,
    Plan,
    Rendition,
    RenditionFile,
    Result,
    Route,
    Source,
    Status,
    Usage,
)
from core.pipelines.definition import Pipeline
from core.ports.metrics import Metrics
from core.ports.queues import Announcements, Handovers
from core.ports.store import ObjectStore, WriteContestedError
from core.ports.worker import SCRATCH, UnfitError, WorkerFailure, Workers
from core.routing.batch_tiers import TIERS, next_tier, tier_by_name
from core.routing.plan import Capacity, Limits, plan, smallest_tier
from core.routing.prices import MIN_BILLED_SECONDS
from core.services.processing.billing import Meter

#: What fails so here may fit where there is more memory, more time and an empty disk.
SPARED = frozenset({Code.OUT_OF_MEMORY, Code.TIMED_OUT, Code.WORKER_UNAVAILABLE})
_PAUSES = (0.05, 0.2, 0.8, 2.0)  # seconds between tries of a contested or unanswered commit


@dataclass(frozen=True, kw_only=True)
class Processing:
    """Runs jobs. Every delivery of one image, at any time and anywhere, comes to the same one result."""

    store: ObjectStore
    announcements: Announcements
    metrics: Metrics
    worker: Workers
    pipelines: Mapping[str, Pipeline]
    limits: Limits
    references: tuple[str, ...]
    route: Route
    public_base_url: str
    #: vCPUs of this place, and the Batch tier it is, if it is one.
    vcpus: float = 1.0
    tier: str = ""
    #: Memory of this place in MB, that it is billed for; 0: it is not billed.
    memory_mb: int = 0
    #: How many images a Batch child has: they share the minute that is billed at least.
    companions: int = 1
    meter: Meter = field(default_factory=Meter)
    #: What an image will take; without it none is sent elsewhere before it was tried.
    estimate: Callable[[ImageHeader, Pipeline], Estimate] | None = None
    #: The overflow queue; without it all must end here.
    handovers: Handovers | None = None
    work_dir: Path
    timeout_seconds: float
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    #: Makes the threads for the store's round trips; the pixels have a process of their own.
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=8)

    def process(
        self,
        job: ImageJob,
        body: bytes | None = None,
        seconds: float | None = None,
        spared: frozenset[Code] = frozenset(),
        why: str = "",
    ) -> Outcome:
        """Bring one image to its end; `seconds` is the time there is for it.

        `body` is the source itself, where the event carried it: it is staged at `job.source` beside the pixel
        work, and before the commit. Raises Refusal(IDENTITY_CONFLICT) when the same id was taken by other
        content, Unavailable when the event should be delivered again, Misconfigured when an operator must act.
        What fails with a code of `spared` (of want of room or time) has not ended: UnfitError is raised then. `why` is
        the reason of the route that the result tells, where the plan is not: it was handed over.
        """
        standing = self._standing(job)
        if standing:
            return self._again(job, standing, body)
        deadline = time.monotonic() + min(self.timeout_seconds if seconds is None else seconds, self.timeout_seconds)
        try:
            if time.monotonic() >= deadline and Code.TIMED_OUT in spared:  # before gigabytes are downloaded for nothing
                raise WorkerFailure(Code.TIMED_OUT, "No time was left to begin with the image.", Usage())
            with (
                self.meter.image() as seconds_so_far,
                TemporaryDirectory(dir=self.work_dir, prefix=SCRATCH) as scratch,
                self.threads() as threads,
            ):
                work = _Work(job, body, deadline, spared, why, seconds_so_far)
                return self._first(work, Path(scratch), threads)
        except UnfitError as unfit:
            return self._spare(job, body, unfit)
        except (ImageFailure, Unavailable) as failure:
            if failure.code not in spared:
                raise
            return self._spare(job, body, UnfitError(failure.message, code=failure.code))
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            message = f"There is no space left in {self.work_dir}. Empty it, make it larger, or set WORK_DIR."
            full = Unavailable(Code.WORKER_UNAVAILABLE, message)
            if full.code not in spared:
                raise full from error
            return self._spare(job, body, UnfitError(full.message, code=full.code))

    def bring(self, job: ImageJob, body: bytes | None = None, seconds: float | None = None) -> Outcome | HandOver:
        """As `process`; what does not fit here is handed over to where there is more room, its source in the store."""
        if self.handovers is None:
            return self.process(job, body, seconds)
        try:
            return self.process(job, body, seconds, SPARED)
        except UnfitError as unfit:
            self.handovers.hand_over(job, unfit.reason, unfit.tier, unfit.estimate)
            self.metrics.hand_over(self.route, unfit.code, self.now())
            return HandOver(job=job, reason=unfit.reason, tier=unfit.tier, estimate=unfit.estimate)

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        """Create an object, through contests (S3's 409) and lost answers; False when it was there."""
        for pause in _PAUSES:
            try:
                return self.store.create(key, body, media_type, metadata)
            except (WriteContestedError, Unavailable):
                self.sleep(pause)
        try:
            return self.store.create(key, body, media_type, metadata)
        except WriteContestedError as error:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"Writing {key} met other writes every time.") from error

    def _first(self, work: "_Work", scratch: Path, threads: Executor) -> Outcome:
        job, body = work.job, work.body
        try:
            staging = self._fetch(work, scratch / "source", threads)
        except ImageFailure as failure:
            # It may be gone because another delivery ended it: then that is the answer.
            standing = self._standing(job)
            if standing:
                return self._again(job, standing, body)
            if failure.code in work.spared:
                raise
            # A name that is no pipeline's is told as that: no sum is kept under it
            return self._commit(self._failed(work, self._unknown(job) or failure))
        try:
            result = self._render(work, scratch, threads)
        except WorkerFailure as failure:
            if failure.code in work.spared:
                raise self._outgrown(work, failure) from failure
            work.usage = failure.usage
            result = self._failed(work, failure)
        except ImageFailure as failure:
            result = self._failed(work, failure)
        if staging:
            staging.result()  # the commit says that the source is safe
        return self._commit(result)

    def _outgrown(self, work: "_Work", failure: WorkerFailure) -> UnfitError:
        """What ran out of room or time here: it needs the tier above where it was, or that of its estimate."""
        estimate = work.plan.estimate if work.plan else None
        misjudged = failure.code is Code.TIMED_OUT and (
            estimate is None or failure.usage.seconds > estimate.seconds_upper(self.vcpus)
        )
        here, wanted = tier_by_name(self.tier), None
        if estimate:
            with suppress(ImageFailure):
                wanted = smallest_tier(estimate, self.limits.max_seconds)
        if failure.code is Code.OUT_OF_MEMORY:
            needed = [tier for tier in TIERS if tier.worker_bytes > self.worker.room().memory_bytes]
            larger = [tier for tier in needed if wanted is None or tier.memory_mb >= wanted.memory_mb]
            wanted = larger[0] if larger else wanted
        elif wanted is None or (here and wanted.memory_mb <= here.memory_mb):
            wanted = next_tier(here) if here else wanted
        tier = wanted.name if wanted else ""
        return UnfitError(
            failure.message, tier, None if misjudged else estimate, misjudged=misjudged, code=failure.code
        )

    def _spare(self, job: ImageJob, body: bytes | None, unfit: UnfitError) -> Outcome:
        """Leave an image to where there is more room, its source in the store; unless it has ended by now."""
        if body is not None:
            self._stage(job, body, hashlib.sha256(body).hexdigest())
        standing = self._standing(job)
        if standing is None:
            raise unfit
        self.announcements.announce(standing.key)  # what was just staged late is the recorder's to tidy up
        return self._again(job, standing, body)

    def _fetch(self, work: "_Work", path: Path, threads: Executor) -> Future[None] | None:
        """Bring the source to local disk. Bytes from the event are on their way to the store meanwhile."""
        job, body = work.job, work.body
        if body is None:
            stored = self.store.download(job.source, path, self.limits.max_bytes, work.deadline)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # Not the version of what a door staged: the recorder tidies up by its place, whoever staged it last
            source = job.source if object_keys.is_staged(job.source.key) else stored.ref
            work.source = Source(object=source, name=job.name, bytes=stored.bytes, sha256=digest)
            return None
        path.write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        work.source = Source(object=job.source, name=job.name, bytes=len(body), sha256=digest)
        return threads.submit(self._stage, job, body, digest)

    def _stage(self, job: ImageJob, body: bytes, digest: str) -> None:
        """Put the source where the to-do list is; the first content to claim an id keeps it."""
        metadata = stored_documents.staged_metadata(job, digest)
        if self.create(job.source.key, body, "application/octet-stream", metadata):
            return
        stored = self.store.head(job.source)
        if stored and stored.metadata.get("sha256") != digest:
            raise conflict(job.image_id, job.customer)

    def _render(self, work: "_Work", scratch: Path, threads: Executor) -> Result:
        job, source, deadline = work.job, scratch / "source", work.deadline
        if unknown := self._unknown(job):
            raise unknown
        pipeline = self.pipelines[job.pipeline]
        work.header = self.worker.probe(source, deadline)
        work.plan = plan(work.header, pipeline, self.limits, self._place(work), self._estimate(work.header, pipeline))
        if (work.plan.route, work.plan.tier) != (self.route, self.tier):
            raise UnfitError(work.plan.reason, work.plan.tier, work.plan.estimate)
        out = scratch / "out"
        out.mkdir()
        rendered = self.worker.run(source, work.header, pipeline, out, deadline)
        work.usage = rendered.usage
        renditions = tuple(threads.map(lambda file: self._put(job, file), rendered.renditions))
        return self._result(work, Status.PROCESSED, renditions=renditions, measurements=rendered.measurements)

    def _unknown(self, job: ImageJob) -> ImageFailure | None:
        if job.pipeline in self.pipelines:
            return None
        known = ", ".join(sorted(self.pipelines))
        name = f"{job.pipeline!r}{', or it is no name' if job.pipeline == object_keys.NO_PIPELINE else ''}"
        return ImageFailure(Code.UNKNOWN_PIPELINE, f"There is no pipeline named {name}; there are {known}.")

    def _place(self, work: "_Work") -> Capacity:
        room = self.worker.room()
        return Capacity(
            route=self.route,
            memory_bytes=room.memory_bytes,
            vcpus=self.vcpus * room.share,
            seconds=max(0.0, work.deadline - time.monotonic()),
            tier=self.tier,
            can_hand_over=Code.OUT_OF_MEMORY in work.spared,
            machine=os.uname().machine,
        )

    def _estimate(self, header: ImageHeader, pipeline: Pipeline) -> Estimate | None:
        return self.estimate(header, pipeline) if self.estimate else None

    def _put(self, job: ImageJob, file: RenditionFile) -> Rendition:
        path = Path(file.path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        key = object_keys.rendition_key(job.customer, job.image_id, file.name, digest, file.format.extension)
        self.create(key, path, file.format.media_type)  # False: the same bytes are there already
        return Rendition(
            name=file.name,
            format=file.format,
            width=file.width,
            height=file.height,
            bytes=file.bytes,
            sha256=digest,
            key=key,
            url=f"{self.public_base_url.rstrip('/')}/{key}",
            frames=file.frames,
        )

    def _commit(self, result: Result) -> Outcome:
        """Write the result if there is none, and count it if this delivery was the one to write it."""
        body = stored_documents.encode_result(result)
        created = self.create(result.key, body, "application/json")
        standing = result if created else self._read(result.key)
        if standing is None:
            raise Unavailable(Code.STORE_UNAVAILABLE, f"{result.key} was refused as existing, but is not there.")
        if standing.token == result.token:  # also when the store wrote it and its answer was lost
            self.metrics.emit(result)
            return Outcome(result=result)
        return self._lost(result, standing)

    def _lost(self, result: Result, standing: Result) -> Outcome:
        if differs(standing.source, result.source):
            raise conflict(result.image_id, result.customer)
        self.announcements.announce(standing.key)  # what this delivery staged late is the recorder's to tidy up
        return Outcome(result=standing, duplicate=True)

    def _again(self, job: ImageJob, standing: Result, body: bytes | None) -> Outcome:
        """The image has ended. Say so again to the recorder, in case its notification was lost."""
        digest = hashlib.sha256(body).hexdigest() if body is not None else None
        if differs(standing.source, Source(object=job.source, name=job.name, sha256=digest)):
            raise conflict(job.image_id, job.customer)
        self.announcements.announce(standing.key)
        return Outcome(result=standing, duplicate=True)

    def _standing(self, job: ImageJob) -> Result | None:
        return self._read(job.result_key)

    def _read(self, key: str) -> Result | None:
        body = self.store.read(key)
        return stored_documents.decode_result(body, key) if body is not None else None

    def _failed(self, work: "_Work", failure: ImageFailure) -> Result:
        return self._result(work, Status.FAILED, code=failure.code, message=failure.message)

    def _result(
        self,
        work: "_Work",
        status: Status,
        *,
        code: Code | None = None,
        message: str | None = None,
        renditions: tuple[Rendition, ...] = (),
        measurements: Measurements | None = None,
    ) -> Result:
        job, pipeline = work.job, self.pipelines.get(work.job.pipeline)
        return Result(
            image_id=job.image_id,
            run=job.run,
            token=str(uuid4()),
            customer=job.customer,
            pipeline=job.pipeline,
            door=job.door,
            route=work.plan.route if work.plan else self.route,
            reason=work.why or (work.plan.reason if work.plan else "It ended before it was planned."),
            status=status,
            code=code,
            message=message,
            source=work.source,
            header=work.header,
            renditions=renditions,
            measurements=measurements or {},
            operations=pipeline.company_operations if pipeline else {},
            estimate=work.plan.estimate if work.plan else None,
            usage=work.usage,
            billed=self._billed(work),
            received_at=job.received_at,
            committed_at=self.now(),
            version=__version__,
        )

    def _billed(self, work: "_Work") -> Billed | None:
        tier = tier_by_name(self.tier)
        memory_mb, vcpus = (tier.memory_mb, float(tier.vcpus)) if tier else (self.memory_mb, self.vcpus)
        if not memory_mb:
            return None
        least = MIN_BILLED_SECONDS / self.companions if self.route is Route.BATCH else 0.0
        seconds = max(least, work.seconds_so_far())
        return Billed(
            seconds=round(seconds, 6), memory_mb=memory_mb, vcpus=vcpus, machine=os.uname().machine, tier=self.tier
        )


@dataclass
class _Work:
    """What is known of an image so far, on its way to a result."""

    job: ImageJob
    body: bytes | None
    deadline: float
    spared: frozenset[Code]
    why: str
    #: What it has to pay for.
    seconds_so_far: Callable[[], float]
    source: Source = field(init=False)
    header: ImageHeader | None = None
    plan: Plan | None = None
    usage: Usage = Usage()  # noqa: RUF009 - a frozen value

    def __post_init__(self) -> None:
        self.source = Source(object=self.job.source, name=self.job.name)

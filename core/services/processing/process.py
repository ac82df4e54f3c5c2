"""Process one image: fetch its source, plan, run its pipeline in the worker, store the renditions, commit the result.

Lambda and Batch both use it, for images of every door.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from core.domain import object_keys
from core.domain.errors import FULL_DISK, Code, ImageFailure, Unavailable
from core.domain.model import (
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
from core.ports.queues import Announcements, Handovers
from core.ports.worker import SCRATCH, WorkerFailure, Workers
from core.routing.plan import Capacity, Limits, plan
from core.services.processing.billing import Meter, billed
from core.services.processing.commit import ResultCommitter, new_result, refuse_other_content
from core.services.processing.unfit_image import RETRY_ELSEWHERE, Unfit, unfit_after_failure


@dataclass(frozen=True, kw_only=True)
class ImageProcessor:
    """Processes images. All deliveries of an image, at any time and on any machine, lead to one result."""

    committer: ResultCommitter
    announcements: Announcements
    worker: Workers
    pipelines: Mapping[str, Pipeline]
    limits: Limits
    route: Route
    public_base_url: str
    #: vCPUs of this machine, and the name of its Batch tier; empty outside Batch.
    vcpus: float = 1.0
    tier: str = ""
    #: Memory that is billed, in MB; 0 if this machine is not billed.
    memory_mb: int = 0
    #: Images of the Batch child: they share the minimum that is billed.
    images_in_job: int = 1
    meter: Meter = field(default_factory=Meter)
    #: Estimates an image before its pixels are decoded; without it the plan never chooses another place.
    estimate: Callable[[ImageHeader, Pipeline], Estimate] | None = None
    #: The overflow queue; without it `process_or_hand_over` processes every image here.
    handovers: Handovers | None = None
    work_dir: Path
    timeout_seconds: float
    #: Makes the threads for requests to the store. Pixels are processed in the worker's child process.
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=8)

    def process(self, job: ImageJob, body: bytes | None = None, seconds: float | None = None) -> Outcome:
        """Process an image here, regardless of its estimate; too little memory or time ends it `failed`.

        `body` is the source if the event carried it: it is staged at `job.source` before the commit. `seconds` limits
        the time, up to TIMEOUT_SECONDS. Raises Refusal(IDENTITY_CONFLICT) if other content has this image id,
        Unavailable if the event should be delivered again, Misconfigured if an operator must act.
        """
        outcome = self.try_process(job, body, seconds, retry_elsewhere=frozenset())
        assert isinstance(outcome, Outcome)  # noqa: S101 - only codes in retry_elsewhere give Unfit
        return outcome

    def process_or_hand_over(
        self, job: ImageJob, body: bytes | None = None, seconds: float | None = None
    ) -> Outcome | HandOver:
        """As `process`, but an image that is unfit for this machine is sent to the overflow queue."""
        if self.handovers is None:
            return self.process(job, body, seconds)
        decision = self.try_process(job, body, seconds, retry_elsewhere=RETRY_ELSEWHERE)
        if isinstance(decision, Outcome):
            return decision
        self.handovers.hand_over(job, decision.reason, decision.tier, decision.estimate)
        self.committer.metrics.hand_over(self.route, decision.code, self.committer.now())
        return HandOver(job=job, reason=decision.reason, tier=decision.tier, estimate=decision.estimate)

    def try_process(
        self,
        job: ImageJob,
        body: bytes | None = None,
        seconds: float | None = None,
        *,
        retry_elsewhere: frozenset[Code],
        route_reason: str = "",
    ) -> Outcome | Unfit:
        """As `process`, but an image that needs a larger place is returned as Unfit, with its source in the store.

        `retry_elsewhere`: the failure codes that give Unfit instead of a failed result. With OUT_OF_MEMORY among them,
        the plan too may find the image unfit. `route_reason` replaces the plan's reason in the result.
        """
        standing = self.committer.standing(job)
        if standing:
            return self._duplicate(job, standing, body)
        deadline = time.monotonic() + min(self.timeout_seconds if seconds is None else seconds, self.timeout_seconds)
        if time.monotonic() >= deadline and Code.TIMED_OUT in retry_elsewhere:  # before the source is downloaded
            no_time = Unfit(reason="No time was left to begin with the image.", code=Code.TIMED_OUT)
            return self._leave_for_batch(job, body, no_time)
        try:
            with (
                self._full_disk_as_unavailable(),
                self.meter.image() as seconds_so_far,
                TemporaryDirectory(dir=self.work_dir, prefix=SCRATCH) as scratch,
                self.threads() as threads,
            ):
                progress = _Progress(job, body, deadline, retry_elsewhere, route_reason, seconds_so_far)
                decision = self._process_new(progress, Path(scratch), threads)
        except (ImageFailure, Unavailable) as failure:
            if failure.code not in retry_elsewhere:
                raise
            decision = Unfit(reason=failure.message, code=failure.code)
        return self._leave_for_batch(job, body, decision) if isinstance(decision, Unfit) else decision

    @contextmanager
    def _full_disk_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            message = f"There is no space left in {self.work_dir}. Empty it, make it larger, or set WORK_DIR."
            raise Unavailable(Code.WORKER_UNAVAILABLE, message) from error

    def _process_new(self, progress: "_Progress", scratch: Path, threads: Executor) -> Outcome | Unfit:
        """Process an image that has no result yet."""
        job = progress.job
        try:
            staging = self._fetch(progress, scratch / "source", threads)
        except ImageFailure as failure:
            # Another delivery may have committed a result, after which the recorder moves the source
            standing = self.committer.standing(job)
            if standing:
                return self._duplicate(job, standing, progress.body)
            if failure.code in progress.retry_elsewhere:
                return Unfit(reason=failure.message, code=failure.code)
            # The code unknown_pipeline comes first: no metric is kept under a name that is not a pipeline's
            return self._commit(progress, self._failed(progress, self._unknown_pipeline(job) or failure))
        result = self._render(progress, scratch, threads)
        if isinstance(result, Unfit):
            return result
        if staging:
            staging.result()  # a committed result says that the source is stored
        return self._commit(progress, result)

    def _fetch(self, progress: "_Progress", path: Path, threads: Executor) -> Future[bool] | None:
        """Write the source to `path`. If the event carried it, its upload to the store runs in a thread meanwhile."""
        job, body = progress.job, progress.body
        if body is None:
            stored = self.committer.store.download(job.source, path, self.limits.max_bytes, progress.deadline)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # A staged source without its version: the recorder moves the object at that key, from whichever delivery
            source = job.source if object_keys.is_staged(job.source.key) else stored.ref
            progress.source = Source(object=source, name=job.name, bytes=stored.bytes, sha256=digest)
            return None
        path.write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        progress.source = Source(object=job.source, name=job.name, bytes=len(body), sha256=digest)
        return threads.submit(self.committer.stage, job, body, digest)

    def _render(self, progress: "_Progress", scratch: Path, threads: Executor) -> Result | Unfit:
        """Plan and run the pipeline; the result is not committed yet."""
        try:
            return self._render_as_planned(progress, scratch, threads)
        except WorkerFailure as failure:
            if failure.code in progress.retry_elsewhere:
                return self._unfit_after_failure(progress, failure)
            progress.usage = failure.usage
            return self._failed(progress, failure)
        except ImageFailure as failure:
            return self._failed(progress, failure)

    def _render_as_planned(self, progress: "_Progress", scratch: Path, threads: Executor) -> Result | Unfit:
        job, source, deadline = progress.job, scratch / "source", progress.deadline
        if unknown := self._unknown_pipeline(job):
            raise unknown
        pipeline = self.pipelines[job.pipeline]
        progress.header = self.worker.probe(source, deadline)
        estimate = self.estimate(progress.header, pipeline) if self.estimate else None
        progress.plan = plan(progress.header, pipeline, self.limits, self._capacity(progress), estimate)
        if (progress.plan.route, progress.plan.tier) != (self.route, self.tier):
            return Unfit(reason=progress.plan.reason, tier=progress.plan.tier, estimate=progress.plan.estimate)
        out = scratch / "out"
        out.mkdir()
        rendered = self.worker.run(source, progress.header, pipeline, out, deadline)
        progress.usage = rendered.usage
        renditions = tuple(threads.map(lambda file: self._store_rendition(job, file), rendered.renditions))
        return self._result(
            progress, status=Status.PROCESSED, renditions=renditions, measurements=rendered.measurements
        )

    def _unknown_pipeline(self, job: ImageJob) -> ImageFailure | None:
        if job.pipeline in self.pipelines:
            return None
        known = ", ".join(sorted(self.pipelines))
        name = f"{job.pipeline!r}{', or it is no name' if job.pipeline == object_keys.NO_PIPELINE else ''}"
        return ImageFailure(Code.UNKNOWN_PIPELINE, f"There is no pipeline named {name}; there are {known}.")

    def _capacity(self, progress: "_Progress") -> Capacity:
        room = self.worker.room()
        return Capacity(
            route=self.route,
            memory_bytes=room.memory_bytes,
            vcpus=self.vcpus * room.share,
            seconds=max(0.0, progress.deadline - time.monotonic()),
            tier=self.tier,
            can_hand_over=Code.OUT_OF_MEMORY in progress.retry_elsewhere,
            machine=os.uname().machine,
        )

    def _unfit_after_failure(self, progress: "_Progress", failure: WorkerFailure) -> Unfit:
        return unfit_after_failure(
            failure,
            progress.plan.estimate if progress.plan else None,
            tier=self.tier,
            vcpus=self.vcpus,
            memory_bytes=self.worker.room().memory_bytes,
            max_seconds=self.limits.max_seconds,
        )

    def _store_rendition(self, job: ImageJob, file: RenditionFile) -> Rendition:
        path = Path(file.path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        key = object_keys.rendition_key(job.customer, job.image_id, file.name, digest, file.format.extension)
        self.committer.create(key, path, file.format.media_type)  # False: the same bytes are there already
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

    def _commit(self, progress: "_Progress", result: Result) -> Outcome:
        standing = self.committer.commit(progress.job, result)
        if standing.token == result.token:
            return Outcome(result=result)
        return self._lost_commit_race(result, standing)

    def _lost_commit_race(self, result: Result, standing: Result) -> Outcome:
        self.announcements.announce(standing.key)  # the recorder removes a source that this delivery staged late
        refuse_other_content(standing, result.source)
        return Outcome(result=standing, duplicate=True)

    def _duplicate(self, job: ImageJob, standing: Result, body: bytes | None) -> Outcome:
        """The outcome of an image that has a result. It is announced again, since its notification may be lost."""
        refuse_other_content(standing, _offered(job, body))
        self.announcements.announce(standing.key)
        return Outcome(result=standing, duplicate=True)

    def _leave_for_batch(self, job: ImageJob, body: bytes | None, unfit: Unfit) -> Outcome | Unfit:
        """Stage the source of an unfit image; the outcome instead, if another delivery has committed a result."""
        if body is not None:
            self.committer.stage(job, body, hashlib.sha256(body).hexdigest())
        standing = self.committer.standing(job)
        if standing is None:
            return unfit
        self.announcements.announce(standing.key)  # the recorder removes a source that was staged late
        refuse_other_content(standing, _offered(job, body))
        return Outcome(result=standing, duplicate=True)

    def _failed(self, progress: "_Progress", failure: ImageFailure) -> Result:
        return self._result(progress, status=Status.FAILED, code=failure.code, message=failure.message)

    def _result(
        self,
        progress: "_Progress",
        *,
        status: Status,
        code: Code | None = None,
        message: str | None = None,
        renditions: tuple[Rendition, ...] = (),
        measurements: Measurements | None = None,
    ) -> Result:
        pipeline, planned = self.pipelines.get(progress.job.pipeline), progress.plan
        return new_result(
            progress.job,
            route=planned.route if planned else self.route,
            reason=progress.route_reason or (planned.reason if planned else "It ended before it was planned."),
            status=status,
            code=code,
            message=message,
            source=progress.source,
            header=progress.header,
            renditions=renditions,
            measurements=measurements or {},
            operations=pipeline.custom_operations if pipeline else {},
            estimate=planned.estimate if planned else None,
            usage=progress.usage,
            billed=billed(
                progress.seconds_so_far(),
                route=self.route,
                tier=self.tier,
                memory_mb=self.memory_mb,
                vcpus=self.vcpus,
                images_in_job=self.images_in_job,
            ),
            committed_at=self.committer.now(),
        )


@dataclass
class _Progress:
    """The state of one delivery of an image, until its result is committed."""

    job: ImageJob
    body: bytes | None
    deadline: float  # on the clock of time.monotonic
    retry_elsewhere: frozenset[Code]
    route_reason: str
    seconds_so_far: Callable[[], float]  # as billed
    source: Source = field(init=False)
    header: ImageHeader | None = None
    plan: Plan | None = None
    usage: Usage = Usage()  # noqa: RUF009 - a frozen value

    def __post_init__(self) -> None:
        self.source = Source(object=self.job.source, name=self.job.name)


def _offered(job: ImageJob, body: bytes | None) -> Source:
    """The source of a delivery that is not processed, as far as it is known."""
    digest = hashlib.sha256(body).hexdigest() if body is not None else None
    return Source(object=job.source, name=job.name, sha256=digest)

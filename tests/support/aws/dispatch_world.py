"""The dispatcher on fakes, with an overflow queue, Batch jobs that run, and a clock that tests move."""

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from core.domain import object_keys, stored_documents
from core.domain.identity import image_id, s3_identity
from core.domain.model import Estimate, HandOver, ImageJob, Result, Route
from core.ports.batch import Jobs
from core.services.dispatch.array_child import ArrayChild, Ending, read_share
from core.services.dispatch.dispatcher import Dispatcher
from core.services.dispatch.job_documents import BatchWork
from core.services.intake.accept import ImageStager
from tests.protocol.scheduler import Serial
from tests.support.aws.kafka_events import overflow
from tests.support.fakes.batch import FakeJobs, Submitted
from tests.support.fakes.ports import Around, undisturbed
from tests.support.services import World, image_acceptor, result_committer
from tests.support.values import NOW, upload_job

GIB = 2**30


@cache
def door() -> ModuleType:
    """The module `handler.dispatch`, which makes its services from the environment when it is imported."""
    environ = {
        "BUCKET": "home",
        "RECORDS_QUEUE_URL": "http://127.0.0.1:1/records",
        "BATCH_QUEUE": "images",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        return import_module("handler.dispatch")


class Clock:
    """A clock that only `wait` moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)


class Dispatch:
    """The dispatcher and all that it uses."""

    def __init__(self, folder: Path, around: Around = undisturbed) -> None:
        self.world = World(folder, around)
        self.store, self.metrics, self.worker = self.world.store, self.world.metrics, self.world.worker
        self.clock = Clock()
        self.store.now = self.clock
        self.jobs = FakeJobs(around)
        self.committer = result_committer(self.store, self.metrics, self.clock)
        self.dispatcher = self.make_dispatcher()
        self.stager = ImageStager(acceptor=image_acceptor(self.committer), announcements=self.world.queue)
        self._numbers = itertools.count(1)

    def make_dispatcher(self, threads: Callable[[], Executor] = Serial, jobs: Jobs | None = None) -> Dispatcher:
        return Dispatcher(
            committer=self.committer,
            jobs=jobs or self.jobs,
            hold=timedelta(hours=24),
            now=self.clock,
            threads=threads,
        )

    def upload(self, body: bytes = b"photo") -> ImageJob:
        """The job of a new upload."""
        source = self.store.put(f"incoming/acme/web/u{next(self._numbers)}/a.jpg", body)
        return upload_job(source, image_id("acme", "web", *s3_identity(source)))

    def handed_over(self) -> list[str]:
        """Take the messages of the overflow queue."""
        messages, self.world.overflow.waiting = self.world.overflow.waiting, []
        return messages

    def image(self, body: bytes = b"photo", **fields: Any) -> HandOver:
        """A new upload that was handed over."""
        return HandOver(job=self.upload(body), reason="It needs more.", **fields)

    def deliver(self, *messages: HandOver | str, dispatcher: Dispatcher | None = None) -> list[str]:
        """Invoke the function with a batch of messages; returns the bodies of those to deliver again."""
        bodies = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in messages]
        answer = door().answer(overflow(*bodies), dispatcher or self.dispatcher, self.stager)
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        return [bodies[int(identifier.removeprefix("m"))] for identifier in failed]

    def work(self, job: Submitted) -> BatchWork:
        return msgspec.json.decode(self.store.contents(job.key)[job.key], type=BatchWork)

    def child(self, threads: Callable[[], Executor] = Serial) -> ArrayChild:
        return ArrayChild(
            processor=replace(self.world.processor, route=Route.BATCH, threads=threads, committer=self.committer),
            handovers=self.world.overflow,
            write_line=lambda _line: None,
            clock=lambda: 0.0,
        )

    def run(self, job: Submitted, index: int = 0) -> list[Ending]:
        """Run one child of a job."""
        share = read_share(job.key, self.store, {"AWS_BATCH_JOB_ARRAY_INDEX": str(index)})
        return self.child().process(share, 0).endings

    def run_all(self) -> None:
        """Run all submitted jobs, and dispatch the images that they hand over, until none is left."""
        done = 0
        while done < len(self.jobs.submitted) or self.world.overflow.waiting:
            for job in self.jobs.submitted[done:]:
                for index in range(job.size):
                    self.run(job, index)
            done = len(self.jobs.submitted)
            assert not self.deliver(*self.handed_over())

    def results(self) -> dict[str, Result]:
        """All committed results, by image id."""
        found = [
            stored_documents.decode_result(body, key) for key, body in self.store.contents(object_keys.RESULTS).items()
        ]
        return {result.image_id: result for result in found}

    def result(self, image: HandOver) -> Result | None:
        return self.results().get(image.job.image_id)


def estimate(seconds: float = 5.0, peak: int = GIB, **more: Any) -> Estimate:
    times = {"cpu_seconds": seconds, "cpu_seconds_upper": seconds, "parallel": 0.0}
    return Estimate(**{**times, "peak_bytes": peak, "peak_bytes_upper": peak, **more})

"""The services on fakes, with the settings of most tests."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.domain.kafka_customer_rules import read_rules
from core.domain.model import ImageFormat, Route
from core.domain.outputs import Output
from core.pipelines.definition import Pipeline, RenditionSpec
from core.ports.metrics import Metrics
from core.ports.queues import Announcements, Handovers
from core.ports.store import ObjectStore
from core.ports.worker import Workers
from core.routing.plan import Limits
from core.services.intake.accept import ImageAcceptor
from core.services.intake.kafka_batch import KafkaBatchProcessor
from core.services.processing.commit import ResultCommitter
from core.services.processing.process import ImageProcessor
from core.services.recorder import Recorder
from tests.protocol.scheduler import Serial
from tests.support.aws.kafka_events import handed_over
from tests.support.fakes.ports import (
    Around,
    FakeAnnouncements,
    FakeHandovers,
    FakeLedger,
    FakeMetrics,
    FakeStore,
    undisturbed,
)
from tests.support.fakes.worker import FakeWorker
from tests.support.values import NOW

WEB = Pipeline(
    name="web",
    renditions=(
        RenditionSpec(name="small", outputs=(Output(format=ImageFormat.JPEG),)),
        RenditionSpec(name="large", outputs=(Output(format=ImageFormat.WEBP),)),
    ),
)


def image_processor(
    store: ObjectStore,
    announcements: Announcements,
    metrics: Metrics,
    worker: Workers,
    work_dir: Path,
    *,
    threads: Callable[[], Executor] = Serial,
) -> ImageProcessor:
    return ImageProcessor(
        committer=result_committer(store, metrics),
        announcements=announcements,
        worker=worker,
        pipelines={"web": WEB},
        limits=Limits(max_megapixels=100, max_bytes=1000),
        route=Route.LAMBDA,
        public_base_url="https://images.example",
        work_dir=work_dir,
        timeout_seconds=60,
        threads=threads,
    )


def result_committer(
    store: ObjectStore, metrics: Metrics, now: Callable[[], datetime] = lambda: NOW
) -> ResultCommitter:
    return ResultCommitter(store=store, metrics=metrics, now=now, sleep=lambda _: None)


def image_acceptor(committer: ResultCommitter) -> ImageAcceptor:
    return ImageAcceptor(
        committer=committer,
        references=("s3://shared/{customer}/",),
        rules=read_rules("topic:images.{customer} topic:scans=globex key"),
        kafka_pipeline="web",
    )


def kafka_batch_processor(
    processor: ImageProcessor, overflow: Handovers, *, partial: bool = False
) -> KafkaBatchProcessor:
    return KafkaBatchProcessor(
        processor=replace(processor, handovers=overflow),
        acceptor=image_acceptor(processor.committer),
        partial=partial,
        threads=lambda _: Serial(),
    )


class World:
    """All services on fakes, in one process, with S3's notifications of results and tombstones."""

    def __init__(self, work_dir: Path, around: Around = undisturbed) -> None:
        self.store = FakeStore("home", around)
        self.queue = FakeAnnouncements(around)
        self.metrics = FakeMetrics(around)
        self.ledger = FakeLedger(around)
        self.worker = FakeWorker(around)
        self.processor = image_processor(self.store, self.queue, self.metrics, self.worker, work_dir)
        self.acceptor = image_acceptor(self.processor.committer)
        self.overflow = FakeHandovers(around)
        self.kafka_batches = kafka_batch_processor(self.processor, self.overflow)
        self.recording = Recorder(store=self.store, ledger=self.ledger, threads=Serial)
        self.store.listeners.append(self._notify)

    def _notify(self, key: str) -> None:
        if key.startswith(("results/", "tombstones/")):
            self.queue.waiting.append(key)

    def upload(self, name: str, body: bytes, pipeline: str = "web", customer: str = "acme") -> dict[str, Any]:
        """Put an object; returns S3's notification of it."""
        return s3_event(self.store.put(f"incoming/{customer}/{pipeline}/u1/{name}", body))

    def run_alone(self, *bodies: str) -> None:
        """Process the images of overflow messages one after another, each with all memory, as Batch does."""
        for body in bodies:
            self.processor.process(handed_over(body))

    def record(self) -> None:
        """Record all announced results; those that failed are announced again."""
        messages = self.queue.take(range(len(self.queue.waiting)))
        left = messages
        try:
            left = list(self.recording.record(messages))
        finally:
            self.queue.waiting.extend(left)


def s3_event(*refs: Any, size: int = 5) -> dict[str, Any]:
    from urllib.parse import quote_plus

    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": "2026-11-01T12:00:00.000Z",
                "s3": {
                    "bucket": {"name": ref.bucket},
                    "object": {
                        "key": quote_plus(ref.key, safe="/"),
                        "size": size,
                        "versionId": ref.version,
                        "eTag": ref.etag,
                    },
                },
            }
            for ref in refs
        ]
    }


class Context:
    """Lambda's context, with `seconds` of time left."""

    def __init__(self, seconds: float = 60) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def send(doors: SimpleNamespace, world: World, event: Any, context: Context | None = None) -> dict[str, Any]:
    """Invoke handler.process with an event, on the services of `world`."""
    answer: dict[str, Any] = doors.process.answer(
        event, context or Context(), world.processor, world.acceptor, world.kafka_batches
    )
    return answer

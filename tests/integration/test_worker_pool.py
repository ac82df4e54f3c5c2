"""The pool with real children: all CPUs, a share of the memory for each image, and isolated failures."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import Code
from core.domain.model import HandOver, Outcome, Rendered
from core.imaging.operations.base import Operation
from core.ports.worker import WorkerFailure
from core.routing.plan import Limits
from core.worker.pool import WorkerPool
from core.worker.supervisor import SupervisedWorker
from handler import kafka
from tests.integration import hostile_child
from tests.integration.test_worker import pipeline
from tests.support.aws.kafka_events import batch, handed_over, record
from tests.support.fakes.ports import FakeAnnouncements, FakeHandovers, FakeMetrics, FakeStore
from tests.support.services import image_processor, kafka_batch_processor
from tests.support.waiting import HANGS_AFTER, until

MEMORY = 1200 * 2**20


class CountedWorker(SupervisedWorker):
    """A real worker that records the open workers and their memory."""

    alive: "set[CountedWorker]"
    total_bytes: list[int]

    def __init__(self, memory_bytes: int, threads: int) -> None:
        self.memory_bytes, self.threads = memory_bytes, threads
        super().__init__(memory_bytes, threads, os.environ, "tests.integration.hostile_child")
        self.alive.add(self)
        self.total_bytes.append(sum(worker.memory_bytes for worker in self.alive))

    def close(self) -> None:
        super().close()
        self.alive.discard(self)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    CountedWorker.alive, CountedWorker.total_bytes = set(), []
    pool = WorkerPool(CountedWorker, MEMORY, 2, 3)
    yield pool
    pool.close()
    assert max(CountedWorker.total_bytes) <= MEMORY


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    path = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def _run(pool: WorkerPool, picture: Path, out: Path, *steps: Operation, seconds: float = HANGS_AFTER) -> Rendered:
    out.mkdir()
    header = pool.probe(picture, time.monotonic() + HANGS_AFTER)
    return pool.run(picture, header, pipeline(*steps), out, time.monotonic() + seconds)


def _concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """The result or the exception of each call."""
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(call) for call in calls]
        return [future.exception() or future.result() for future in futures]


def _sizes() -> list[tuple[int, int]]:
    return sorted((worker.memory_bytes, worker.threads) for worker in CountedWorker.alive)


def test_a_single_image_has_one_child_with_all_memory_and_threads(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    assert _run(pool, picture, tmp_path / "a").renditions
    assert _sizes() == [(MEMORY, 2)]


@pytest.mark.parametrize(("images", "children"), [(1, 1), (2, 2), (3, 3), (50, 3)])
def test_a_batch_has_a_child_per_cpu_with_an_equal_share_of_the_memory(
    pool: WorkerPool, picture: Path, tmp_path: Path, images: int, children: int
) -> None:
    with pool.shared(images) as concurrent:
        assert concurrent == children
        _run(pool, picture, tmp_path / "a")
    assert _sizes() == [(MEMORY // children, 1 if children > 1 else 2)] * children


def test_children_are_kept_between_batches_and_replaced_for_a_single_image(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    with pool.shared(3):
        _run(pool, picture, tmp_path / "a")
    kept = set(CountedWorker.alive)
    with pool.shared(2):
        _run(pool, picture, tmp_path / "b")
    assert kept == CountedWorker.alive
    _run(pool, picture, tmp_path / "c")
    assert _sizes() == [(MEMORY, 2)]


def test_the_images_of_a_batch_are_processed_at_the_same_time(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    """Each image waits in its child for the others, so that they would never end one after another."""
    steps = [hostile_child.Meet(folder=str(tmp_path), name=str(number), count=3) for number in range(3)]
    with pool.shared(3):
        results = _concurrently(
            *(lambda step=step: _run(pool, picture, tmp_path / f"out{step.name}", step) for step in steps)
        )
    assert all(isinstance(result, Rendered) for result in results), results


def test_more_images_than_children_wait_for_their_turn(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    with pool.shared(12):
        results = _concurrently(*(lambda n=n: _run(pool, picture, tmp_path / str(n)) for n in range(12)))
    assert all(isinstance(result, Rendered) for result in results), results
    assert len(CountedWorker.alive) == 3


@pytest.mark.parametrize(
    ("step", "seconds", "code"),
    [
        (hostile_child.Segfault(), HANGS_AFTER, Code.WORKER_CRASHED),
        (hostile_child.Hoard(), HANGS_AFTER, Code.OUT_OF_MEMORY),
        (hostile_child.Forever(), 5.0, Code.TIMED_OUT),
    ],
    ids=lambda value: type(value).__name__.lower() if isinstance(value, Operation) else None,
)
def test_a_failed_image_of_a_batch_does_not_affect_the_others(
    pool: WorkerPool, picture: Path, tmp_path: Path, step: Operation, seconds: float, code: Code
) -> None:
    with pool.shared(6):
        bad, *good = _concurrently(
            lambda: _run(pool, picture, tmp_path / "bad", step, seconds=seconds),
            *(lambda n=n: _run(pool, picture, tmp_path / str(n)) for n in range(5)),
        )
    assert isinstance(bad, WorkerFailure)
    assert bad.code is code
    assert all(isinstance(result, Rendered) for result in good), good


def test_an_image_too_large_for_its_share_fits_alone(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    large = hostile_child.Fill(megabytes=600)
    with pool.shared(3):
        (failure,) = _concurrently(lambda: _run(pool, picture, tmp_path / "share", large))
    assert isinstance(failure, WorkerFailure)
    assert failure.code is Code.OUT_OF_MEMORY
    assert _run(pool, picture, tmp_path / "alone", large).renditions


def test_an_image_whose_deadline_passes_while_it_waits_for_a_child_was_not_started(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    header = pool.probe(picture, time.monotonic() + HANGS_AFTER)
    occupying = hostile_child.Meet(folder=str(tmp_path), name="first", count=2)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(_run, pool, picture, tmp_path / "out", occupying)
        until(lambda: (tmp_path / "here-first").exists() or running.done())
        with pytest.raises(WorkerFailure) as caught:
            pool.run(picture, header, pipeline(), tmp_path, time.monotonic() + 0.2)
        (tmp_path / "here-second").touch()
        assert running.result().renditions
    assert caught.value.code is Code.TIMED_OUT
    assert caught.value.usage.seconds == 0


def test_the_number_of_children_is_limited_by_the_memory() -> None:
    started: list[tuple[int, int]] = []

    def start_worker(memory_bytes: int, threads: int) -> Any:
        started.append((memory_bytes, threads))

    with WorkerPool(start_worker, 600 * 2**20, 0, 16).shared(16) as children:
        assert children == 2
    with WorkerPool(start_worker, 100 * 2**20, 0, 16).shared(16) as children:
        assert children == 1
    assert started == [(600 * 2**20, 0), (100 * 2**20, 0)]


def test_a_closed_pool_serves_the_next_image(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    with pool.shared(3):
        _run(pool, picture, tmp_path / "a")
    pool.close()
    assert not CountedWorker.alive
    assert _run(pool, picture, tmp_path / "b").renditions


def test_an_image_that_needs_more_than_its_share_is_handed_over_and_the_others_are_processed(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    store, overflow, body = FakeStore(), FakeHandovers(), picture.read_bytes()
    service = replace(
        image_processor(store, FakeAnnouncements(), FakeMetrics(), pool, tmp_path, threads=ThreadPoolExecutor),
        pipelines={"plain": pipeline(), "large": pipeline(hostile_child.Fill(megabytes=600))},
        limits=Limits(max_megapixels=1, max_bytes=10**6),
    )
    records = [record(body, number, pipeline="large" if number == 2 else "plain") for number in range(6)]
    batches = replace(kafka_batch_processor(service, overflow), threads=ThreadPoolExecutor)
    endings = batches.process(kafka.records(batch(*records)), HANGS_AFTER)
    assert [type(ending.outcome) for ending in endings] == [Outcome, Outcome, HandOver, Outcome, Outcome, Outcome]
    assert len(store.contents("results/")) == 5
    for message in overflow.waiting:
        outcome = service.process(handed_over(message), seconds=HANGS_AFTER)
        assert (outcome.result.status, outcome.result.source.sha256) == ("processed", sha256(body).hexdigest())

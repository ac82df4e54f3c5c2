"""The pool with real children: all CPUs, each image its share, and none the other's fate."""

import os
import threading
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

MEMORY = 1200 * 2**20


class Watched(SupervisedWorker):
    """A real worker that tells who is alive."""

    alive: "set[Watched]"
    most_bytes: list[int]

    def __init__(self, memory_bytes: int, threads: int) -> None:
        self.memory_bytes, self.threads = memory_bytes, threads
        super().__init__(memory_bytes, threads, os.environ, "tests.integration.hostile_child")
        self.alive.add(self)
        self.most_bytes.append(sum(one.memory_bytes for one in self.alive))

    def close(self) -> None:
        super().close()
        self.alive.discard(self)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    Watched.alive, Watched.most_bytes = set(), []
    made = WorkerPool(Watched, MEMORY, 2, 3)
    yield made
    made.close()
    assert max(Watched.most_bytes) <= MEMORY


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    path = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def _run(pool: WorkerPool, picture: Path, out: Path, *steps: Operation, seconds: float = 60.0) -> Rendered:
    out.mkdir()
    header = pool.probe(picture, time.monotonic() + seconds)
    return pool.run(picture, header, pipeline(*steps), out, time.monotonic() + seconds)


def _at_once(*work: Callable[[], Any]) -> list[Any]:
    """What each comes to: its value, or its exception."""
    with ThreadPoolExecutor(len(work)) as threads:
        futures = [threads.submit(one) for one in work]
        return [future.exception() or future.result() for future in futures]


def _sizes() -> list[tuple[int, int]]:
    return sorted((one.memory_bytes, one.threads) for one in Watched.alive)


def test_a_single_image_has_one_child_with_all_there_is(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    assert _run(pool, picture, tmp_path / "a").renditions
    assert _sizes() == [(MEMORY, 2)]


@pytest.mark.parametrize(("images", "children"), [(1, 1), (2, 2), (3, 3), (50, 3)])
def test_a_batch_has_a_child_for_each_cpu_and_a_share_for_each(
    pool: WorkerPool, picture: Path, tmp_path: Path, images: int, children: int
) -> None:
    with pool.shared(images) as at_once:
        assert at_once == children
        _run(pool, picture, tmp_path / "a")
    assert _sizes() == [(MEMORY // children, 1 if children > 1 else 2)] * children


def test_children_are_kept_from_batch_to_batch_and_exchanged_for_an_image_alone(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    with pool.shared(3):
        _run(pool, picture, tmp_path / "a")
    kept = set(Watched.alive)
    with pool.shared(2):
        _run(pool, picture, tmp_path / "b")
    assert kept == Watched.alive
    _run(pool, picture, tmp_path / "c")
    assert _sizes() == [(MEMORY, 2)]


def test_the_images_of_a_batch_are_worked_on_at_the_same_time(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    """Each waits for the others in its child: one after another they would never end."""
    steps = [hostile_child.Meet(folder=str(tmp_path), mine=str(number), others=3) for number in range(3)]
    with pool.shared(3):
        endings = _at_once(
            *(lambda step=step: _run(pool, picture, tmp_path / f"out{step.mine}", step) for step in steps)
        )
    assert all(isinstance(ending, Rendered) for ending in endings), endings


def test_more_images_than_children_wait_for_their_turn(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    with pool.shared(12):
        endings = _at_once(*(lambda n=n: _run(pool, picture, tmp_path / str(n)) for n in range(12)))
    assert all(isinstance(ending, Rendered) for ending in endings), endings
    assert len(Watched.alive) == 3


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (hostile_child.Segfault(), Code.WORKER_CRASHED),
        (hostile_child.Hoard(), Code.OUT_OF_MEMORY),
        (hostile_child.Forever(), Code.TIMED_OUT),
    ],
    ids=lambda value: type(value).__name__.lower(),
)
def test_what_befalls_one_image_of_a_batch_leaves_the_others(
    pool: WorkerPool, picture: Path, tmp_path: Path, step: Operation, code: Code
) -> None:
    with pool.shared(6):
        bad, *good = _at_once(
            lambda: _run(pool, picture, tmp_path / "bad", step, seconds=5.0),
            *(lambda n=n: _run(pool, picture, tmp_path / str(n)) for n in range(5)),
        )
    assert isinstance(bad, WorkerFailure)
    assert bad.code is code
    assert all(isinstance(ending, Rendered) for ending in good), good


def test_an_image_that_is_too_large_for_its_share_has_room_alone(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    large = hostile_child.Fill(megabytes=600)
    with pool.shared(3):
        (failure,) = _at_once(lambda: _run(pool, picture, tmp_path / "share", large))
    assert isinstance(failure, WorkerFailure)
    assert failure.code is Code.OUT_OF_MEMORY
    assert _run(pool, picture, tmp_path / "alone", large).renditions


def test_an_image_that_waits_for_its_turn_until_its_time_is_up_was_not_begun(
    pool: WorkerPool, picture: Path, tmp_path: Path
) -> None:
    started = threading.Event()

    def occupy() -> None:
        started.set()
        _run(pool, picture, tmp_path / "long", hostile_child.Forever(), seconds=3.0)

    header = pool.probe(picture, time.monotonic() + 30)
    thread = threading.Thread(target=lambda: _at_once(occupy))
    thread.start()
    started.wait()
    time.sleep(0.5)
    with pytest.raises(WorkerFailure) as caught:
        pool.run(picture, header, pipeline(), tmp_path, time.monotonic() + 0.2)
    thread.join()
    assert caught.value.code is Code.TIMED_OUT
    assert caught.value.usage.seconds == 0


def test_there_are_never_more_children_than_there_is_memory_for() -> None:
    started: list[tuple[int, int]] = []

    def make(memory_bytes: int, threads: int) -> Any:
        started.append((memory_bytes, threads))

    with WorkerPool(make, 600 * 2**20, 0, 16).shared(16) as children:
        assert children == 2
    with WorkerPool(make, 100 * 2**20, 0, 16).shared(16) as children:
        assert children == 1
    assert started == [(600 * 2**20, 0), (100 * 2**20, 0)]


def test_a_closed_pool_serves_the_next_image(pool: WorkerPool, picture: Path, tmp_path: Path) -> None:
    with pool.shared(3):
        _run(pool, picture, tmp_path / "a")
    pool.close()
    assert not Watched.alive
    assert _run(pool, picture, tmp_path / "b").renditions


def test_the_image_of_a_batch_that_needs_more_than_its_share_is_handed_over_and_the_others_end(
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
    endings = batches.process(kafka.records(batch(*records)), 60)
    assert [type(ending.outcome) for ending in endings] == [Outcome, Outcome, HandOver, Outcome, Outcome, Outcome]
    assert len(store.contents("results/")) == 5
    for message in overflow.waiting:
        outcome = service.process(handed_over(message), seconds=60)
        assert (outcome.result.status, outcome.result.source.sha256) == ("processed", sha256(body).hexdigest())

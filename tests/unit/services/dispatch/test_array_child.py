"""A Batch child's share: each image is tried, has its part of the time, and one ending."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import Code, Misconfigured, Refusal, Unavailable
from core.domain.model import Estimate, HandOver, ImageJob, Outcome, Route, Status
from core.ports.worker import Room
from core.routing.batch_tiers import TIERS, Tier
from core.services.dispatch.array_child import ArrayChild, Ending, Share, read_share
from core.services.dispatch.array_partition import LONGEST
from core.services.dispatch.job_documents import BatchWork
from tests.support.fakes.worker import FakeWorker
from tests.support.services import World
from tests.support.values import NOW, result, upload_job


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class RoomyWorker(FakeWorker):
    """A worker with a given memory, in bytes."""

    def __init__(self, memory_bytes: int) -> None:
        super().__init__()
        self.memory_bytes = memory_bytes

    def room(self) -> Room:
        return Room(memory_bytes=self.memory_bytes)


class Child:
    """A Batch child on fakes."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, self._around)
        self.failing: dict[str, Exception] = {}
        self.lines: list[str] = []
        self.clock = Clock()
        self.child = ArrayChild(
            processor=self.world.processor,
            handovers=self.world.overflow,
            write_line=self.lines.append,
            clock=self.clock,
        )

    def image(self, body: bytes, seconds: float | None = 5.0, **more: Any) -> HandOver:
        identity = f"0000000{len(self.world.store.contents('incoming/'))}-0000-5000-8000-000000000000"
        source = self.world.store.put(f"incoming/acme/web/{identity}/a.jpg", body)
        job = upload_job(source, identity)
        estimate = seconds and Estimate(
            cpu_seconds=seconds, cpu_seconds_upper=seconds, parallel=0, peak_bytes=1, peak_bytes_upper=1
        )
        return HandOver(job=job, reason="It was asked for.", estimate=estimate or None, **more)

    def work(self, *images: HandOver, tier: Tier = TIERS[0], timeout: int = 0) -> list[Ending]:
        share = Share(work_id="w", index=0, tier=tier, images=images, timeout_seconds=timeout)
        return self.child.process(share, self.clock()).endings

    def handed_over(self) -> list[HandOver]:
        return [msgspec.json.decode(body, type=HandOver) for body in self.world.overflow.waiting]

    def _around(self, name: str, act: Any) -> Any:
        if name in self.failing:
            raise self.failing[name]
        return act()


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child(tmp_path)


def test_every_image_has_an_ending_and_a_log_line_with_its_customer(child: Child) -> None:
    good, bad = child.image(b"good"), child.image(b"!corrupt_image")
    assert child.work(good, bad) == [Ending.PROCESSED, Ending.FAILED]
    assert child.lines == [
        f"{good.job.image_id} acme processed: 0.50 s",
        f"{bad.job.image_id} acme failed: corrupt_image: It ended with corrupt_image.",
    ]


def test_what_has_ended_is_not_even_downloaded(child: Child) -> None:
    image = child.image(b"good")
    child.work(image)
    child.failing["store.download"] = AssertionError("it was downloaded")
    assert child.work(image) == [Ending.ENDED_BEFORE]


@pytest.mark.parametrize("tier", TIERS[:-1])
def test_what_runs_out_of_memory_goes_one_tier_up_with_all_that_is_known(child: Child, tier: Tier) -> None:
    large = child.image(b"!out_of_memory", attempt=3)
    assert child.work(large, child.image(b"good"), tier=tier) == [Ending.HANDED_OVER, Ending.PROCESSED]
    (message,) = child.handed_over()
    assert (message.job, message.estimate, message.attempt) == (large.job, large.estimate, 3)
    assert message.tier == TIERS[TIERS.index(tier) + 1].name


def test_an_image_planned_for_a_larger_tier_is_handed_over_and_fits_there(child: Child) -> None:
    needs = Estimate(cpu_seconds=9, cpu_seconds_upper=9, parallel=0, peak_bytes=9 << 30, peak_bytes_upper=20 << 30)
    processor = replace(
        child.child.processor, route=Route.BATCH, vcpus=16, worker=RoomyWorker(20 << 30), estimate=lambda *_: needs
    )
    child.child = replace(child.child, processor=processor)
    image = child.image(b"large")
    assert child.work(image) == [Ending.PROCESSED]

    processor = replace(processor, worker=RoomyWorker(1 << 30))
    child.child = replace(child.child, processor=processor)
    other = child.image(b"other")
    assert child.work(other) == [Ending.HANDED_OVER]
    (message,) = child.handed_over()
    assert (message.job, message.tier, message.estimate) == (other.job, "4x30", needs)


def test_nothing_is_handed_over_from_the_largest_tier(child: Child) -> None:
    assert child.work(child.image(b"!out_of_memory"), tier=TIERS[-1]) == [Ending.FAILED]
    assert child.handed_over() == []


def test_what_takes_longer_than_its_estimate_has_all_there_is_in_a_larger_tier(child: Child) -> None:
    image = child.image(b"!timed_out", seconds=1)
    assert child.work(image, timeout=60) == [Ending.HANDED_OVER]
    (message,) = child.handed_over()
    assert (message.job, message.tier, message.estimate) == (image.job, TIERS[1].name, None)
    assert child.world.metrics.handed_over == [(Route.BATCH, Code.TIMED_OUT)]


@pytest.mark.parametrize(("tier", "timeout"), [(TIERS[-1], 60), (TIERS[0], LONGEST), (TIERS[0], 0)])
def test_a_time_out_that_no_larger_tier_avoids_ends_the_image_failed(child: Child, tier: Tier, timeout: int) -> None:
    assert child.work(child.image(b"!timed_out"), tier=tier, timeout=timeout) == [Ending.FAILED]


def test_the_result_says_why_it_was_handed_over(child: Child) -> None:
    image = child.image(b"good")
    assert child.work(image) == [Ending.PROCESSED]
    (emitted,) = child.world.metrics.emitted
    assert emitted.reason == image.reason


@pytest.mark.parametrize(
    ("effect", "code"),
    [("store.read", Code.STORE_UNAVAILABLE), ("handovers.hand_over", Code.QUEUE_UNAVAILABLE)],
)
def test_where_a_service_does_not_answer_the_rest_waits(child: Child, effect: str, code: Code) -> None:
    images = child.image(b"!out_of_memory"), child.image(b"good")
    child.failing[effect] = Unavailable(code, "No answer.")
    assert child.work(*images) == [Ending.UNAVAILABLE, Ending.NOT_TRIED]


def test_a_full_disk_may_have_room_for_the_next(child: Child) -> None:
    images = child.image(b"good"), child.image(b"good too")
    child.failing["worker.run"] = Unavailable(Code.WORKER_UNAVAILABLE, "There is no space left.")
    assert child.work(*images) == [Ending.UNAVAILABLE, Ending.UNAVAILABLE]


def test_an_error_of_our_own_in_one_image_is_logged_and_the_others_get_their_turn(child: Child) -> None:
    images = child.image(b"good"), child.image(b"!corrupt_image")
    child.failing["metrics.emit"] = ZeroDivisionError("ours")
    assert child.work(*images) == [Ending.CRASHED, Ending.CRASHED]
    assert ["ZeroDivisionError: ours" in line for line in child.lines] == [True, True]


def test_an_operator_is_needed_for_one_and_the_others_get_their_turn(child: Child) -> None:
    broken, good = child.image(b"a"), child.image(b"b")
    child.world.store.put(broken.job.result_key, b"no manifest")
    assert child.work(broken, good) == [Ending.MISCONFIGURED, Ending.PROCESSED]


@dataclass(frozen=True)
class TimedProcessor:
    """Stands for the processor: each image takes a given time, at most the time that it is given."""

    clock: Clock
    takes: list[float]
    given: list[float] = field(default_factory=list)
    tier: str = ""
    vcpus: float = 1.0
    images_in_job: int = 1

    def try_process(self, _job: ImageJob, _body: None, seconds: float, **_options: object) -> Outcome:
        took = min(seconds, self.takes[len(self.given)])
        self.given.append(seconds)
        self.clock.now += took
        return Outcome(result=result(status=Status.FAILED, code=Code.TIMED_OUT, message="…"))


SECONDS = st.one_of(st.none(), st.floats(0.1, 5000))


@given(st.lists(st.tuples(SECONDS, st.floats(0.01, 20_000)), min_size=1, max_size=30), st.integers(60, 14_400))
def test_no_image_takes_the_time_of_another(
    tmp_path_factory: pytest.TempPathFactory, images: list[tuple[float | None, float]], timeout: int
) -> None:
    """Each image has its part of the time, by its estimate, and all stay within Batch's time-out."""
    child = Child(tmp_path_factory.getbasetemp())
    share = [child.image(b"x", seconds) for seconds, _ in images]
    processor: Any = TimedProcessor(child.clock, [takes for _, takes in images])
    runner = replace(child.child, processor=processor)
    work = Share(work_id="w", index=0, tier=TIERS[0], images=tuple(share), timeout_seconds=timeout)

    runner.process(work, child.clock())

    weights = [5 + (60 if seconds is None else seconds) for seconds, _ in images]
    budget = work.seconds or 0
    for given_, weight in zip(processor.given, weights, strict=True):
        assert given_ >= budget * weight / sum(weights) * 0.999
    assert child.clock.now - 1000 <= budget * 1.001 < timeout


def test_when_no_time_is_left_the_next_attempt_begins_where_this_one_ended(child: Child) -> None:
    share = Share(work_id="w", index=0, tier=TIERS[0], images=(child.image(b"a"),), timeout_seconds=60)
    assert child.child.process(share, child.clock() - 60).endings == [Ending.NOT_TRIED]


def test_a_child_reads_its_own_share(child: Child) -> None:
    first, second = child.image(b"a"), child.image(b"b")
    work = BatchWork(work_id="1", tier="2x8", shares=((first,), (second,)), timeout_seconds=90, created_at=NOW)
    child.world.store.put(work.key, msgspec.json.encode(work))
    store = child.world.store
    assert read_share(work.key, store, {}).images == (first,)
    share = read_share(work.key, store, {"AWS_BATCH_JOB_ARRAY_INDEX": "1"})
    assert (share.images, share.tier, share.timeout_seconds) == ((second,), TIERS[1], 90)


@pytest.mark.parametrize("index", ["2", "-1", "one", "", "٢"])
def test_an_index_of_nothing_is_refused(child: Child, index: str) -> None:
    work = BatchWork(work_id="1", tier="2x8", shares=((child.image(b"a"),), ()), created_at=NOW)
    child.world.store.put(work.key, msgspec.json.encode(work))
    with pytest.raises(Refusal, match="AWS_BATCH_JOB_ARRAY_INDEX"):
        read_share(work.key, child.world.store, {"AWS_BATCH_JOB_ARRAY_INDEX": index})


def test_a_document_that_is_none_needs_an_operator(child: Child) -> None:
    child.world.store.put("batches/1.json", b"{}")
    with pytest.raises(Misconfigured, match=r"batches/1\.json is not the work"):
        read_share("batches/1.json", child.world.store, {})

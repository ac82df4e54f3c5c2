"""Overflow messages, duplicated and shuffled, through dispatchers that are killed: each image is submitted once."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.aws.batch import BatchJobs
from core.domain import object_keys
from core.routing.batch_tiers import TIERS
from tests.protocol.scheduler import EffectOutcome, Process, Scheduler
from tests.support.aws.dispatch_world import GIB, Dispatch, estimate
from tests.support.fakes.batch import FakeJobs

_VISIBILITY = timedelta(minutes=6)  # six times the function's time-out, as AWS recommends
_SANDBOXES = 8  # the function's concurrency
_PER_SECOND = 5.0  # the default of SUBMITS_PER_SECOND
_EFFECT = timedelta(milliseconds=1)
_ALLOWED = 50  # calls of SubmitJob in a second, for an account


class Client:
    """Stands for boto3's Batch client, and lists the time of every submission."""

    def __init__(self, jobs: FakeJobs, now: Any) -> None:
        self.jobs, self.now = jobs, now
        self.calls: list[datetime] = []

    def submit_job(self, **request: Any) -> dict[str, str]:
        self.calls.append(self.now())
        size = request.get("arrayProperties", {}).get("size", 1)
        tier = request["jobDefinition"].removeprefix("picture-perfect-")
        arguments = request["containerOverrides"]["command"][1:]
        seconds = request["timeout"]["attemptDurationSeconds"]
        return {"jobId": self.jobs.submit(request["jobName"], tier, arguments, size, seconds)}

    def get_paginator(self, _operation: str) -> "Client":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        (name,) = request["filters"][0]["values"]
        found = self.jobs.find(name)
        return [{"jobSummaryList": [{"jobId": found, "jobName": name}] if found else []}]


@dataclass
class Fleet:
    """The overflow queue, the function's sandboxes, and Batch; a random generator chooses the next step."""

    dispatch: Dispatch
    scheduler: Scheduler
    chance: random.Random
    trouble: float
    waiting: list[str] = field(default_factory=list)
    invisible: list[tuple[datetime, str]] = field(default_factory=list)
    running: list[tuple[Process, int, list[str]]] = field(default_factory=list)
    invocations: int = 0
    deaths: int = 0
    run: int = 0

    def __post_init__(self) -> None:
        self.client = Client(self.dispatch.jobs, self.dispatch.clock)
        self.sandboxes = {number: self._sandbox() for number in range(_SANDBOXES)}

    def _sandbox(self) -> BatchJobs:
        clock = self.dispatch.clock

        def now() -> float:
            return clock.now.timestamp()

        def sleep(seconds: float) -> None:
            until = clock.now + timedelta(seconds=seconds)
            self.scheduler.wait(lambda: clock.now < until)

        client: Any = self.client
        return BatchJobs(client, "images", "picture-perfect", _PER_SECOND, now, sleep)

    def empty(self) -> None:
        """Run until no message and no job is left."""
        while self.waiting or self.invisible or self.running or self.run < len(self.dispatch.jobs.submitted):
            self._invoke()
            runnable = self.scheduler.runnable()
            if runnable:
                self.scheduler.step(self.chance.choice(runnable), self._outcome())
                self.dispatch.clock.now += _EFFECT
                self._collect()
            elif self.running:
                self.dispatch.clock.now += _EFFECT
            else:
                self._wait()
            if self.chance.random() < 0.01 or not self.running:
                self._run_batch()

    def _outcome(self) -> EffectOutcome:
        if self.chance.random() >= self.trouble:
            return EffectOutcome.HAPPENS
        return self.chance.choice(
            [EffectOutcome.DIES_BEFORE, EffectOutcome.DIES_AFTER, EffectOutcome.ANSWER_LOST, EffectOutcome.UNREACHED]
        )

    def _invoke(self) -> None:
        idle = set(self.sandboxes) - {number for _, number, _ in self.running}
        while idle and self.waiting:
            number, bodies = idle.pop(), self.waiting[:10]
            self.waiting = self.waiting[10:]
            dispatching = self.dispatch.make_dispatcher(jobs=self.sandboxes[number])

            def work(_: Process, bodies: Any = bodies, dispatching: Any = dispatching) -> list[str]:
                return self.dispatch.deliver(*bodies, dispatcher=dispatching)

            self.running.append((self.scheduler.spawn("dispatch", work), number, bodies))
            self.invocations += 1

    def _collect(self) -> None:
        for one in [one for one in self.running if one[0].ended]:
            process, number, bodies = one
            self.running.remove(one)
            self.scheduler.processes.remove(process)
            left = bodies
            if process.error:
                self.deaths += 1
                self.sandboxes[number] = self._sandbox()
            else:
                left = process.outcome
            self.invisible += [(self.dispatch.clock.now + _VISIBILITY, body) for body in left]

    def _wait(self) -> None:
        if self.invisible and not self.waiting:
            self.dispatch.clock.now = max(self.dispatch.clock.now, min(at for at, _ in self.invisible))
        visible = [body for at, body in self.invisible if at <= self.dispatch.clock.now]
        self.invisible = [one for one in self.invisible if one[0] > self.dispatch.clock.now]
        self.waiting += visible

    def _run_batch(self) -> None:
        for job in self.dispatch.jobs.submitted[self.run :]:
            for index in range(job.size):
                self.dispatch.run(job, index)
        self.run = len(self.dispatch.jobs.submitted)
        self.waiting += self.dispatch.handed_over()

    def submitted(self) -> int:
        """The number of images in all submissions, duplicates included."""
        works = map(self.dispatch.work, self.dispatch.jobs.submitted)
        return sum(len(share) for work in works for share in work.shares)

    def most_in_a_second(self) -> int:
        calls, first, most = self.client.calls, 0, 0
        for number, at in enumerate(calls):
            while calls[first] <= at - timedelta(seconds=1):
                first += 1
            most = max(most, number - first + 1)
        return most


def fleet(folder: Path, images: int, seed: int, trouble: float) -> Fleet:
    scheduler, chance = Scheduler(), random.Random(seed)
    made = Fleet(Dispatch(folder, scheduler.around), scheduler, chance, trouble)
    for _ in range(images):
        size = estimate(chance.uniform(0.1, 200), chance.choice([1, 1, 1, 5, 20, 50, 100]) * GIB)
        body = msgspec.json.encode(made.dispatch.image(estimate=size)).decode()
        made.waiting += [body, body]
    chance.shuffle(made.waiting)
    made.empty()
    return made


def everything_ended_once(made: Fleet, images: int) -> None:
    dispatch = made.dispatch
    assert len(dispatch.results()) == images
    written = Counter(key for key, _ in dispatch.store.created if key.startswith(object_keys.RESULTS))
    assert set(written.values()) == {1}
    assert len(dispatch.metrics.emitted) == images
    assert len(made.client.calls) <= 2 * made.invocations * len(TIERS)


@pytest.mark.long
def test_five_thousand_messages_doubled_and_shuffled_end_once(tmp_path: Path) -> None:
    """No image is submitted twice, although one of five dispatchers is killed."""
    made = fleet(tmp_path, 5000, seed=4, trouble=0.02)
    everything_ended_once(made, 5000)
    twice = made.submitted() - 5000
    print(
        f"{made.invocations} invocations, {made.deaths} deaths, {len(made.client.calls)} submissions, at most "
        f"{made.most_in_a_second()} in a second, {twice} images submitted twice, until {made.dispatch.clock.now}"
    )
    assert made.deaths > 100
    assert twice == 0, "The promise is one in a hundred; of dispatchers alone it is none."
    assert made.most_in_a_second() <= _ALLOWED


@pytest.mark.timeout(600)
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 25), st.integers(0, 10**9), st.sampled_from([0.0, 0.01, 0.05, 0.15]))
def test_however_many_they_are_and_whatever_fails_each_ends_once(
    tmp_path_factory: pytest.TempPathFactory, images: int, seed: int, trouble: float
) -> None:
    made = fleet(tmp_path_factory.mktemp("fleet"), images, seed, trouble)
    everything_ended_once(made, images)
    assert made.submitted() == images, "An image was submitted twice."

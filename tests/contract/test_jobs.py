"""The contract of the port Jobs, for the adapter with a local Batch API, and for the fake."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.adapters.aws.batch import BatchJobs
from core.domain.errors import Code, Misconfigured, Unavailable
from core.ports.batch import Jobs
from core.services.dispatch.job_events import job_name
from localcloud import clients
from tests.support.aws.local_batch import World, running
from tests.support.fakes.batch import FakeJobs

KEY = "batches/4d1c9d5e-3f7a-4c0e-9d0a-7c0b7d0f3a11.json"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        made.define("pass")
        (definition,) = made.client.describe_job_definitions(jobDefinitionName="job")["jobDefinitions"]
        made.client.register_job_definition(
            jobDefinitionName="picture-perfect-2x8",
            type="container",
            containerProperties=definition["containerProperties"],
        )
        yield made


def adapter(world: World, **more: Any) -> BatchJobs:
    return BatchJobs(clients.batch(world.batch.endpoint), "images", "picture-perfect", **{"per_second": 1000.0, **more})


@pytest.fixture(params=["adapter", "fake"])
def jobs(request: pytest.FixtureRequest) -> Jobs:
    return adapter(request.getfixturevalue("world")) if request.param == "adapter" else FakeJobs()


def submit(jobs: Jobs, name: str, size: int = 1, tier: str = "2x8") -> str:
    return jobs.submit(name, tier, ("work", KEY), size, 60)


def test_what_was_submitted_is_found_by_its_name_and_nothing_else_is(jobs: Jobs) -> None:
    name = job_name(str(uuid4()))
    assert jobs.find(name) is None
    identifier = submit(jobs, name)
    assert jobs.find(name) == identifier
    assert jobs.find(name[:-1]) is None
    assert jobs.find(f"{name}-") is None


def test_an_array_is_found_by_the_name_of_its_parent(jobs: Jobs) -> None:
    name = job_name(str(uuid4()))
    identifier = submit(jobs, name, size=3)
    assert jobs.find(name) == identifier


def test_submitting_again_is_another_job(jobs: Jobs) -> None:
    """SubmitJob has no client token: without an answer, a caller must look for the job before it submits again."""
    assert submit(jobs, "a") != submit(jobs, "a")


def test_a_job_of_one_share_is_no_array_and_several_are_its_children(world: World) -> None:
    jobs = adapter(world)
    single, array = world.job(submit(jobs, "a")), world.job(submit(jobs, "b", size=4))
    assert "arrayProperties" not in single or "size" not in single["arrayProperties"]
    assert array["arrayProperties"]["size"] == 4
    assert single["container"]["command"] == array["container"]["command"] == ["batch", "work", KEY]
    assert single["timeout"] == {"attemptDurationSeconds": 60}


def test_a_tier_without_a_definition_needs_an_operator(world: World) -> None:
    with pytest.raises(Misconfigured) as caught:
        submit(adapter(world), "a", tier="16x120")
    assert caught.value.code is Code.BATCH_REFUSED
    assert "images" in str(caught.value)


def test_a_queue_that_is_not_there_needs_an_operator(world: World) -> None:
    jobs = BatchJobs(clients.batch(world.batch.endpoint), "not-there", "picture-perfect", 1000)
    with pytest.raises(Misconfigured):
        submit(jobs, "a")


def test_a_batch_that_does_not_answer_is_unavailable() -> None:
    jobs = BatchJobs(clients.batch("http://127.0.0.1:1"), "images", "picture-perfect", 1000)
    with pytest.raises(Unavailable) as caught:
        submit(jobs, "a")
    assert caught.value.code is Code.BATCH_UNAVAILABLE
    with pytest.raises(Unavailable):
        jobs.find("a")


@dataclass
class Clock:
    """A clock that only `sleep` moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


class Silent:
    """A client that accepts every submission."""

    def submit_job(self, **_request: Any) -> dict[str, str]:
        return {"jobId": "job"}


@pytest.mark.parametrize("per_second", [0.5, 5, 50])
def test_submissions_keep_their_pace_and_a_pause_is_not_made_up_for(per_second: float) -> None:
    clock, client, at = Clock(), Silent(), []
    batch: Any = client
    jobs = BatchJobs(batch, "images", "picture-perfect", per_second, clock, clock.sleep)
    for number in range(40):
        if number == 20:
            clock.now += 60
        submit(jobs, "a")
        at.append(clock.now)
    assert at[0] == 100.0
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert min(gaps) == pytest.approx(1 / per_second)
    assert [number for number, gap in enumerate(gaps) if gap > 2 / per_second] == [19]

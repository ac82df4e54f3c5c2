"""The dispatcher reads the local Batch's state change events of failed jobs."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.adapters.aws.batch import BatchJobs
from core.domain.errors import Misconfigured
from core.services.dispatch.job_events import FailureCause, JobFailed, job_name
from handler.failure_documents import read_state_change
from localcloud import clients
from localcloud.batch.attempts import MISSING_IMAGE
from tests.support.aws.local_batch import World, running
from tests.support.waiting import until

Act = Callable[[World, str], None]
FOREVER = "import time; print('here', flush=True); time.sleep(600)"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def cancel(world: World, job: str) -> None:
    world.client.cancel_job(jobId=job, reason="Not wanted any more")


def terminate(world: World, job: str) -> None:
    world.at_work(job)
    world.client.terminate_job(jobId=job, reason="Not wanted any more")


def leave(_world: World, _job: str) -> None:
    """Do nothing: the job fails by itself."""


SINGLE = [
    (FailureCause.OUT_OF_MEMORY, "import os; os.kill(os.getpid(), 9)", {}, leave),
    (FailureCause.TIMED_OUT, FOREVER, {"timeout": {"attemptDurationSeconds": 1}}, leave),
    (FailureCause.CANCELLED, FOREVER, {"vcpus": 100}, cancel),
    (FailureCause.CANCELLED, FOREVER, {}, terminate),
    (FailureCause.NOT_STARTED, FOREVER, {"image": f"{MISSING_IMAGE}picture-perfect"}, leave),
    (FailureCause.INTERRUPTED, "raise SystemExit(75)", {}, leave),
    (FailureCause.MISCONFIGURED, "raise SystemExit(78)", {}, leave),
    (FailureCause.CRASHED, "raise SystemExit(70)", {}, leave),
]


def failures(
    world: World, work_id: str, children: int, program: str, definition: dict[str, Any], act: Act
) -> list[JobFailed]:
    """Run a job that fails; returns what the dispatcher reads from its events. `children` 0: a single job."""
    world.define(program, **definition)
    more: dict[str, Any] = {"arrayProperties": {"size": children}} if children else {}
    job = world.client.submit_job(jobName=job_name(work_id), jobQueue="images", jobDefinition="job", **more)["jobId"]
    singles = [f"{job}:{index}" for index in range(children)] or [job]
    for single in singles:
        act(world, single)
    for one in {*singles, job}:
        world.ended(one)
        until(partial(_has_failed_event, world, one))
    return [failed for failed in map(read_state_change, list(world.events)) if failed]


def _has_failed_event(world: World, job: str) -> bool:
    return "FAILED" in world.states(job)


@pytest.mark.parametrize(("cause", "program", "definition", "act"), SINGLE)
def test_each_failure_of_a_job_is_read_as_its_own_cause(
    world: World, cause: FailureCause, program: str, definition: dict[str, Any], act: Act
) -> None:
    work = str(uuid4())
    (failed,) = failures(world, work, 0, program, definition, act)
    assert (failed.work_id, failed.index, failed.cause) == (work, 0, cause)


def test_an_array_with_failed_children_is_not_read_as_cancelled(world: World) -> None:
    """The parent says nothing of its own then: each child has said why."""
    failed = failures(world, str(uuid4()), 2, "import os; os.kill(os.getpid(), 9)", {}, leave)
    assert {(one.index, one.cause) for one in failed} == {
        (0, FailureCause.OUT_OF_MEMORY),
        (1, FailureCause.OUT_OF_MEMORY),
    }


def test_a_cancelled_array_is_read_as_a_cancelled_job_for_each_child(world: World) -> None:
    failed = failures(world, str(uuid4()), 2, FOREVER, {"vcpus": 100}, cancel)
    assert {one.cause for one in failed} == {FailureCause.CANCELLED}
    assert {one.index for one in failed} >= {0, 1}


def test_what_was_submitted_is_found_by_its_name(world: World) -> None:
    jobs = BatchJobs(clients.batch(world.batch.endpoint), "images", "picture-perfect", per_second=1000)
    world.define("pass")
    with pytest.raises(Misconfigured):
        jobs.submit("a", "1x2", ("work", "batches/a.json"), 1, 60)
    (definition,) = world.client.describe_job_definitions(jobDefinitionName="job")["jobDefinitions"]
    world.client.register_job_definition(
        jobDefinitionName="picture-perfect-1x2",
        type="container",
        containerProperties=definition["containerProperties"],
    )
    single = jobs.submit("a", "1x2", ("work", "batches/a.json"), 1, 60)
    array = jobs.submit("b", "1x2", ("work", "batches/b.json"), 3, 60)
    assert [jobs.find("a"), jobs.find("b"), jobs.find("c")] == [single, array, None]
    assert world.job(single)["container"]["command"] == ["batch", "work", "batches/a.json"]
    assert world.job(array)["arrayProperties"]["size"] == 3

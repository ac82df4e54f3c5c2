"""The local Batch runs `batch work` jobs submitted by boto3, with their retries and events."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from localcloud.lambda_.sandbox_process import ROOT
from tests.conftest import client
from tests.support.aws import batch_job
from tests.support.aws.batch_job import Job
from tests.support.aws.local_batch import World, is_alive, running_batch
from tests.support.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

RULES = [{"onExitCode": "75", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]


@pytest.fixture
def job(cloud: str, s3: "S3Client", bucket: str, sqs: "SQSClient", tmp_path: Path) -> Job:
    return batch_job.job(cloud, s3, bucket, sqs, tmp_path)


@pytest.fixture
def world(job: Job, tmp_path: Path) -> Iterator[World]:
    variables = {name: value for name, value in job.environment.items() if name not in ("WORK_DIR", "MEMORY_MB")}
    with running_batch(tmp_path / "batch", variables) as started:
        started.client.register_job_definition(
            jobDefinitionName="1x2",
            type="container",
            containerProperties={
                "image": "picture-perfect",
                "command": ["batch", "work", "Ref::key"],
                "environment": [{"name": "MEMORY_MB", "value": "712"}],
                "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
            },
            retryStrategy={"attempts": 3, "evaluateOnExit": RULES},
            timeout={"attemptDurationSeconds": 600},
        )
        yield started


def submit(world: World, key: str, **more: Any) -> str:
    answer = world.client.submit_job(
        jobName="work", jobQueue="images", jobDefinition="1x2", parameters={"key": key}, **more
    )
    return str(answer["jobId"])


def container(job_id: str) -> psutil.Process:
    """The process that runs a job."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("AWS_BATCH_JOB_ID") == job_id:
                return process
        except psutil.Error:
            continue
    raise LookupError(job_id)


def test_an_array_brings_every_share_to_its_end(world: World, job: Job) -> None:
    images = [job.image() for _ in range(3)]
    parent = world.ended(submit(world, job.submit((images[0],), (images[1], images[2])), arrayProperties={"size": 2}))
    assert parent["status"] == "SUCCEEDED"
    assert [result.status for image in images for result in job.results(image)] == ["processed"] * 3
    child = world.job(f"{parent['jobId']}:1")
    assert json.loads(world.log(child).splitlines()[-1])["processed"] == 2


def test_a_reclaimed_child_is_tried_again_and_does_the_rest(world: World, job: Job) -> None:
    images = [job.image(), job.image("linger")]
    job_id = submit(world, job.submit(tuple(images)))
    job.wait_for_linger()
    container(job_id).send_signal(signal.SIGTERM)
    until(lambda: len(world.job(job_id)["attempts"]) == 1)
    (job.folder / "go").touch()
    ended = world.ended(job_id)
    assert [attempt["container"]["exitCode"] for attempt in ended["attempts"]] == [75, 0]
    assert [len(job.results(image)) for image in images] == [1, 1]
    assert json.loads(world.log(ended).splitlines()[-1])["ended_before"] == 1


def test_a_killed_child_has_run_out_of_memory(world: World, job: Job) -> None:
    job_id = submit(world, job.submit((job.image("linger"),)))
    job.wait_for_linger()
    process = container(job_id)
    family = [process.pid, *(child.pid for child in process.children(recursive=True))]
    process.kill()
    assert world.ended(job_id)["status"] == "FAILED"
    until(lambda: "FAILED" in world.states(job_id))
    detail = world.events[-1]["detail"]
    assert (detail["container"]["exitCode"], detail["parameters"]["key"][:8]) == (137, "batches/")
    assert detail["container"]["reason"].startswith("OutOfMemoryError")
    until(lambda: not any(map(is_alive, family)))


def test_a_job_that_is_wrong_is_not_tried_again(world: World) -> None:
    ended = world.ended(submit(world, "batches/none.json"))
    assert [attempt["container"]["exitCode"] for attempt in ended["attempts"]] == [65]
    assert "There is no object batches/none.json" in world.log(ended)


def test_another_command_than_batch_is_refused_as_by_the_image(world: World) -> None:
    job_id = submit(world, "-", containerOverrides={"command": ["sleep", "1"]})
    assert world.ended(job_id)["container"]["exitCode"] == 64


def test_no_job_outlives_its_cloud(job: Job, tmp_path: Path) -> None:
    key = job.submit((job.image("linger"),))
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom tests.support.aws.local_batch import running_batch\n"
        "with running_batch(Path(sys.argv[1]), dict(os.environ)) as world:\n"
        "    print(world.batch.endpoint, flush=True)\n    time.sleep(600)"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "batch")],
        cwd=ROOT,
        env={**os.environ, **job.environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout is not None
        api = client("batch", host.stdout.readline().strip())
        needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
        api.register_job_definition(
            jobDefinitionName="1x2",
            type="container",
            containerProperties={
                "image": "i",
                "command": ["batch", "work", "Ref::key"],
                "resourceRequirements": needs,
            },
        )
        api.submit_job(jobName="a", jobQueue="images", jobDefinition="1x2", parameters={"key": key})
        job.wait_for_linger()
        family = [process.pid for process in psutil.Process(host.pid).children(recursive=True)]
        assert len(family) > 1
    finally:
        host.kill()
        host.communicate()
    until(lambda: not any(map(is_alive, family)))

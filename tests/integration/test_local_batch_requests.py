"""The requests that the local Batch accepts, and those that it refuses as AWS Batch does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.aws.local_batch import World, running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def refusal(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ClientException", 400)
    return str(error["Error"]["Message"])


def test_invalid_requests_are_refused(world: World) -> None:
    world.define("pass")
    right = {"jobName": "a-job", "jobQueue": "images", "jobDefinition": "job"}
    for change, words in (
        ({"jobName": "-a"}, "jobName"),
        ({"jobName": "a" * 129}, "jobName"),
        ({"jobName": "a b"}, "jobName"),
        ({"jobQueue": "none"}, "Job Queue none not found"),
        ({"jobDefinition": "none"}, "JobDefinition none not found"),
        ({"jobDefinition": "job:2"}, "JobDefinition job:2 not found"),
        ({"arrayProperties": {"size": 1}}, "size"),
        ({"arrayProperties": {"size": 10_001}}, "size"),
        ({"dependsOn": [{"jobId": "1"}]}, "dependsOn"),
        ({"retryStrategy": {"attempts": 11}}, "attempts"),
        ({"retryStrategy": {"evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]}}, "attempts"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "x", "action": "EXIT"}]}}, "onExitCode"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*a", "action": "EXIT"}]}}, "onReason"),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": ""}]}}, "AWS_BATCH_X"),
        ({"containerOverrides": {"command": ["a" * 9000]}}, "Container Overrides length must be at most 8192"),
        ({"parameters": {"what": "a" * 31_000}}, "30720"),
    ):
        assert words in refusal(world.client.submit_job, **{**right, **change}), change
    assert "not found" in refusal(world.client.cancel_job, jobId="none", reason="r")
    assert "Exactly one" in refusal(world.client.list_jobs)
    assert world.client.describe_jobs(jobs=["none"])["jobs"] == []


def test_a_time_out_below_a_minute_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    with running(tmp_path, min_timeout_seconds=60) as world:
        world.define("pass")
        assert "60" in refusal(
            world.client.submit_job,
            jobName="a",
            jobQueue="images",
            jobDefinition="job",
            timeout={"attemptDurationSeconds": 59},
        )


def test_definitions_have_revisions_and_the_newest_is_meant(world: World) -> None:
    world.define("print('old')")
    world.define("print('new')")
    newest = world.ended(world.submit())
    (older,) = world.client.describe_job_definitions(jobDefinitions=["job:1"])["jobDefinitions"]
    again = world.client.submit_job(jobName="a", jobQueue="images", jobDefinition=older["jobDefinitionArn"])["jobId"]
    assert (world.log(newest), world.log(world.ended(again))) == ("new\n", "old\n")
    assert newest["jobDefinition"].endswith("job-definition/job:2")
    (queue,) = world.client.describe_job_queues(jobQueues=["images"])["jobQueues"]
    assert newest["jobQueue"] == queue["jobQueueArn"]


def test_lists_come_in_pages_and_filters_see_every_state(world: World) -> None:
    world.define("pass")
    parent = world.submit(arrayProperties={"size": 5})
    assert world.ended(parent)["status"] == "SUCCEEDED"
    pages = world.client.get_paginator("list_jobs").paginate(
        arrayJobId=parent, jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["jobSummaryList"]) for page in pages]
    assert sizes == [2, 2, 1]
    listed = world.client.list_jobs(jobQueue="images", filters=[{"name": "JOB_NAME", "values": ["A-J*"]}])
    assert [job["jobId"] for job in listed["jobSummaryList"]] == [parent]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"type": "multinode"}, "container"),
        ({"jobDefinitionName": "a b"}, "jobDefinitionName"),
        ({"containerProperties": {"image": "i"}}, "vcpu and memory"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "60"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}]}}, "a rule needs one of"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "STOP"}]}}, "action"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}] * 6}}, "5"),
    ],
)
def test_an_invalid_definition_is_refused(tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
    right = {
        "jobDefinitionName": "job",
        "type": "container",
        "containerProperties": {"image": "i", "resourceRequirements": needs},
    }
    with running(tmp_path, min_timeout_seconds=60) as world:
        assert words in refusal(world.client.register_job_definition, **{**right, **wrong})
        assert world.client.register_job_definition(**right)["revision"] == 1

"""Batch: nothing runs while there is nothing to do, never more than the cap, and only what Fargate accepts."""

from typing import Any

import pytest

from core.routing.batch_tiers import TIERS
from core.routing.job_definitions import RETRY_STRATEGY
from core.services.dispatch import array_partition
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

#: vCPUs, and the memory that goes with them in MB: the least, the most, the step.
#: https://docs.aws.amazon.com/batch/latest/APIReference/API_ResourceRequirement.html
FARGATE = {
    "0.5": (1024, 4096, 1024),
    "1": (2048, 8192, 1024),
    "2": (4096, 16_384, 1024),
    "4": (8192, 30_720, 1024),
    "8": (16_384, 61_440, 4096),
    "16": (32_768, 122_880, 8192),
}


def definitions(stack: Stack) -> list[dict[str, Any]]:
    return [*stack.of("Batch::JobDefinition").values()]


def required(container: dict[str, Any]) -> dict[str, str]:
    return {one["Type"]: one["Value"] for one in container["ResourceRequirements"]}


def test_each_tier_is_a_size_that_fargate_accepts(shipped: Stack) -> None:
    assert len(definitions(shipped)) == len(TIERS)
    for one in definitions(shipped):
        container = one["ContainerProperties"]
        sizes = required(container)
        least, most, step = FARGATE[sizes["VCPU"]]
        assert int(sizes["MEMORY"]) in range(least, most + 1, step), one["JobDefinitionName"]
        assert 21 <= container["EphemeralStorage"]["SizeInGiB"] <= 200
        assert {pair["Name"]: pair["Value"] for pair in container["Environment"]}["MEMORY_MB"] == sizes["MEMORY"]


def test_the_largest_tier_fits_under_the_cap(shipped: Stack, other: Stack) -> None:
    largest = max(float(required(one["ContainerProperties"])["VCPU"]) for one in definitions(shipped))
    for stack in (shipped, other):
        for one in stack.of("Batch::ComputeEnvironment").values():
            assert one["ComputeResources"]["MaxvCpus"] >= largest


def test_the_cap_is_the_settings_and_nothing_is_kept_running(synthesize: Any) -> None:
    for one in synthesize("[batch]\nmax_vcpus = 16").of("Batch::ComputeEnvironment").values():
        resources = one["ComputeResources"]
        assert resources["MaxvCpus"] == 16
        assert not {"MinvCpus", "DesiredvCpus"} & set(resources)
        assert one["Type"].lower() == "managed"


def test_spot_comes_first_and_what_is_not_spot_takes_over(shipped: Stack, other: Stack) -> None:
    def order(stack: Stack) -> list[str]:
        there = stack.of("Batch::ComputeEnvironment")
        named = {f"<{name}.ComputeEnvironmentArn>": one["ComputeResources"]["Type"] for name, one in there.items()}
        said = stack.one("Batch::JobQueue")["ComputeEnvironmentOrder"]
        return [named[one["ComputeEnvironment"]] for one in sorted(said, key=lambda one: one["Order"])]

    assert order(shipped) == ["FARGATE_SPOT", "FARGATE"]
    assert order(other) == ["FARGATE"]


def test_a_job_that_finds_no_place_is_cancelled_so_that_its_images_go_on(shipped: Stack) -> None:
    """https://docs.aws.amazon.com/batch/latest/APIReference/API_JobStateTimeLimitAction.html."""
    actions = shipped.one("Batch::JobQueue")["JobStateTimeLimitActions"]
    assert {one["Reason"] for one in actions} == {
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    }
    for one in actions:
        assert (one["Action"], one["State"]) == ("CANCEL", "RUNNABLE")
        assert 600 <= one["MaxTimeSeconds"] <= 86_400


def test_attempts_are_repeated_as_the_core_says(shipped: Stack) -> None:
    for one in definitions(shipped):
        said = one["RetryStrategy"]
        assert said["Attempts"] == RETRY_STRATEGY["attempts"]
        rules = [{key[0].lower() + key[1:]: value for key, value in rule.items()} for rule in said["EvaluateOnExit"]]
        assert rules == RETRY_STRATEGY["evaluateOnExit"]
        assert len(rules) <= 5
        assert rules[-1] == {"onReason": "*", "action": "EXIT"}


def test_an_array_is_no_larger_than_batch_takes() -> None:
    """https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html: 2 to 10,000."""
    assert array_partition._CHILDREN <= 10_000


def test_a_job_runs_as_its_own_role_and_writes_into_a_log_that_ends(shipped: Stack) -> None:
    roles = shipped.of("IAM::Role")
    for one in definitions(shipped):
        container = one["ContainerProperties"]
        assert one["PlatformCapabilities"] == ["FARGATE"]
        assert container["JobRoleArn"] != container["ExecutionRoleArn"]
        assert {container[key].removesuffix(".Arn>")[1:] for key in ("JobRoleArn", "ExecutionRoleArn")} <= set(roles)
        options = container["LogConfiguration"]["Options"]
        assert options["awslogs-group"].strip("<>") in shipped.of("Logs::LogGroup")
        assert options["awslogs-region"] == REGION


@pytest.mark.parametrize("name", ["picture-perfect"])
def test_what_batch_alone_knows_has_failed_reaches_the_overflow_queue(shipped: Stack, name: str) -> None:
    rule_name, rule = next(
        (key, one) for key, one in shipped.of("Events::Rule").items() if one.get("EventPattern", {}).get("source")
    )
    assert rule["EventPattern"] == {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {
            "status": ["FAILED"],
            "jobQueue": [f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/{name}-jobs"],
        },
    }
    overflow = shipped.arn("SQS::Queue", QueueName=f"{name}-overflow")
    assert [target["Arn"] for target in rule["Targets"]] == [overflow]
    (let_in,) = (
        said
        for policy in shipped.of("SQS::QueuePolicy").values()
        for said in statements(policy["PolicyDocument"])
        if said["Principal"] == {"Service": "events.amazonaws.com"}
    )
    assert let_in["Resource"] == [overflow]
    assert let_in["Condition"] == {"ArnEquals": {"aws:SourceArn": f"<{rule_name}.Arn>"}}
    assert "sqs:SendMessage" in let_in["Action"]

"""Batch: no idle capacity, at most the cap, and only job sizes that Fargate accepts."""

from typing import Any

import pytest

from core.routing.batch_tiers import TIERS
from core.routing.job_definitions import RETRY_STRATEGY
from core.services.dispatch import array_partition
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

#: Memory in MB by vCPUs: least, most, step.
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
    return [*stack.properties_of("Batch::JobDefinition").values()]


def required(container: dict[str, Any]) -> dict[str, str]:
    return {properties["Type"]: properties["Value"] for properties in container["ResourceRequirements"]}


def test_each_tier_is_a_size_that_fargate_accepts(shipped: Stack) -> None:
    assert len(definitions(shipped)) == len(TIERS)
    for properties in definitions(shipped):
        container = properties["ContainerProperties"]
        sizes = required(container)
        least, most, step = FARGATE[sizes["VCPU"]]
        assert int(sizes["MEMORY"]) in range(least, most + 1, step), properties["JobDefinitionName"]
        assert 21 <= container["EphemeralStorage"]["SizeInGiB"] <= 200
        assert {pair["Name"]: pair["Value"] for pair in container["Environment"]}["MEMORY_MB"] == sizes["MEMORY"]


def test_the_largest_tier_fits_under_the_cap(shipped: Stack, other: Stack) -> None:
    largest = max(float(required(properties["ContainerProperties"])["VCPU"]) for properties in definitions(shipped))
    for stack in (shipped, other):
        for properties in stack.properties_of("Batch::ComputeEnvironment").values():
            assert properties["ComputeResources"]["MaxvCpus"] >= largest


def test_the_cap_is_the_settings_and_nothing_is_kept_running(synthesize: Any) -> None:
    for properties in synthesize("[batch]\nmax_vcpus = 16").properties_of("Batch::ComputeEnvironment").values():
        resources = properties["ComputeResources"]
        assert resources["MaxvCpus"] == 16
        assert not {"MinvCpus", "DesiredvCpus"} & set(resources)
        assert properties["Type"].lower() == "managed"


def test_spot_comes_first_and_what_is_not_spot_takes_over(shipped: Stack, other: Stack) -> None:
    def order(stack: Stack) -> list[str]:
        there = stack.properties_of("Batch::ComputeEnvironment")
        named = {
            f"<{name}.ComputeEnvironmentArn>": properties["ComputeResources"]["Type"]
            for name, properties in there.items()
        }
        statement = stack.only("Batch::JobQueue")["ComputeEnvironmentOrder"]
        return [
            named[properties["ComputeEnvironment"]]
            for properties in sorted(statement, key=lambda properties: properties["Order"])
        ]

    assert order(shipped) == ["FARGATE_SPOT", "FARGATE"]
    assert order(other) == ["FARGATE"]


def test_a_job_that_finds_no_place_is_cancelled_so_that_its_images_go_on(shipped: Stack) -> None:
    """https://docs.aws.amazon.com/batch/latest/APIReference/API_JobStateTimeLimitAction.html."""
    actions = shipped.only("Batch::JobQueue")["JobStateTimeLimitActions"]
    assert {properties["Reason"] for properties in actions} == {
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    }
    for properties in actions:
        assert (properties["Action"], properties["State"]) == ("CANCEL", "RUNNABLE")
        assert 600 <= properties["MaxTimeSeconds"] <= 86_400


def test_attempts_are_repeated_as_the_core_says(shipped: Stack) -> None:
    for properties in definitions(shipped):
        statement = properties["RetryStrategy"]
        assert statement["Attempts"] == RETRY_STRATEGY["attempts"]
        rules = [
            {key[0].lower() + key[1:]: value for key, value in rule.items()} for rule in statement["EvaluateOnExit"]
        ]
        assert rules == RETRY_STRATEGY["evaluateOnExit"]
        assert len(rules) <= 5
        assert rules[-1] == {"onReason": "*", "action": "EXIT"}


def test_an_array_is_no_larger_than_batch_takes() -> None:
    """https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html: 2 to 10,000."""
    assert array_partition._CHILDREN <= 10_000


def test_a_job_runs_as_its_own_role_and_writes_into_a_log_that_ends(shipped: Stack) -> None:
    roles = shipped.properties_of("IAM::Role")
    for properties in definitions(shipped):
        container = properties["ContainerProperties"]
        assert properties["PlatformCapabilities"] == ["FARGATE"]
        assert container["JobRoleArn"] != container["ExecutionRoleArn"]
        assert {container[key].removesuffix(".Arn>")[1:] for key in ("JobRoleArn", "ExecutionRoleArn")} <= set(roles)
        options = container["LogConfiguration"]["Options"]
        assert options["awslogs-group"].strip("<>") in shipped.properties_of("Logs::LogGroup")
        assert options["awslogs-region"] == REGION


@pytest.mark.parametrize("name", ["picture-perfect"])
def test_what_batch_alone_knows_has_failed_reaches_the_overflow_queue(shipped: Stack, name: str) -> None:
    rule_name, rule = next(
        (key, properties)
        for key, properties in shipped.properties_of("Events::Rule").items()
        if properties.get("EventPattern", {}).get("source")
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
        statement
        for policy in shipped.properties_of("SQS::QueuePolicy").values()
        for statement in statements(policy["PolicyDocument"])
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    )
    assert let_in["Resource"] == [overflow]
    assert let_in["Condition"] == {"ArnEquals": {"aws:SourceArn": f"<{rule_name}.Arn>"}}
    assert "sqs:SendMessage" in let_in["Action"]

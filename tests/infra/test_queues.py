"""The queues: messages outlast a dead database and a bad deployment."""

from typing import Any

import pytest

from tests.infra.stack import Stack, statements

RECORDS, OVERFLOW = "picture-perfect-records", "picture-perfect-overflow"
DAYS_14 = 14 * 24 * 3600
READERS = {RECORDS: "record", OVERFLOW: "dispatch"}


def queue(stack: Stack, name: str) -> dict[str, Any]:
    return stack.only("SQS::Queue", QueueName=name)


def test_each_queue_that_is_read_has_a_dead_letter_queue_of_its_own(shipped: Stack) -> None:
    dead = {name: queue(shipped, name)["RedrivePolicy"]["deadLetterTargetArn"] for name in READERS}
    assert dead == {name: shipped.arn("SQS::Queue", QueueName=f"{name}-dead-letters") for name in READERS}
    assert {properties["QueueName"] for properties in shipped.properties_of("SQS::Queue").values()} == {
        *READERS,
        *(f"{name}-dead-letters" for name in READERS),
    }


def test_every_message_is_kept_for_fourteen_days(shipped: Stack) -> None:
    for properties in shipped.properties_of("SQS::Queue").values():
        assert properties["MessageRetentionPeriod"] == DAYS_14


@pytest.mark.parametrize(("name", "entry"), READERS.items())
def test_a_message_is_hidden_for_six_times_the_time_of_its_function(shipped: Stack, name: str, entry: str) -> None:
    assert queue(shipped, name)["VisibilityTimeout"] >= 6 * shipped.function(entry)["Timeout"]


def test_a_commit_is_received_for_fourteen_days(shipped: Stack) -> None:
    """SQS allows 1,000 receives at most."""
    assert queue(shipped, RECORDS)["RedrivePolicy"]["maxReceiveCount"] == 1000


def test_an_overflowing_image_outlasts_the_time_that_a_bad_deployment_may_take(shipped: Stack) -> None:
    overflow = queue(shipped, OVERFLOW)
    held = float(shipped.environment("dispatch")["HOLD_HOURS"]) * 3600
    assert overflow["RedrivePolicy"]["maxReceiveCount"] * overflow["VisibilityTimeout"] > held


def test_every_queue_is_encrypted_and_for_tls_only(shipped: Stack) -> None:
    denied = {
        statement["Resource"][0]
        for policy in shipped.properties_of("SQS::QueuePolicy").values()
        for statement in statements(policy["PolicyDocument"])
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert denied == {f"<{name}.Arn>" for name in shipped.properties_of("SQS::Queue")}
    assert all(properties["SqsManagedSseEnabled"] for properties in shipped.properties_of("SQS::Queue").values())


@pytest.mark.parametrize(("name", "entry"), READERS.items())
def test_only_the_failed_messages_of_a_batch_are_received_again(shipped: Stack, name: str, entry: str) -> None:
    mapping = shipped.only("Lambda::EventSourceMapping", EventSourceArn=shipped.arn("SQS::Queue", QueueName=name))
    function = shipped.logical_id("Lambda::Function", Description=f"handler.{entry}.handle")
    assert mapping["FunctionName"] == f"<{function}>"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: 2 to 1,000
    assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 1000
    # A batch of more than 10 messages needs a window of at least a second
    assert 10 < mapping["BatchSize"] <= 10_000
    assert 1 <= mapping["MaximumBatchingWindowInSeconds"] <= 300


def test_all_dispatchers_together_submit_less_often_than_an_account_may(shipped: Stack) -> None:
    overflow = shipped.arn("SQS::Queue", QueueName=OVERFLOW)
    scaling = shipped.only("Lambda::EventSourceMapping", EventSourceArn=overflow)["ScalingConfig"]
    each = float(shipped.environment("dispatch").get("SUBMITS_PER_SECOND", 5))
    assert scaling["MaximumConcurrency"] * each < 50


def test_no_function_reserves_concurrency_by_default(shipped: Stack, other: Stack) -> None:
    """With a quota of 10, AWS refuses any reservation, and the stack could not be created."""
    for properties in shipped.properties_of("Lambda::Function").values():
        assert "ReservedConcurrentExecutions" not in properties
    assert other.function("process")["ReservedConcurrentExecutions"] == 50

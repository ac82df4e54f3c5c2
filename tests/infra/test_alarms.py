"""The alarms: each is heard, and says what is to be done."""

import json
import re
from typing import Any

import pytest

from core.ports.metric_catalogue import METRICS_BY_NAME
from infra.observability import NAMESPACE
from tests.infra import variations
from tests.infra.conftest import Synthesize
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

ALWAYS = {
    "Blocked", "Failed", "Reconciled", "ProcessThrottles", "FailuresNotKept", "BatchFailures",
    "ReconcilerSilent", "UploadsRefused",
    "RecordsOld", "RecordsDeadLetters", "OverflowOld", "OverflowDeadLetters",
    *(f"{entry}Errors" for entry in ("Process", "Dispatch", "Record", "Admin", "Web")),
}  # fmt: skip
STREAM = {"KafkaLag", "KafkaRefused"}


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    found = stack.of("CloudWatch::Alarm").values()
    return {one["AlarmName"].rpartition("-")[2]: one for one in found}


def dimensions(metric: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}


def metrics(stack: Stack) -> list[dict[str, Any]]:
    """Of all alarms, those in a formula too."""
    found = []
    for one in alarms(stack).values():
        parts = [part["MetricStat"]["Metric"] for part in one.get("Metrics", []) if "MetricStat" in part]
        found += parts or [one]
    return found


def test_there_is_one_for_each_thing_that_can_go_wrong(shipped: Stack, other: Stack) -> None:
    assert set(alarms(shipped)) == ALWAYS
    assert set(alarms(other)) == ALWAYS | STREAM


def test_each_is_told_to_the_topic_when_it_comes_and_when_it_goes(shipped: Stack) -> None:
    topic = f"<{shipped.logical('SNS::Topic')}>"
    for name, one in alarms(shipped).items():
        assert one["AlarmActions"] == one["OKActions"] == [topic], name
        if name != "ReconcilerSilent":
            assert one["TreatMissingData"] == "notBreaching", "no news is what an idle system has"


def test_each_says_what_broke_and_what_to_do(other: Stack) -> None:
    for name, one in alarms(other).items():
        words = one["AlarmDescription"]
        assert len(words) <= 1024
        assert len(re.findall(r"[.!](?:\s|$)", words)) + words.count(":") >= 2, name
        assert re.search(r"\b(see|look|read|raise|say|says|mend|mended|is mended|goes|come)\b", words, re.IGNORECASE), (
            name
        )


def test_the_topic_lets_in_the_alarms_and_the_budgets_of_this_account(shipped: Stack) -> None:
    """A topic with a policy of its own has lost AWS's default one, by which they would have been let in."""
    topic = f"<{shipped.logical('SNS::Topic')}>"
    said = statements(shipped.one("SNS::TopicPolicy")["PolicyDocument"])
    let_in = {
        one["Principal"]["Service"]: one["Condition"]
        for one in said
        if one["Effect"] == "Allow" and one["Action"] == ["sns:Publish"] and one["Resource"] == [topic]
    }
    account = {"aws:SourceAccount": ACCOUNT}
    assert let_in == {
        "cloudwatch.amazonaws.com": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"},
            "StringEquals": account,
        },
        "budgets.amazonaws.com": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:budgets::{ACCOUNT}:*"},
            "StringEquals": account,
        },
    }
    assert any(
        one["Effect"] == "Deny" and one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for one in said
    )


def test_somebody_gets_them_by_mail_where_the_settings_say_who(shipped: Stack, other: Stack) -> None:
    assert not shipped.of("SNS::Subscription")
    mail = other.one("SNS::Subscription")
    assert (mail["Protocol"], mail["Endpoint"]) == ("email", "ops@example.com")


def test_a_message_that_waits_for_an_hour_is_told(shipped: Stack) -> None:
    for name, queue in (("RecordsOld", "records"), ("OverflowOld", "overflow")):
        one = alarms(shipped)[name]
        logical = shipped.logical("SQS::Queue", QueueName=f"picture-perfect-{queue}")
        assert (one["MetricName"], one["Threshold"]) == ("ApproximateAgeOfOldestMessage", 3600)
        assert dimensions(one) == {"QueueName": f"<{logical}.QueueName>"}


def test_the_first_dead_letter_is_told(shipped: Stack) -> None:
    for name, queue in (("RecordsDeadLetters", "records"), ("OverflowDeadLetters", "overflow")):
        one = alarms(shipped)[name]
        logical = shipped.logical("SQS::Queue", QueueName=f"picture-perfect-{queue}-dead-letters")
        assert (one["MetricName"], one["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
        assert dimensions(one) == {"QueueName": f"<{logical}.QueueName>"}


@pytest.mark.parametrize(("entry", "most"), [("Process", 5), ("Dispatch", 5), ("Record", 5), ("Web", 5), ("Admin", 1)])
def test_errors_of_each_function_are_told(shipped: Stack, entry: str, most: int) -> None:
    """A function that cannot be imported has no other sign behind Kafka; the reconciler runs once in an hour."""
    one = alarms(shipped)[f"{entry}Errors"]
    logical = shipped.logical("Lambda::Function", Description=f"handler.{entry.lower()}.handle")
    assert (one["Namespace"], one["MetricName"], one["Threshold"]) == ("AWS/Lambda", "Errors", most)
    assert dimensions(one) == {"FunctionName": f"<{logical}>"}


def test_a_reconciler_that_does_not_start_is_told_though_nothing_is_said(shipped: Stack) -> None:
    one = alarms(shipped)["ReconcilerSilent"]
    logical = shipped.logical("Lambda::Function", Description="handler.admin.handle")
    assert (one["Namespace"], one["MetricName"]) == ("AWS/Lambda", "Invocations")
    assert dimensions(one) == {"FunctionName": f"<{logical}>"}
    assert (one["Period"], one["EvaluationPeriods"]) == (3600, 3)
    assert (one["ComparisonOperator"], one["Threshold"], one["TreatMissingData"]) == (
        "LessThanThreshold",
        1,
        "breaching",
    )


def test_the_lag_of_the_stream_is_told(other: Stack) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics."""
    one = alarms(other)["KafkaLag"]
    assert (one["Namespace"], one["MetricName"], one["Threshold"]) == ("AWS/Lambda", "OffsetLag", 10_000)
    assert dimensions(one) == {"FunctionName": "company-images-process"}


def test_each_job_that_failed_counts(shipped: Stack) -> None:
    one = alarms(shipped)["BatchFailures"]
    rule = shipped.logical("Events::Rule", Name="picture-perfect-batch-job-failed")
    assert (one["Namespace"], one["MetricName"]) == ("AWS/Events", "MatchedEvents")
    assert dimensions(one) == {"RuleName": f"<{rule}>"}


def test_thresholds_are_the_settings(synthesize: Synthesize) -> None:
    stack = synthesize(
        variations.MSK
        + "[alarms]\noldest_message_minutes = 7\nfailed_images = 11\nfunction_errors = 12\nbatch_failures = 13\n"
        "reconciled_images = 14\nrefused_records = 15\nkafka_lag_records = 16\n"
    )
    found = {name: one["Threshold"] for name, one in alarms(stack).items()}
    assert found["RecordsOld"] == found["OverflowOld"] == 7 * 60
    assert [found[name] for name in ("Failed", "ProcessErrors", "BatchFailures", "Reconciled")] == [11, 12, 13, 14]
    assert [found[name] for name in ("KafkaRefused", "KafkaLag")] == [15, 16]


def test_the_spend_of_what_carries_the_tag_is_told_at_four_fifths_and_before_it_is_exceeded(
    shipped: Stack, other: Stack
) -> None:
    assert not other.of("Budgets::Budget"), "0 is none"
    budget = shipped.one("Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:application$picture-perfect"]}
    assert [
        (one["Notification"]["NotificationType"], one["Notification"]["Threshold"])
        for one in budget["NotificationsWithSubscribers"]
    ] == [("ACTUAL", 80), ("FORECASTED", 100)]
    topic = f"<{shipped.logical('SNS::Topic')}>"
    for one in budget["NotificationsWithSubscribers"]:
        assert one["Subscribers"] == [{"Address": topic, "SubscriptionType": "SNS"}]
    assert all({"Key": "application", "Value": "picture-perfect"} in queue["Tags"] for queue in tagged(shipped))


def tagged(stack: Stack) -> list[dict[str, Any]]:
    kinds = ("SQS::Queue", "S3::Bucket", "Lambda::Function", "RDS::DBCluster", "RDS::DBInstance")
    return [one for kind in kinds for one in stack.of(kind).values()]


def test_what_batch_runs_is_counted_with_the_spend(shipped: Stack) -> None:
    for one in shipped.of("Batch::JobDefinition").values():
        assert one["PropagateTags"] is True
        assert one["Tags"] == {"application": "picture-perfect"}


def test_the_metrics_are_looked_for_where_they_are_written(shipped: Stack, other: Stack) -> None:
    for stack, namespace in ((shipped, NAMESPACE), (other, "Company/Pictures")):
        own = {one["Namespace"] for one in metrics(stack)} - {"AWS/SQS", "AWS/Lambda", "AWS/Events"}
        assert own == {namespace}
        for entry in ("process", "dispatch", "admin"):
            assert stack.environment(entry).get("METRICS_NAMESPACE", NAMESPACE) == namespace
        assert f"{{{namespace},source,route}}" in json.dumps(stack.one("CloudWatch::Dashboard"))


def test_every_metric_of_our_own_is_one_that_is_sent(other: Stack) -> None:
    """By name and by its set of dimensions: an alarm on another would never ring."""
    own = [one for one in metrics(other) if one["Namespace"] == "Company/Pictures"]
    assert {one["MetricName"] for one in own} == {"Blocked", "Images", "Reconciled", "Refused"}
    for one in own:
        asked = dimensions(one)
        declared = METRICS_BY_NAME[one["MetricName"]]
        assert frozenset(asked) in {frozenset(names) for names in declared.dimension_sets}, one["MetricName"]
        known = {each.name: each.values for group in declared.sets for each in group}
        assert all(value in known[name] for name, value in asked.items())

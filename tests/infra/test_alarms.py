"""CloudWatch's alarms: each notifies the topic, is on a metric that is sent, and names a remedy."""

import json
from typing import Any

import pytest

from infra.alerts.definitions import ALERTS
from infra.alerts.values import describe
from infra.constructs.observability import NAMESPACE
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
    result = stack.properties_of("CloudWatch::Alarm").values()
    return {properties["AlarmName"].rpartition("-")[2]: properties for properties in result}


def dimensions(metric: dict[str, Any]) -> dict[str, str]:
    return {properties["Name"]: properties["Value"] for properties in metric.get("Dimensions", [])}


def metrics(stack: Stack) -> list[dict[str, Any]]:
    """The metrics of all alarms, with those in expressions."""
    result = []
    for properties in alarms(stack).values():
        parts = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", []) if "MetricStat" in part]
        result += parts or [properties]
    return result


def test_the_alarms_of_each_deployment(shipped: Stack, other: Stack) -> None:
    assert set(alarms(shipped)) == ALWAYS
    assert set(alarms(other)) == ALWAYS | STREAM


def test_each_notifies_the_topic_when_it_goes_off_and_when_it_is_over(shipped: Stack) -> None:
    topic = f"<{shipped.logical_id('SNS::Topic')}>"
    for name, properties in alarms(shipped).items():
        assert properties["AlarmActions"] == properties["OKActions"] == [topic], name
        if name != "ReconcilerSilent":
            assert properties["TreatMissingData"] == "notBreaching", "an idle system sends no data"


def test_each_description_is_the_condition_and_the_remedy_of_its_row(other: Stack) -> None:
    """CloudWatch takes 1,024 characters: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    for name, properties in alarms(other).items():
        ((alert, alarm),) = [(row, each) for row in ALERTS for each in row.alarms if each.name == name]
        assert properties["AlarmDescription"] == describe(alert, alarm, properties["Threshold"], "company-images")
        assert len(properties["AlarmDescription"]) <= 1024
        assert "{" not in properties["AlarmDescription"]


def test_every_alarm_of_the_table_is_in_the_stack(other: Stack) -> None:
    assert set(alarms(other)) == {alarm.name for alert in ALERTS for alarm in alert.alarms}


def test_thresholds_are_those_of_the_table_unless_the_settings_replace_them(shipped: Stack) -> None:
    of_table = {alarm.name: alarm.threshold for alert in ALERTS for alarm in alert.alarms}
    assert {name: properties["Threshold"] for name, properties in alarms(shipped).items()} == {
        name: of_table[name] for name in ALWAYS
    }


def test_the_topic_lets_in_the_alarms_and_the_budgets_of_this_account(shipped: Stack) -> None:
    """A topic's own policy replaces AWS's default one, which would let them publish."""
    topic = f"<{shipped.logical_id('SNS::Topic')}>"
    policy = statements(shipped.only("SNS::TopicPolicy")["PolicyDocument"])
    allowed = {
        statement["Principal"]["Service"]: statement["Condition"]
        for statement in policy
        if statement["Effect"] == "Allow"
        and statement["Action"] == ["sns:Publish"]
        and statement["Resource"] == [topic]
    }
    account = {"aws:SourceAccount": ACCOUNT}
    assert allowed == {
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
        statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy
    )


def test_alarms_are_mailed_to_the_address_of_the_settings(shipped: Stack, other: Stack) -> None:
    assert not shipped.properties_of("SNS::Subscription")
    mail = other.only("SNS::Subscription")
    assert (mail["Protocol"], mail["Endpoint"]) == ("email", "ops@example.com")


def test_a_message_that_waits_for_an_hour_sets_off_an_alarm(shipped: Stack) -> None:
    for name, queue in (("RecordsOld", "records"), ("OverflowOld", "overflow")):
        properties = alarms(shipped)[name]
        logical = shipped.logical_id("SQS::Queue", QueueName=f"picture-perfect-{queue}")
        assert (properties["MetricName"], properties["Threshold"]) == ("ApproximateAgeOfOldestMessage", 3600)
        assert dimensions(properties) == {"QueueName": f"<{logical}.QueueName>"}


def test_the_first_dead_letter_sets_off_an_alarm(shipped: Stack) -> None:
    for name, queue in (("RecordsDeadLetters", "records"), ("OverflowDeadLetters", "overflow")):
        properties = alarms(shipped)[name]
        logical = shipped.logical_id("SQS::Queue", QueueName=f"picture-perfect-{queue}-dead-letters")
        assert (properties["MetricName"], properties["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
        assert dimensions(properties) == {"QueueName": f"<{logical}.QueueName>"}


@pytest.mark.parametrize(("entry", "most"), [("Process", 5), ("Dispatch", 5), ("Record", 5), ("Web", 5), ("Admin", 1)])
def test_errors_of_each_function_set_off_an_alarm(shipped: Stack, entry: str, most: int) -> None:
    """Behind Kafka, a function that cannot be imported has no other sign. The reconciler runs once an hour."""
    properties = alarms(shipped)[f"{entry}Errors"]
    logical = shipped.logical_id("Lambda::Function", Description=f"handler.{entry.lower()}.handle")
    assert (properties["Namespace"], properties["MetricName"], properties["Threshold"]) == (
        "AWS/Lambda",
        "Errors",
        most,
    )
    assert dimensions(properties) == {"FunctionName": f"<{logical}>"}


def test_a_reconciler_that_does_not_start_sets_off_an_alarm_without_data(shipped: Stack) -> None:
    properties = alarms(shipped)["ReconcilerSilent"]
    logical = shipped.logical_id("Lambda::Function", Description="handler.admin.handle")
    assert (properties["Namespace"], properties["MetricName"]) == ("AWS/Lambda", "Invocations")
    assert dimensions(properties) == {"FunctionName": f"<{logical}>"}
    assert (properties["Period"], properties["EvaluationPeriods"]) == (3600, 3)
    assert (properties["ComparisonOperator"], properties["Threshold"], properties["TreatMissingData"]) == (
        "LessThanThreshold",
        1,
        "breaching",
    )


def test_the_lag_of_kafka_sets_off_an_alarm(other: Stack) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics."""
    properties = alarms(other)["KafkaLag"]
    assert (properties["Namespace"], properties["MetricName"], properties["Threshold"]) == (
        "AWS/Lambda",
        "OffsetLag",
        10_000,
    )
    assert dimensions(properties) == {"FunctionName": "company-images-process"}


def test_each_job_that_failed_counts(shipped: Stack) -> None:
    properties = alarms(shipped)["BatchFailures"]
    rule = shipped.logical_id("Events::Rule", Name="picture-perfect-batch-job-failed")
    assert (properties["Namespace"], properties["MetricName"]) == ("AWS/Events", "MatchedEvents")
    assert dimensions(properties) == {"RuleName": f"<{rule}>"}


def test_the_settings_replace_thresholds(synthesize: Synthesize) -> None:
    stack = synthesize(
        variations.MSK
        + "[alarms]\noldest_message_minutes = 7\nfailed_images = 11\nfunction_errors = 12\nbatch_failures = 13\n"
        "reconciled_images = 14\nrefused_records = 15\nkafka_lag_records = 16\n"
    )
    result = {name: properties["Threshold"] for name, properties in alarms(stack).items()}
    assert result["RecordsOld"] == result["OverflowOld"] == 7 * 60
    assert [result[name] for name in ("Failed", "ProcessErrors", "BatchFailures", "Reconciled")] == [11, 12, 13, 14]
    assert [result[name] for name in ("KafkaRefused", "KafkaLag")] == [15, 16]


def test_the_budget_notifies_at_four_fifths_and_before_it_is_exceeded(shipped: Stack, other: Stack) -> None:
    assert not other.properties_of("Budgets::Budget"), "0: no budget"
    budget = shipped.only("Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:application$picture-perfect"]}
    assert [
        (properties["Notification"]["NotificationType"], properties["Notification"]["Threshold"])
        for properties in budget["NotificationsWithSubscribers"]
    ] == [("ACTUAL", 80), ("FORECASTED", 100)]
    topic = f"<{shipped.logical_id('SNS::Topic')}>"
    for properties in budget["NotificationsWithSubscribers"]:
        assert properties["Subscribers"] == [{"Address": topic, "SubscriptionType": "SNS"}]
    assert len(tagged(shipped)) > 10
    assert all({"Key": "application", "Value": "picture-perfect"} in each["Tags"] for each in tagged(shipped))


def tagged(stack: Stack) -> list[dict[str, Any]]:
    kinds = ("SQS::Queue", "S3::Bucket", "Lambda::Function", "RDS::DBCluster", "RDS::DBInstance")
    return [properties for kind in kinds for properties in stack.properties_of(kind).values()]


def test_batch_tasks_carry_the_tag_of_the_budget(shipped: Stack) -> None:
    for properties in shipped.properties_of("Batch::JobDefinition").values():
        assert properties["PropagateTags"] is True
        assert properties["Tags"] == {"application": "picture-perfect"}


def test_alarms_and_functions_use_one_metrics_namespace(shipped: Stack, other: Stack) -> None:
    for stack, namespace in ((shipped, NAMESPACE), (other, "Company/Pictures")):
        own = {properties["Namespace"] for properties in metrics(stack)} - {"AWS/SQS", "AWS/Lambda", "AWS/Events"}
        assert own == {namespace}
        for entry in ("process", "dispatch", "admin"):
            assert stack.environment(entry).get("METRICS_NAMESPACE", NAMESPACE) == namespace
        assert f"{{{namespace},source,route}}" in json.dumps(stack.only("CloudWatch::Dashboard"))

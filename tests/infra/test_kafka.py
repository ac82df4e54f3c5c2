"""Kafka: a mapping for each topic, with the options of its mode; failed batches are kept whole in the bucket."""

from typing import Any

import pytest

from tests.infra import variations
from tests.infra.conftest import Synthesize
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

PICTURES = f"arn:aws:s3:::picture-perfect-pictures-{ACCOUNT}-{REGION}"
#: Properties of provisioned mode only: https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
PROVISIONED = {
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "MaximumRetryAttempts",
    "ProvisionedPollerConfig",
}


def mappings(stack: Stack) -> dict[str, dict[str, Any]]:
    return {
        properties["Topics"][0]: properties
        for properties in stack.properties_of("Lambda::EventSourceMapping").values()
        if "Topics" in properties
    }


def allowed(stack: Stack) -> dict[str, list[str]]:
    """The resources of each action that the role of `process` allows."""
    name = stack.function("process")["Role"].removesuffix(".Arn>")[1:]
    result: dict[str, list[str]] = {}
    for policy in stack.properties_of("IAM::Role")[name]["Policies"]:
        for statement in statements(policy["PolicyDocument"]):
            for action in statement["Action"]:
                result.setdefault(action, []).extend(statement["Resource"])
    return result


def test_without_kafka_the_template_has_nothing_of_it(shipped: Stack) -> None:
    assert not mappings(shipped)
    assert not [action for action in allowed(shipped) if action.startswith(("kafka", "ec2", "secrets", "kms"))]
    assert "Kafka" not in shipped.text


def test_each_topic_has_a_mapping_and_a_consumer_group_of_its_own(synthesize: Synthesize) -> None:
    """AWS: the consumer group must be unique among all Kafka event sources."""
    result = mappings(synthesize(variations.MSK))
    groups = {
        topic: properties["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
        for topic, properties in result.items()
    }
    assert groups == {"images": "picture-perfect-images", "scans.acme": "picture-perfect-scans.acme"}


@pytest.mark.parametrize("settings", [variations.MSK, variations.MSK_BY_SECRET, variations.SELF_MANAGED_PLAIN])
def test_batches_that_fail_too_often_are_kept_whole_in_the_bucket(synthesize: Synthesize, settings: str) -> None:
    stack = synthesize(settings)
    for properties in mappings(stack).values():
        assert properties["DestinationConfig"] == {"OnFailure": {"Destination": PICTURES}}
    assert allowed(stack)["s3:PutObject"].count(f"{PICTURES}/aws/lambda/*") == 1
    assert PICTURES in allowed(stack)["s3:ListBucket"]


def test_on_demand_asks_for_nothing_that_only_provisioned_mode_has(synthesize: Synthesize) -> None:
    for settings in (variations.MSK, variations.MSK_SERVERLESS, variations.SELF_MANAGED_PLAIN):
        stack = synthesize(settings)
        for properties in mappings(stack).values():
            assert not PROVISIONED & set(properties)
        assert "REPORT_BATCH_ITEM_FAILURES" not in stack.environment("process")


def test_provisioned_mode_reports_each_record_and_the_function_knows(other: Stack) -> None:
    (properties,) = mappings(other).values()
    assert set(properties) >= PROVISIONED
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["MaximumRetryAttempts"] == 3
    assert properties["ProvisionedPollerConfig"] == {"MinimumPollers": 1, "MaximumPollers": 4}
    assert other.environment("process")["REPORT_BATCH_ITEM_FAILURES"] == "true"


def test_batches_are_as_the_settings_say(synthesize: Synthesize) -> None:
    stack = synthesize(variations.MSK + 'batch_size = 7\nwindow_seconds = 3\nstart = "LATEST"')
    for properties in mappings(stack).values():
        assert (
            properties["BatchSize"],
            properties["MaximumBatchingWindowInSeconds"],
            properties["StartingPosition"],
        ) == (7, 3, "LATEST")


def test_msk_is_read_by_iam_and_by_the_names_of_its_topics(synthesize: Synthesize) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/msk-cluster-auth.html."""
    stack = synthesize(variations.MSK)
    assert {properties["EventSourceArn"] for properties in mappings(stack).values()} == {variations._CLUSTER}
    may = allowed(stack)
    within = variations._CLUSTER.split(":cluster/", 1)[1]
    base = f"arn:aws:kafka:eu-west-1:{ACCOUNT}"
    assert may["kafka-cluster:ReadData"] == [f"{base}:topic/{within}/images", f"{base}:topic/{within}/scans.acme"]
    assert may["kafka-cluster:AlterGroup"] == [
        f"{base}:group/{within}/picture-perfect-{topic}" for topic in ("images", "scans.acme")
    ]
    assert may["kafka:GetBootstrapBrokers"] == may["kafka-cluster:Connect"] == [variations._CLUSTER]
    assert "kafka-cluster:WriteData" not in may


def test_the_role_reads_its_secret_and_its_key_only(synthesize: Synthesize) -> None:
    stack = synthesize(variations.MSK_BY_SECRET)
    (properties,) = mappings(stack).values()
    (access,) = properties["SourceAccessConfigurations"]
    assert access["Type"] == "SASL_SCRAM_512_AUTH"
    assert allowed(stack)["secretsmanager:GetSecretValue"] == [access["URI"]]
    assert allowed(stack)["kms:Decrypt"] == [
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d-0000-0000-0000-000000000000"
    ]


def test_self_managed_brokers_are_reached_as_the_settings_say(other: Stack) -> None:
    (properties,) = mappings(other).values()
    assert properties["SelfManagedEventSource"]["Endpoints"]["KafkaBootstrapServers"] == [
        "broker-1.example.com:9092",
        "broker-2.example.com:9092",
    ]
    assert [access["Type"] for access in properties["SourceAccessConfigurations"]] == [
        "SASL_SCRAM_256_AUTH",
        "SERVER_ROOT_CA_CERTIFICATE",
        "VPC_SUBNET",
        "VPC_SUBNET",
        "VPC_SECURITY_GROUP",
    ]
    assert "EventSourceArn" not in properties


def test_endpoints_that_are_paid_for_are_made_only_where_they_are_asked_for(synthesize: Synthesize) -> None:
    def services(settings: str) -> set[str]:
        endpoints = synthesize(settings).properties_of("EC2::VPCEndpoint").values()
        return {properties["ServiceName"] for properties in endpoints if properties["VpcEndpointType"] == "Interface"}

    base = f"com.amazonaws.{REGION}"
    assert services(variations.MSK) == set()
    assert services(variations.MSK_SERVERLESS) == {f"{base}.lambda", f"{base}.sts"}


def test_process_and_dispatch_have_the_customer_rules(synthesize: Synthesize) -> None:
    stack = synthesize(variations.MSK)
    for entry in ("process", "dispatch"):
        environment = stack.environment(entry)
        assert (environment["KAFKA_CUSTOMERS"], environment["KAFKA_PIPELINE"]) == ("topic:scans.{customer} key", "web")

"""The stream: an event source mapping for each topic, that reads for the function `process`.

How the mappings are set follows https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html: retry
limits, halved batches and partial answers in provisioned mode alone. In on-demand mode a batch that fails is tried ten
times more, as there is a failure destination.
"""

from typing import Any

from aws_cdk import Arn, ArnFormat, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import roles
from infra.settings import Kafka as KafkaSettings
from infra.settings import Settings


def environment(settings: KafkaSettings) -> dict[str, str]:
    """What `process` and `dispatch` must know of the stream."""
    said = {"KAFKA_CUSTOMERS": settings.customers, "KAFKA_PIPELINE": settings.pipeline}
    return {name: value for name, value in said.items() if value}


def statements(settings: Settings) -> list[iam.PolicyStatement]:
    """What the mapping does in the name of the function's role.

    https://docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html
    """
    kafka = settings.kafka
    found = []
    if kafka.kind in {"msk", "msk-serverless"}:
        found.append(
            roles.allow(
                ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"], kafka.cluster_arn
            )
        )
        found += _as_reader(kafka)
    if kafka.kind != "none" and (kafka.kind != "self-managed" or kafka.subnet_ids):
        found += _interfaces()
    secrets = [arn for arn in (kafka.secret_arn, kafka.root_ca_secret_arn) if arn]
    if secrets:
        found.append(roles.allow(["secretsmanager:GetSecretValue"], *secrets))
    if kafka.secret_key_arn:
        found.append(roles.allow(["kms:Decrypt"], kafka.secret_key_arn))
    return found


def consumer_group(settings: KafkaSettings, topic: str) -> str:
    """AWS wants one for each event source."""
    return f"{settings.consumer_group}-{topic}"


class Kafka(Construct):
    """One mapping for each topic. Records that fail too often are put, whole, under `aws/lambda/` in the bucket."""

    def __init__(
        self, scope: Construct, settings: KafkaSettings, function: lambda_.IFunction, bucket_arn: str, after: Construct
    ) -> None:
        super().__init__(scope, "Kafka")
        self._settings = settings
        for topic in settings.topics:
            mapping = lambda_.CfnEventSourceMapping(
                self,
                f"Topic-{topic}",
                function_name=function.function_arn,
                topics=[topic],
                starting_position=settings.start,
                batch_size=settings.batch_size,
                maximum_batching_window_in_seconds=settings.window_seconds,
                destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                    on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=bucket_arn)
                ),
                **self._source(consumer_group(settings, topic)),
                **self._pollers(),
            )
            mapping.node.add_dependency(after)
        if settings.endpoints:
            self._endpoints()

    def _source(self, group: str) -> dict[str, Any]:
        settings, own = self._settings, lambda_.CfnEventSourceMapping
        access = [own.SourceAccessConfigurationProperty(type=kind, uri=uri) for kind, uri in self._access() if uri]
        given = {"source_access_configurations": access} if access else {}
        if settings.kind == "self-managed":
            return {
                **given,
                "self_managed_event_source": own.SelfManagedEventSourceProperty(
                    endpoints=own.EndpointsProperty(kafka_bootstrap_servers=list(settings.bootstrap_servers))
                ),
                "self_managed_kafka_event_source_config": own.SelfManagedKafkaEventSourceConfigProperty(
                    consumer_group_id=group
                ),
            }
        return {
            **given,
            "event_source_arn": settings.cluster_arn,
            "amazon_managed_kafka_event_source_config": own.AmazonManagedKafkaEventSourceConfigProperty(
                consumer_group_id=group
            ),
        }

    def _access(self) -> list[tuple[str, str]]:
        settings = self._settings
        found: list[tuple[str, str]] = [(settings.authentication or "SASL_SCRAM_512_AUTH", settings.secret_arn)]
        if settings.kind == "self-managed":
            found.append(("SERVER_ROOT_CA_CERTIFICATE", settings.root_ca_secret_arn))
            found += [("VPC_SUBNET", f"subnet:{subnet}") for subnet in settings.subnet_ids]
            found += [("VPC_SECURITY_GROUP", f"security_group:{group}") for group in settings.security_group_ids]
        return found

    def _pollers(self) -> dict[str, Any]:
        """What provisioned mode alone can; the function ends each image without it."""
        settings = self._settings
        if settings.mode == "on-demand":
            return {}
        return {
            "provisioned_poller_config": lambda_.CfnEventSourceMapping.ProvisionedPollerConfigProperty(
                minimum_pollers=settings.min_pollers, maximum_pollers=settings.max_pollers
            ),
            "maximum_retry_attempts": settings.retries,
            "bisect_batch_on_function_error": True,
            "function_response_types": ["ReportBatchItemFailures"],
        }

    def _endpoints(self) -> None:
        """What a mapping in a VPC calls from inside it.

        https://docs.aws.amazon.com/lambda/latest/dg/with-msk-cluster-network.html
        """
        settings = self._settings
        secrets = ["secretsmanager"] if settings.secret_arn or settings.root_ca_secret_arn else []
        for service in ("lambda", "sts", *secrets):
            ec2.CfnVPCEndpoint(
                self,
                f"Endpoint-{service}",
                vpc_id=settings.vpc_id,
                service_name=Fn.sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(settings.subnet_ids),
                security_group_ids=list(settings.security_group_ids),
            )


def _as_reader(kafka: KafkaSettings) -> list[iam.PolicyStatement]:
    """For clusters that know their readers by IAM, as MSK Serverless does: cluster, topics and group, by name."""
    if kafka.secret_arn:
        return []
    cluster = Arn.split(kafka.cluster_arn, ArnFormat.SLASH_RESOURCE_NAME)
    named = str(cluster.resource_name)

    def inside(kind: str, name: str) -> str:
        return f"arn:{cluster.partition}:kafka:{cluster.region}:{cluster.account}:{kind}/{named}/{name}"

    return [
        roles.allow(["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"], kafka.cluster_arn),
        roles.allow(
            ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
            *(inside("topic", topic) for topic in kafka.topics),
        ),
        roles.allow(
            ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"],
            *(inside("group", consumer_group(kafka, topic)) for topic in kafka.topics),
        ),
    ]


def _interfaces() -> list[iam.PolicyStatement]:
    """The mapping's own way into the brokers' VPC; these actions have no narrower resource."""
    actions = ["CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeVpcs", "DeleteNetworkInterface"]
    return [roles.allow([f"ec2:{action}" for action in (*actions, "DescribeSubnets", "DescribeSecurityGroups")], "*")]

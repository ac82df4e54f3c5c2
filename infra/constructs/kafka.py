"""Kafka: an event source mapping for each topic, which invokes the function `process`.

Retry limits, bisected batches and partial responses exist in provisioned mode only. In on-demand mode with a failure
destination, a failed batch is retried ten times. https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
"""

from typing import Any

from aws_cdk import Arn, ArnFormat, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs import roles
from infra.settings.schema import Kafka as KafkaSettings
from infra.settings.schema import Settings


def environment(settings: KafkaSettings) -> dict[str, str]:
    """The environment of `process` and `dispatch` that names the customer and the pipeline of a record."""
    variables = {"KAFKA_CUSTOMERS": settings.customers, "KAFKA_PIPELINE": settings.pipeline}
    return {name: value for name, value in variables.items() if value}


def role_statements(settings: Settings) -> list[iam.PolicyStatement]:
    """Statements of the role of `process` that the mappings use.

    https://docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html
    """
    kafka = settings.kafka
    statements = []
    if kafka.kind in {"msk", "msk-serverless"}:
        statements.append(
            roles.allow(
                ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"], kafka.cluster_arn
            )
        )
        statements += _iam_reader_statements(kafka)
    if kafka.kind != "none" and (kafka.kind != "self-managed" or kafka.subnet_ids):
        statements += _network_interface_statements()
    secrets = [arn for arn in (kafka.secret_arn, kafka.root_ca_secret_arn) if arn]
    if secrets:
        statements.append(roles.allow(["secretsmanager:GetSecretValue"], *secrets))
    if kafka.secret_key_arn:
        statements.append(roles.allow(["kms:Decrypt"], kafka.secret_key_arn))
    return statements


def consumer_group(settings: KafkaSettings, topic: str) -> str:
    """The consumer group of one topic: AWS wants a group for each event source."""
    return f"{settings.consumer_group}-{topic}"


class KafkaEventSources(Construct):
    """One mapping for each topic. Batches that fail too often are written, whole, under `aws/lambda/` in the bucket."""

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
                **self._event_source(consumer_group(settings, topic)),
                **self._provisioned_mode(),
            )
            mapping.node.add_dependency(after)
        if settings.endpoints:
            self._add_endpoints()

    def _event_source(self, group: str) -> dict[str, Any]:
        settings, mapping = self._settings, lambda_.CfnEventSourceMapping
        access = [mapping.SourceAccessConfigurationProperty(type=kind, uri=uri) for kind, uri in self._access() if uri]
        common = {"source_access_configurations": access} if access else {}
        if settings.kind == "self-managed":
            return {
                **common,
                "self_managed_event_source": mapping.SelfManagedEventSourceProperty(
                    endpoints=mapping.EndpointsProperty(kafka_bootstrap_servers=list(settings.bootstrap_servers))
                ),
                "self_managed_kafka_event_source_config": mapping.SelfManagedKafkaEventSourceConfigProperty(
                    consumer_group_id=group
                ),
            }
        return {
            **common,
            "event_source_arn": settings.cluster_arn,
            "amazon_managed_kafka_event_source_config": mapping.AmazonManagedKafkaEventSourceConfigProperty(
                consumer_group_id=group
            ),
        }

    def _access(self) -> list[tuple[str, str]]:
        """Source access configurations as pairs of type and URI; an empty URI means that there is none."""
        settings = self._settings
        access: list[tuple[str, str]] = [(settings.authentication or "SASL_SCRAM_512_AUTH", settings.secret_arn)]
        if settings.kind == "self-managed":
            access.append(("SERVER_ROOT_CA_CERTIFICATE", settings.root_ca_secret_arn))
            access += [("VPC_SUBNET", f"subnet:{subnet}") for subnet in settings.subnet_ids]
            access += [("VPC_SECURITY_GROUP", f"security_group:{group}") for group in settings.security_group_ids]
        return access

    def _provisioned_mode(self) -> dict[str, Any]:
        """Arguments that exist in provisioned mode only. `process` ends every image without them too."""
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

    def _add_endpoints(self) -> None:
        """Interface endpoints of the services that a mapping calls from inside a VPC.

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


def _iam_reader_statements(kafka: KafkaSettings) -> list[iam.PolicyStatement]:
    """For clusters with IAM authentication: the cluster, the topics and the consumer groups, by name."""
    if kafka.secret_arn:
        return []
    cluster = Arn.split(kafka.cluster_arn, ArnFormat.SLASH_RESOURCE_NAME)
    cluster_name = str(cluster.resource_name)

    def arn(kind: str, name: str) -> str:
        return f"arn:{cluster.partition}:kafka:{cluster.region}:{cluster.account}:{kind}/{cluster_name}/{name}"

    return [
        roles.allow(["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"], kafka.cluster_arn),
        roles.allow(
            ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
            *(arn("topic", topic) for topic in kafka.topics),
        ),
        roles.allow(
            ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"],
            *(arn("group", consumer_group(kafka, topic)) for topic in kafka.topics),
        ),
    ]


def _network_interface_statements() -> list[iam.PolicyStatement]:
    """The mapping's network interfaces in the brokers' VPC; IAM accepts no narrower resource for these actions."""
    actions = ["CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeVpcs", "DeleteNetworkInterface"]
    return [roles.allow([f"ec2:{action}" for action in (*actions, "DescribeSubnets", "DescribeSecurityGroups")], "*")]

"""A Lambda function of the container image, with its role, its log group and its event source."""

from typing import cast

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs import roles
from infra.constructs.image import ContainerImage
from infra.constructs.network import Network
from infra.settings.schema import Settings


def log_group(scope: Construct, name: str, settings: Settings) -> logs.LogGroup:
    """A log group with a retention of `functions.log_days`, deleted with the stack."""
    group = logs.LogGroup(scope, "Log", log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = settings.functions.log_days
    return group


class Function(Construct):
    """`handler.<entry>.handle` of the image. Its role allows `statements` and writing its log; CDK adds nothing."""

    def __init__(
        self,
        scope: Construct,
        entry: str,
        settings: Settings,
        image: ContainerImage,
        statements: list[iam.PolicyStatement],
        environment: dict[str, str],
        *,
        timeout_seconds: int,
        memory_mb: int,
        disk_mb: int = 512,
        reserved_concurrency: int = 0,
        network: Network | None = None,
    ) -> None:
        """With a `network` it runs in the database's VPC. `reserved_concurrency`: 0 reserves none."""
        super().__init__(scope, entry.capitalize())
        self.entry, self.name = entry, f"{settings.name}-{entry}"
        log = log_group(self, f"/aws/lambda/{self.name}", settings)
        vpc = roles.vpc_access(self.name) if network else []
        role = roles.role(
            self,
            "Role",
            "lambda.amazonaws.com",
            [*statements, *vpc, roles.write_log(log.log_group_arn)],
            f"Permissions of the function {self.name}",
        )
        arm = settings.image.architecture == "arm64"
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=self.name,
            description=f"handler.{entry}.handle",
            code=image.code(f"handler.{entry}.handle"),
            architecture=lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64,
            role=role.without_policy_updates(),
            environment=environment,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            ephemeral_storage_size=Size.mebibytes(disk_mb),
            reserved_concurrent_executions=reserved_concurrency or None,
            log_group=log,
            vpc=network.database_vpc if network else None,
            vpc_subnets=network.database_subnets if network else None,
            security_groups=[network.functions] if network else None,
        )

    def add_queue_source(self, queue_arn: str, *, batch_size: int, window_seconds: int, max_concurrency: int) -> None:
        """Read an SQS queue. Only the messages of a batch that failed are received again."""
        lambda_.EventSourceMapping(
            self,
            "Queue",
            target=self.function,
            event_source_arn=queue_arn,
            batch_size=batch_size,
            max_batching_window=Duration.seconds(window_seconds),
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
        )

    def add_failure_destination(self, bucket_arn: str, after: Construct) -> None:
        """Write the events of failed asynchronous invocations to the bucket, once `after` exists.

        Events are kept for six hours, the longest that Lambda allows, since a bad deployment takes hours to be noticed.
        """
        config = lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=21_600,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=bucket_arn)
            ),
        )
        config.node.add_dependency(after)

    def add_permission(self, service: str, source_arn: str) -> lambda_.CfnPermission:
        """Let an AWS service of this account invoke the function for `source_arn`."""
        return lambda_.CfnPermission(
            self,
            f"From{service.split('.', 1)[0].capitalize()}",
            action="lambda:InvokeFunction",
            function_name=self.function.function_arn,
            principal=service,
            source_arn=source_arn,
            source_account=Stack.of(self).account,
        )

"""The functions: one image, told apart by their command; each with a log and a role of its own."""

from typing import cast

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import roles
from infra.image import ContainerImage
from infra.network import Network
from infra.settings import Settings


def log_group(scope: Construct, name: str, settings: Settings) -> logs.LogGroup:
    """Kept for `functions.log_days`, and gone with the stack."""
    group = logs.LogGroup(scope, "Log", log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = settings.functions.log_days
    return group


class Function(Construct):
    """`handler.<entry>.handle` of the image. What it may do is `statements` and its own log; nothing else is added."""

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
        """With a `network` it is inside the database's. Memory and disk in MB; no reserved concurrency: 0."""
        super().__init__(scope, entry.capitalize())
        self.name = f"{settings.name}-{entry}"
        self.timeout_seconds = timeout_seconds
        self.log = log_group(self, f"/aws/lambda/{self.name}", settings)
        vpc = roles.inside_vpc(self.name) if network else []
        self.role = roles.role(
            self,
            "Role",
            "lambda.amazonaws.com",
            [*statements, *vpc, roles.writes_log(self.log.log_group_arn)],
            f"What {self.name} may do, and nothing else",
        )
        arm = settings.image.architecture == "arm64"
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=self.name,
            description=f"handler.{entry}.handle",
            code=image.code(f"handler.{entry}.handle"),
            architecture=lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64,
            role=self.role.without_policy_updates(),
            environment=environment,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            ephemeral_storage_size=Size.mebibytes(disk_mb),
            reserved_concurrent_executions=reserved_concurrency or None,
            log_group=self.log,
            vpc=network.database_vpc if network else None,
            vpc_subnets=network.inside if network else None,
            security_groups=[network.functions] if network else None,
        )
        #: Spelled, so that what the function needs first may name it: it is not a reference to the resource.
        self.arn = Stack.of(self).format_arn(
            service="lambda", resource="function", resource_name=self.name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )

    def reads(self, queue_arn: str, *, batch: int, window_seconds: int, concurrency: int = 0) -> None:
        """A queue as its event source: what failed of a batch comes again, the rest does not."""
        lambda_.EventSourceMapping(
            self,
            "Queue",
            target=self.function,
            event_source_arn=queue_arn,
            batch_size=batch,
            max_batching_window=Duration.seconds(window_seconds),
            max_concurrency=concurrency or None,
            report_batch_item_failures=True,
        )

    def fails_to(self, bucket_arn: str, after: Construct) -> None:
        """What asynchronous invocations that failed leave behind: a document with the whole event, in the bucket.

        A bad deployment takes hours to be noticed; so long, the most that there is, Lambda keeps an event.
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

    def invoked_by(self, service: str, source_arn: str) -> lambda_.CfnPermission:
        return lambda_.CfnPermission(
            self,
            f"From{service.split('.', 1)[0].capitalize()}",
            action="lambda:InvokeFunction",
            function_name=self.function.function_arn,
            principal=service,
            source_arn=source_arn,
            source_account=Stack.of(self).account,
        )

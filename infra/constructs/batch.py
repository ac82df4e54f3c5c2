"""AWS Batch on Fargate: compute environments, a job queue, a job definition for each tier. Idle, it costs nothing."""

from typing import Any

from aws_cdk import ArnFormat, CfnResource, Duration, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from core.routing.batch_tiers import TIERS
from core.routing.job_definitions import definition_name, job_definition
from infra.constructs import roles
from infra.constructs.functions import log_group
from infra.constructs.image import ContainerImage
from infra.constructs.network import Network
from infra.settings.schema import TAG, WAIT_HOURS, Settings

#: A job that finds no capacity for so long is cancelled; `dispatch` then submits its images again.
_MAX_WAIT = Duration.hours(WAIT_HOURS)


class BatchCompute(Construct):
    """`queue_name`, `queue_arn` and `definition_arns` are spelled, so that the submitting role needs no reference."""

    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        image: ContainerImage,
        network: Network,
        statements: list[iam.PolicyStatement],
        environment: dict[str, str],
    ) -> None:
        super().__init__(scope, "Batch")
        self._settings = settings
        self._log = log_group(self, f"/aws/batch/{settings.name}", settings)
        self._job_role = roles.role(
            self, "JobRole", "ecs-tasks.amazonaws.com", statements, "Permissions of the code in a Batch job"
        )
        self._execution_role = roles.role(
            self,
            "ExecutionRole",
            "ecs-tasks.amazonaws.com",
            [*_pull_statements(image), roles.write_log(self._log.log_group_arn)],
            "Permissions of Fargate to start a Batch job: pull the image, write the log",
        )
        self.queue_name = f"{settings.name}-jobs"
        self.queue_arn = batch_arn(self, "job-queue", self.queue_name)
        batch.JobQueue(
            self,
            "Queue",
            job_queue_name=self.queue_name,
            compute_environments=[
                batch.OrderedComputeEnvironment(compute_environment=environment, order=order)
                for order, environment in enumerate(self._compute_environments(network), 1)
            ],
            job_state_time_limit_actions=[
                batch.JobStateTimeLimitAction(max_time=_MAX_WAIT, reason=reason)
                for reason in batch.JobStateTimeLimitActionsReason
            ],
        )
        for tier in TIERS:
            properties = self._properties(job_definition(tier, image.uri, environment, settings.name))
            CfnResource(self, f"Tier{tier.name}", type="AWS::Batch::JobDefinition", properties=properties)
        self.definition_arns = [
            batch_arn(self, "job-definition", f"{definition_name(tier.name, settings.name)}{version}")
            for tier in TIERS
            for version in ("", ":*")
        ]

    def _compute_environments(self, network: Network) -> list[batch.FargateComputeEnvironment]:
        """Spot, then on-demand, each with `batch.max_vcpus`: Batch uses the second when the first is full."""
        return [
            batch.FargateComputeEnvironment(
                self,
                "Spot" if spot else "OnDemand",
                vpc=network.vpc,
                vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
                security_groups=[network.tasks],
                maxv_cpus=self._settings.batch.max_vcpus,
                spot=spot,
                replace_compute_environment=False,
            )
            for spot in ([True, False] if self._settings.batch.spot else [False])
        ]

    def _properties(self, request: dict[str, Any]) -> dict[str, Any]:
        """A RegisterJobDefinition request of `core.routing.job_definitions`, with roles and log, for CloudFormation."""
        container = request["containerProperties"]
        container["jobRoleArn"] = self._job_role.role_arn
        container["executionRoleArn"] = self._execution_role.role_arn
        container["networkConfiguration"] = {"assignPublicIp": "ENABLED"}
        container["ephemeralStorage"] = {"sizeInGiB": self._settings.batch.disk_gb}
        arm = self._settings.image.architecture == "arm64"
        container["runtimePlatform"] = {
            "cpuArchitecture": "ARM64" if arm else "X86_64",
            "operatingSystemFamily": "LINUX",
        }
        container["logConfiguration"] = {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": self._log.log_group_name,
                "awslogs-region": Stack.of(self).region,
                "awslogs-stream-prefix": "job",
            },
        }
        properties = _pascal_case(request)
        # The keys of `Options` are the log driver's
        properties["ContainerProperties"]["LogConfiguration"]["Options"] = container["logConfiguration"]["options"]
        # Tags.of() skips an untyped CfnResource; PropagateTags tags the tasks, which are billed
        return {**properties, "Tags": {TAG: self._settings.name}, "PropagateTags": True}


def _pull_statements(image: ContainerImage) -> list[iam.PolicyStatement]:
    return [
        roles.allow(["ecr:GetAuthorizationToken"], "*"),  # this action has no resource
        roles.allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
            image.repository.repository_arn,
        ),
    ]


def batch_arn(scope: Construct, kind: str, name: str) -> str:
    """The ARN of a `kind` of Batch resource, as `job-queue`, spelled by its name."""
    return Stack.of(scope).format_arn(
        service="batch", resource=kind, resource_name=name, arn_format=ArnFormat.SLASH_RESOURCE_NAME
    )


def _pascal_case(value: Any) -> Any:  # noqa: ANN401 - JSON
    """RegisterJobDefinition's camelCase in CloudFormation's PascalCase."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _pascal_case(each) for key, each in value.items()}
    return [_pascal_case(each) for each in value] if isinstance(value, list) else value

"""Batch on Fargate: nothing runs, and nothing is paid for, while there is nothing to do."""

from typing import Any

from aws_cdk import ArnFormat, CfnResource, Duration, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from core.routing.batch_tiers import TIERS
from core.routing.job_definitions import definition_name, job_definition
from infra import roles
from infra.functions import log_group
from infra.image import ContainerImage
from infra.network import Network
from infra.settings import TAG, WAIT_HOURS, Settings

#: A job for which there is no capacity, or which cannot be placed, is cancelled: its images are then dispatched anew.
_WAIT = Duration.hours(WAIT_HOURS)


class BatchWork(Construct):
    """`queue_arn`, `queue_name`, and a definition for each tier, all by name: who submits needs no reference."""

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
        self.job_role = roles.role(
            self, "JobRole", "ecs-tasks.amazonaws.com", statements, "What the code in a Batch job may do"
        )
        self._execution_role = roles.role(
            self,
            "ExecutionRole",
            "ecs-tasks.amazonaws.com",
            [*_pulls(image), roles.writes_log(self._log.log_group_arn)],
            "What Fargate may do to start a Batch job: pull the image, write the log",
        )
        self.queue_name = f"{settings.name}-jobs"
        self.queue_arn = arn(self, "job-queue", self.queue_name)
        environments = self._environments(network)
        batch.JobQueue(
            self,
            "Queue",
            job_queue_name=self.queue_name,
            compute_environments=[
                batch.OrderedComputeEnvironment(compute_environment=one, order=order)
                for order, one in enumerate(environments, 1)
            ],
            job_state_time_limit_actions=[
                batch.JobStateTimeLimitAction(max_time=_WAIT, reason=reason)
                for reason in batch.JobStateTimeLimitActionsReason
            ],
        )
        for tier in TIERS:
            said = job_definition(tier, image.uri, environment, settings.name)
            CfnResource(self, f"Tier{tier.name}", type="AWS::Batch::JobDefinition", properties=self._whole(said))
        self.definition_arns = [
            arn(self, "job-definition", f"{definition_name(tier.name, settings.name)}{version}")
            for tier in TIERS
            for version in ("", ":*")
        ]

    def _environments(self, network: Network) -> list[batch.FargateComputeEnvironment]:
        """Spot first, then what is not Spot, each up to the cap: Batch fills the second where the first is full."""
        kinds = [True, False] if self._settings.batch.spot else [False]
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
            for spot in kinds
        ]

    def _whole(self, said: dict[str, Any]) -> dict[str, Any]:
        """What `core.routing.job_definitions` says, and where it runs, as CloudFormation spells it."""
        container = said["containerProperties"]
        container["jobRoleArn"] = self.job_role.role_arn
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
        spelled = _capitals(said)
        # A map of the driver's own words, not of CloudFormation's
        spelled["ContainerProperties"]["LogConfiguration"]["Options"] = container["logConfiguration"]["options"]
        # What tags every resource does not know this one; its tasks are what is paid for
        return {**spelled, "Tags": {TAG: self._settings.name}, "PropagateTags": True}


def _pulls(image: ContainerImage) -> list[iam.PolicyStatement]:
    return [
        roles.allow(["ecr:GetAuthorizationToken"], "*"),  # has no resource
        roles.allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
            image.repository.repository_arn,
        ),
    ]


def arn(scope: Construct, kind: str, name: str) -> str:
    return Stack.of(scope).format_arn(
        service="batch", resource=kind, resource_name=name, arn_format=ArnFormat.SLASH_RESOURCE_NAME
    )


def _capitals(value: Any) -> Any:  # noqa: ANN401 - JSON
    """RegisterJobDefinition's camelCase in CloudFormation's PascalCase."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _capitals(each) for key, each in value.items()}
    return [_capitals(each) for each in value] if isinstance(value, list) else value

"""The stack's outputs, which the command line reads (pictureperfect.deployment.outputs)."""

from aws_cdk import CfnOutput
from constructs import Construct

from infra.constructs.bucket import bucket_name
from infra.constructs.database import Database
from infra.constructs.observability import namespace
from infra.constructs.queues import Queues
from infra.constructs.web import WebApi
from infra.settings.schema import Settings


def add_outputs(scope: Construct, settings: Settings, queues: Queues, database: Database, api: WebApi | None) -> None:
    """Add one CloudFormation output for each value that exists with these settings."""
    outputs = {
        "BucketName": bucket_name(settings.name),
        "ProcessFunctionName": f"{settings.name}-process",
        "AdminFunctionName": f"{settings.name}-admin",
        "ProcessMemoryMb": str(settings.processing.memory_mb),
        "OverflowQueueUrl": queues.overflow.queue_url,
        "MetricsNamespace": namespace(settings),
        "Architecture": settings.image.architecture,
    }
    if api:
        outputs["PageUrl"] = api.endpoint
    if settings.kafka.kind != "none":
        outputs["KafkaTopic"] = settings.kafka.topics[0]
    if settings.kafka.bootstrap_servers:
        outputs["KafkaBootstrapServers"] = ",".join(settings.kafka.bootstrap_servers)
    if database.cluster and database.cluster.secret:
        outputs |= {
            "ClusterArn": database.cluster.cluster_arn,
            "ClusterSecretArn": database.cluster.secret.secret_arn,
            "DatabaseName": settings.database.name,
        }
    for name, value in outputs.items():
        CfnOutput(scope, name, value=value)

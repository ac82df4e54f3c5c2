"""The names and clients of a running system: the embedded cloud, or a stack on AWS by its outputs."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.domain.model import Value
from localcloud import clients
from localcloud.config import NAMESPACE, CloudConfig, Options
from pictureperfect.deployment import aws_session

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


class Deployment(Value, frozen=True, kw_only=True):
    """Names and URLs of the parts. `machine` is the function's architecture as `uname -m` prints it; memory in MB."""

    bucket: str
    process_function: str
    admin_function: str
    overflow_queue_url: str
    metrics_namespace: str
    process_memory_mb: int
    machine: str = "x86_64"
    kafka_bootstrap_servers: str = ""
    kafka_topic: str = ""
    page_url: str = ""


@dataclass(frozen=True)
class Clients:
    """Clients of the AWS services of a deployment."""

    s3: "S3Client"
    sqs: "SQSClient"
    lambda_: "LambdaClient"
    cloudwatch: "CloudWatchClient"


def local_deployment(config: CloudConfig) -> tuple[Deployment, Clients]:
    """The embedded cloud at `config`."""
    deployment = Deployment(
        bucket=config.bucket,
        process_function="process",
        admin_function="admin",
        overflow_queue_url=config.overflow_queue_url,
        metrics_namespace=NAMESPACE,
        process_memory_mb=Options().memory_mb,
        machine=os.uname().machine,
        kafka_bootstrap_servers=config.kafka_bootstrap_servers,
        kafka_topic=config.kafka_topic,
        page_url=config.page_url,
    )
    return deployment, Clients(
        s3=clients.s3(config.endpoint),
        sqs=clients.sqs(config.endpoint),
        lambda_=clients.lambda_(config.lambda_endpoint),
        cloudwatch=clients.cloudwatch(config.endpoint),
    )


def stack_deployment(stack: str) -> tuple[Deployment, Clients]:
    """A stack on AWS. Raises ClickException without credentials, a region or the stack."""
    session = aws_session.open_session()
    with aws_session.errors_explained():
        outputs = aws_session.stack_outputs(session.client("cloudformation"), stack)
    if outputs is None:
        raise click.ClickException(
            f"There is no stack {stack} in {session.region_name}. Deploy it with `make deploy`, or choose another "
            "region; `--folder` is for the embedded cloud of `pictureperfect up`."
        )
    return deployment_from_outputs(stack, outputs), Clients(
        s3=session.client("s3"),
        sqs=session.client("sqs"),
        lambda_=session.client("lambda", config=aws_session.patient_config()),
        cloudwatch=session.client("cloudwatch"),
    )


def deployment_from_outputs(stack: str, outputs: Mapping[str, str]) -> Deployment:
    """The deployment by the outputs of infra/stack.py. Raises ClickException if an output is missing."""
    needed = ("BucketName", "ProcessFunctionName", "AdminFunctionName", "OverflowQueueUrl", "ProcessMemoryMb")
    missing = [name for name in needed if name not in outputs]
    if missing:
        raise click.ClickException(
            f"The stack {stack} has no outputs {', '.join(missing)}: it is not Picture Perfect's, or it is of an older "
            "release. Deploy it again with `make deploy`."
        )
    return Deployment(
        bucket=outputs["BucketName"],
        process_function=outputs["ProcessFunctionName"],
        admin_function=outputs["AdminFunctionName"],
        overflow_queue_url=outputs["OverflowQueueUrl"],
        metrics_namespace=outputs.get("MetricsNamespace", NAMESPACE),
        process_memory_mb=int(outputs["ProcessMemoryMb"]),
        machine={"arm64": "aarch64"}.get(outputs.get("Architecture", ""), "x86_64"),
        kafka_bootstrap_servers=outputs.get("KafkaBootstrapServers", ""),
        kafka_topic=outputs.get("KafkaTopic", ""),
        page_url=outputs.get("PageUrl", ""),
    )


def find_deployment(stack: str, folder: Path | None) -> tuple[Deployment, Clients]:
    """The embedded cloud with its state file in `folder`; the stack if `folder` is None."""
    if folder is None:
        return stack_deployment(stack)
    from pictureperfect.console import cloud_at  # noqa: PLC0415 - it imports click's options

    return local_deployment(cloud_at(folder))


def invoke(client: "LambdaClient", function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a function. Raises ClickException with the function's error."""
    with aws_session.errors_explained():
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        message = payload.get("errorMessage") if isinstance(payload, dict) else payload
        raise click.ClickException(f"The function {function} failed: {message}")
    if not isinstance(payload, dict):
        raise click.ClickException(f"The function {function} answered {payload!r}, which is not an object.")
    return payload

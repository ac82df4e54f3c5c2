"""A running system, here or on AWS, as commands that look at it from outside must know it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.domain.model import Value
from localcloud import clients as aws
from localcloud.config import NAMESPACE, CloudConfig, Options
from pictureperfect.deployment import aws_session

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


class Deployment(Value, frozen=True, kw_only=True):
    """Where its parts are. `machine` is the function's architecture, as `uname -m` says it; memory is in MB."""

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
    """What it is reached by."""

    s3: "S3Client"
    sqs: "SQSClient"
    lambda_: "LambdaClient"
    cloudwatch: "CloudWatchClient"


def of_cloud(address: CloudConfig) -> tuple[Deployment, Clients]:
    """The embedded cloud, by its state file."""
    deployment = Deployment(
        bucket=address.bucket,
        process_function="process",
        admin_function="admin",
        overflow_queue_url=address.overflow_queue_url,
        metrics_namespace=NAMESPACE,
        process_memory_mb=Options().memory_mb,
        machine=os.uname().machine,
        kafka_bootstrap_servers=address.kafka_bootstrap_servers,
        kafka_topic=address.kafka_topic,
        page_url=address.page_url,
    )
    clients = Clients(
        s3=aws.s3(address.endpoint),
        sqs=aws.sqs(address.endpoint),
        lambda_=aws.lambda_(address.lambda_endpoint),
        cloudwatch=aws.cloudwatch(address.endpoint),
    )
    return deployment, clients


def of_stack(stack: str) -> tuple[Deployment, Clients]:
    """A stack on AWS, by its outputs. Raises ClickException with a sentence that says what is missing."""
    session = aws_session.session()
    with aws_session.explained():
        said = aws_session.outputs(session.client("cloudformation"), stack)
    if said is None:
        raise click.ClickException(
            f"There is no stack {stack} in {session.region_name}. Deploy it with `make deploy`, or say another --stack "
            "or region; `--folder` means the embedded cloud of `pictureperfect up`."
        )
    clients = Clients(
        s3=session.client("s3"),
        sqs=session.client("sqs"),
        lambda_=session.client("lambda", config=aws_session.patient()),
        cloudwatch=session.client("cloudwatch"),
    )
    return of_outputs(stack, said), clients


def of_outputs(stack: str, said: Mapping[str, str]) -> Deployment:
    """What infra/stack.py says of itself. Raises ClickException where it is another stack, or an older one."""
    needed = ("BucketName", "ProcessFunctionName", "AdminFunctionName", "OverflowQueueUrl", "ProcessMemoryMb")
    missing = [name for name in needed if name not in said]
    if missing:
        raise click.ClickException(
            f"The stack {stack} does not say {', '.join(missing)}: it is not Picture Perfect's, or an older one. "
            "Deploy it anew with `make deploy`."
        )
    return Deployment(
        bucket=said["BucketName"],
        process_function=said["ProcessFunctionName"],
        admin_function=said["AdminFunctionName"],
        overflow_queue_url=said["OverflowQueueUrl"],
        metrics_namespace=said.get("MetricsNamespace", NAMESPACE),
        process_memory_mb=int(said["ProcessMemoryMb"]),
        machine={"arm64": "aarch64"}.get(said.get("Architecture", ""), "x86_64"),
        kafka_bootstrap_servers=said.get("KafkaBootstrapServers", ""),
        kafka_topic=said.get("KafkaTopic", ""),
        page_url=said.get("PageUrl", ""),
    )


def find(stack: str, folder: Path | None) -> tuple[Deployment, Clients]:
    """The embedded cloud whose state file lies in `folder`, where one is named; else the stack."""
    if folder is None:
        return of_stack(stack)
    from pictureperfect.console import cloud_at  # noqa: PLC0415 - it imports click's options

    return of_cloud(cloud_at(folder))


def invoke(client: "LambdaClient", function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a function. Raises ClickException with what it complains of."""
    with aws_session.explained():
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        said = payload.get("errorMessage") if isinstance(payload, dict) else payload
        raise click.ClickException(f"The function {function} failed: {said}")
    if not isinstance(payload, dict):
        raise click.ClickException(f"The function {function} answered {payload!r}, which is no object.")
    return payload

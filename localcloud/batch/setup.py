"""Batch as the embedded cloud has it: the API, one queue, a job definition for each tier, and the rule for failures."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.routing.batch_tiers import TIERS
from core.routing.job_definitions import job_definition
from localcloud import clients
from localcloud.batch.api import LocalBatch
from localcloud.batch.attempts import ComputeEnvironment
from localcloud.batch.iam import Authorize, allow_all
from localcloud.config import BATCH_DEFINITIONS, BATCH_QUEUE, Options
from localcloud.http_server import HttpServer
from localcloud.s3_sqs_cloudwatch import cloudwatch_emf

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient


_IMAGE = "picture-perfect"  # never pulled: a job is a process of this Python


def start(
    http: HttpServer,
    folder: Path,
    aws_endpoint: str,
    overflow_queue_url: str,
    options: Options,
    authorize: Authorize = allow_all,
) -> LocalBatch:
    """Batch without queues or definitions yet. FAILED jobs go to the overflow queue, as by infra's EventBridge rule."""
    sqs = clients.sqs(aws_endpoint)

    def send_failures(event: dict[str, Any]) -> None:
        if event["detail"]["status"] == "FAILED":
            sqs.send_message(QueueUrl=overflow_queue_url, MessageBody=json.dumps(event))

    environment = ComputeEnvironment(
        folder=folder / "batch",
        max_vcpus=options.batch_vcpus,
        on_event=send_failures,
        on_log=partial(cloudwatch_emf.put, clients.cloudwatch(aws_endpoint)),
    )
    return LocalBatch(http, environment, options.min_batch_seconds, authorize)


def names(deployment: str) -> tuple[str, str]:
    """The job queue's name and the prefix of the definitions' names, as infra/constructs/batch.py names them."""
    return (f"{deployment}-jobs", deployment) if deployment else (BATCH_QUEUE, BATCH_DEFINITIONS)


def register(client: "BatchClient", environment: dict[str, str], deployment: str = "") -> None:
    """Create the queue and a job definition for each tier, with these environment variables."""
    queue, prefix = names(deployment)
    client.create_job_queue(jobQueueName=queue, priority=1, computeEnvironmentOrder=[])
    for tier in TIERS:
        client.register_job_definition(**job_definition(tier, _IMAGE, environment, prefix))

"""Batch as the embedded cloud has it: the server, its queue, a definition for each tier, who hears of failures."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.routing.batch_tiers import TIERS
from core.routing.job_definitions import job_definition
from localcloud import clients, cloudwatch_emf
from localcloud.batch.iam import Judge, nobody_asks
from localcloud.config import BATCH_DEFINITIONS, BATCH_QUEUE, Options

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

    from localcloud.batch.server import LocalBatch

_IMAGE = "picture-perfect"  # there is none here: a job is a process of this Python


def batch(
    folder: Path, endpoint: str, overflow_queue_url: str, options: Options, judge: Judge = nobody_asks
) -> "LocalBatch":
    """The server, not yet with a queue. Its failures go to the overflow queue, as a rule of EventBridge sends them."""
    from localcloud.batch.server import LocalBatch  # noqa: PLC0415 - for `up` and `demo` only

    sqs = clients.sqs(endpoint)

    def tell(event: dict[str, Any]) -> None:
        if event["detail"]["status"] == "FAILED":
            sqs.send_message(QueueUrl=overflow_queue_url, MessageBody=json.dumps(event))

    return LocalBatch(
        folder / "batch",
        {},
        tell,
        options.batch_vcpus,
        on_log=partial(cloudwatch_emf.put, clients.cloudwatch(endpoint)),
        least_seconds=options.least_batch_seconds,
        judge=judge,
    )


def names(deployment: str) -> tuple[str, str]:
    """The job queue's name, and what the definitions' begin with; as infra/constructs/batch.py has them."""
    return (f"{deployment}-jobs", deployment) if deployment else (BATCH_QUEUE, BATCH_DEFINITIONS)


def register(client: "BatchClient", environment: dict[str, str], deployment: str = "") -> None:
    """The queue, and the job definitions, whose jobs find `environment`."""
    queue, prefix = names(deployment)
    client.create_job_queue(jobQueueName=queue, priority=1, computeEnvironmentOrder=[])
    for tier in TIERS:
        client.register_job_definition(**job_definition(tier, _IMAGE, environment, prefix))

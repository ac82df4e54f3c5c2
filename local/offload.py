"""Batch as the embedded cloud has it: the server, its queue, a definition for each tier, who hears of failures."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.job_definitions import definition
from core.tiers import TIERS
from local import aws, emf
from local.address import BATCH_QUEUE, Options

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

    from local.batch_server import LocalBatch

_IMAGE = "picture-perfect"  # there is none here: a job is a process of this Python


def batch(folder: Path, endpoint: str, overflow_queue_url: str, options: Options) -> "LocalBatch":
    """The server, not yet with a queue. Its failures go to the overflow queue, as a rule of EventBridge sends them."""
    from local.batch_server import LocalBatch  # noqa: PLC0415 - for `up` and `demo` only

    sqs = aws.sqs(endpoint)

    def tell(event: dict[str, Any]) -> None:
        if event["detail"]["status"] == "FAILED":
            sqs.send_message(QueueUrl=overflow_queue_url, MessageBody=json.dumps(event))

    return LocalBatch(
        folder / "batch",
        {},
        tell,
        options.batch_vcpus,
        on_log=partial(emf.put, aws.cloudwatch(endpoint)),
        least_seconds=options.least_batch_seconds,
    )


def register(client: "BatchClient", environment: dict[str, str]) -> None:
    """The queue, and the job definitions, whose jobs find `environment`."""
    client.create_job_queue(jobQueueName=BATCH_QUEUE, priority=1, computeEnvironmentOrder=[])
    for tier in TIERS:
        client.register_job_definition(**definition(tier, _IMAGE, environment))

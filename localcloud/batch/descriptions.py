"""Jobs and definitions as Batch's API and EventBridge describe them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from localcloud.batch.job import Attempt, Definition, Job, Status, arn
from localcloud.clients import ACCOUNT, REGION


def describe_definition(definition: Definition) -> dict[str, Any]:
    """An item of DescribeJobDefinitions."""
    request = msgspec.to_builtins(definition.request)
    return {**request, "jobDefinitionArn": definition.arn, "revision": definition.revision, "status": "ACTIVE"}


def summarize_job(job: Job) -> dict[str, Any]:
    """An item of ListJobs."""
    last = job.last_attempt
    container = _without_none(exitCode=last.exit_code, reason=last.reason) if last else {}
    return {
        "jobArn": job.arn,
        "jobId": job.job_id,
        "jobName": job.request.job_name,
        "jobDefinition": job.definition.arn,
        "status": job.status.value,
        "createdAt": job.created,
        **_without_none(
            statusReason=job.status_reason,
            startedAt=last.started if last else None,
            stoppedAt=job.stopped,
            container=container or None,
            arrayProperties=_array_properties(job) or None,
        ),
    }


def describe_job(job: Job) -> dict[str, Any]:
    """An item of DescribeJobs, and the detail of a state change event."""
    last, properties = job.last_attempt, job.properties
    return {
        **summarize_job(job),
        "jobQueue": arn("job-queue", job.queue),
        "attempts": [_describe_attempt(attempt) for attempt in job.attempts],
        "retryStrategy": {"attempts": 1, "evaluateOnExit": [], **msgspec.to_builtins(job.retry_strategy)},
        "dependsOn": [],
        "parameters": job.parameters,
        "container": {
            "image": properties.image,
            "command": list(properties.command),
            "environment": msgspec.to_builtins(properties.environment),
            "resourceRequirements": msgspec.to_builtins(properties.resource_requirements),
            "volumes": [],
            "mountPoints": [],
            "ulimits": [],
            "networkInterfaces": [],
            "secrets": [],
            **(_describe_container(last) if last else {}),
        },
        **({"timeout": msgspec.to_builtins(job.timeout)} if job.timeout else {}),
        "tags": {},
        "propagateTags": False,
        "platformCapabilities": list(job.definition.request.platform_capabilities),
        "isCancelled": job.cancelled,
        "isTerminated": job.terminated,
    }


def state_change_event(job: Job) -> dict[str, Any]:
    """The event that Batch sends to EventBridge.

    https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html
    """
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [job.arn],
        "detail": describe_job(job),
    }


def _array_properties(job: Job) -> dict[str, Any]:
    if job.children:
        counts = {status.value: job.counts[status] for status in Status}
        return {"size": len(job.children), "statusSummary": counts}
    return {"index": job.index} if job.index is not None else {}


def _describe_attempt(attempt: Attempt) -> dict[str, Any]:
    times = _without_none(startedAt=attempt.started, stoppedAt=attempt.stopped, statusReason=attempt.status_reason)
    return {"container": {**_describe_container(attempt), "networkInterfaces": []}, **times}


def _describe_container(attempt: Attempt) -> dict[str, Any]:
    task = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/local/{attempt.task}"
    stream = {"logStreamName": attempt.log_stream} if attempt.started else {}
    return {"taskArn": task, **stream, **_without_none(exitCode=attempt.exit_code, reason=attempt.reason)}


def _without_none(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

"""A job of Batch's: its states, whether it is tried again, and how it is described."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from localcloud.batch.models import (
    ContainerProperties,
    EvaluateOnExit,
    JobTimeout,
    RegisterJobDefinition,
    RetryStrategy,
    SubmitJob,
)
from localcloud.clients import ACCOUNT, REGION

if TYPE_CHECKING:
    from localcloud.batch.container import Container

_ARN = f"arn:aws:batch:{REGION}:{ACCOUNT}"
EXITED = "Essential container in task exited"
NOT_STARTED = "Task failed to start"
TIMED_OUT = "Job attempt duration exceeded timeout"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
CHILD_FAILED = "Array Child Job failed"
TOO_LARGE = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"


class Status(StrEnum):
    """From left to right, but that a retried job is RUNNABLE again."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_last(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED)


def arn(kind: str, name: str) -> str:
    return f"{_ARN}:{kind}/{name}"


def now() -> int:
    """Milliseconds, as Batch has its times."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Definition:
    """One revision of a job definition."""

    request: RegisterJobDefinition
    revision: int

    @property
    def arn(self) -> str:
        return arn("job-definition", f"{self.request.job_definition_name}:{self.revision}")

    def describe(self) -> dict[str, Any]:
        said = msgspec.to_builtins(self.request)
        return {**said, "jobDefinitionArn": self.arn, "revision": self.revision, "status": "ACTIVE"}


@dataclass
class Attempt:
    """One run of a job's container; milliseconds. A container that never ran has no exit code and no start."""

    log_stream: str
    task: str
    started: int | None = None
    stopped: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    status_reason: str | None = None

    def container(self) -> dict[str, Any]:
        task = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/local/{self.task}"
        stream = {"logStreamName": self.log_stream} if self.started else {}
        return {"taskArn": task, **stream, **_given(exitCode=self.exit_code, reason=self.reason)}

    def describe(self) -> dict[str, Any]:
        times = _given(startedAt=self.started, stoppedAt=self.stopped, statusReason=self.status_reason)
        return {"container": {**self.container(), "networkInterfaces": []}, **times}


@dataclass(eq=False)
class Job:
    """A job, an array, or a child of one."""

    request: SubmitJob
    definition: Definition
    queue: str
    changed: Callable[["Job"], None]
    job_id: str = field(default_factory=lambda: str(uuid4()))
    parent: "Job | None" = None
    index: int | None = None
    children: list["Job"] = field(default_factory=list)
    counts: Counter[Status] = field(default_factory=Counter)
    status: Status = Status.SUBMITTED
    status_reason: str | None = None
    created: int = field(default_factory=now)
    stopped: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    current: Attempt | None = None
    container: "Container | None" = None
    cancelled: bool = False
    terminated: bool = False

    @property
    def arn(self) -> str:
        return arn("job", self.job_id)

    @property
    def properties(self) -> ContainerProperties:
        """The container's, the job's own overrides in."""
        base, own = self.definition.request.container_properties, self.request.container_overrides
        given = {need.type: need for need in (*base.resource_requirements, *own.resource_requirements)}
        variables = {pair.name: pair for pair in (*base.environment, *own.environment)}
        return msgspec.structs.replace(
            base,
            command=own.command or base.command,
            environment=tuple(variables.values()),
            resource_requirements=tuple(given.values()),
        )

    @property
    def parameters(self) -> dict[str, str]:
        return {**self.definition.request.parameters, **self.request.parameters}

    @property
    def command(self) -> list[str]:
        """The command, each `Ref::name` replaced by its parameter, where there is one."""
        parameters = self.parameters
        return [
            parameters.get(word.removeprefix("Ref::"), word) if word.startswith("Ref::") else word
            for word in self.properties.command
        ]

    @property
    def retries(self) -> RetryStrategy:
        own = self.request.retry_strategy
        return own if own and own.attempts else self.definition.request.retry_strategy

    @property
    def timeout(self) -> JobTimeout | None:
        return self.request.timeout or self.definition.request.timeout

    def move(self, status: Status, reason: str | None = None) -> None:
        """Enter a state, and say so."""
        if self.parent:
            self.parent.counts[self.status] -= 1
            self.parent.counts[status] += 1
        self.status, self.status_reason = status, reason
        if status.is_last:
            self.stopped = now()
        self.changed(self)

    def array(self) -> dict[str, Any]:
        if self.children:
            counts = {status.value: self.counts[status] for status in Status}
            return {"size": len(self.children), "statusSummary": counts}
        return {"index": self.index} if self.index is not None else {}

    def summary(self) -> dict[str, Any]:
        """As ListJobs has it."""
        last = self._last
        container = _given(exitCode=last.exit_code, reason=last.reason) if last else {}
        return {
            "jobArn": self.arn,
            "jobId": self.job_id,
            "jobName": self.request.job_name,
            "jobDefinition": self.definition.arn,
            "status": self.status.value,
            "createdAt": self.created,
            **_given(
                statusReason=self.status_reason,
                startedAt=last.started if last else None,
                stoppedAt=self.stopped,
                container=container or None,
                arrayProperties=self.array() or None,
            ),
        }

    def describe(self) -> dict[str, Any]:
        """As DescribeJobs has it, and the detail of an event."""
        last, properties = self._last, self.properties
        return {
            **self.summary(),
            "jobQueue": arn("job-queue", self.queue),
            "attempts": [attempt.describe() for attempt in self.attempts],
            "retryStrategy": {"attempts": 1, "evaluateOnExit": [], **msgspec.to_builtins(self.retries)},
            "dependsOn": [],
            "parameters": self.parameters,
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
                **(last.container() if last else {}),
            },
            **({"timeout": msgspec.to_builtins(self.timeout)} if self.timeout else {}),
            "tags": {},
            "propagateTags": False,
            "platformCapabilities": list(self.definition.request.platform_capabilities),
            "isCancelled": self.cancelled,
            "isTerminated": self.terminated,
        }

    def event(self) -> dict[str, Any]:
        """The state change as EventBridge sends it.

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
            "resources": [self.arn],
            "detail": self.describe(),
        }

    @property
    def _last(self) -> Attempt | None:
        return self.current or (self.attempts[-1] if self.attempts else None)


def is_tried_again(strategy: RetryStrategy, made: int, attempt: Attempt) -> bool:
    """Whether an attempt that failed is followed by another: the first rule that matches says so; none: it is.

    https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
    """
    if made >= (strategy.attempts or 1):
        return False
    action = next((rule.action for rule in strategy.evaluate_on_exit if _matches(rule, attempt)), "RETRY")
    return action.upper() == "RETRY"


def _matches(rule: EvaluateOnExit, attempt: Attempt) -> bool:
    exit_code = None if attempt.exit_code is None else str(attempt.exit_code)
    return all(
        pattern is None or _fits(pattern, text)
        for pattern, text in (
            (rule.on_exit_code, exit_code),
            (rule.on_reason, attempt.reason),
            (rule.on_status_reason, attempt.status_reason),
        )
    )


def _fits(pattern: str, text: str | None) -> bool:
    if pattern.endswith("*"):
        return (text or "").startswith(pattern[:-1])
    return text == pattern


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

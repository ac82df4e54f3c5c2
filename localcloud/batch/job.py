"""Batch's values: a job definition's revision, a job with its states, and a job's attempts."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from localcloud.batch.models import ContainerProperties, JobTimeout, RegisterJobDefinition, RetryStrategy, SubmitJob
from localcloud.clients import ACCOUNT, REGION

if TYPE_CHECKING:
    from localcloud.batch.container import Container

# Reasons in AWS Batch's own words
EXITED = "Essential container in task exited"
NOT_STARTED = "Task failed to start"
TIMED_OUT = "Job attempt duration exceeded timeout"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
CHILD_FAILED = "Array Child Job failed"
TOO_LARGE = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"


class Status(StrEnum):
    """In the order in which a job enters them; a retried job goes back to RUNNABLE."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED)


def arn(kind: str, name: str) -> str:
    return f"arn:aws:batch:{REGION}:{ACCOUNT}:{kind}/{name}"


def now() -> int:
    """Milliseconds since the epoch, the unit of Batch's times."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Definition:
    """One revision of a job definition."""

    request: RegisterJobDefinition
    revision: int

    @property
    def arn(self) -> str:
        return arn("job-definition", f"{self.request.job_definition_name}:{self.revision}")


@dataclass
class Attempt:
    """One run of a job's container. Times are in milliseconds; `started` is None if the container never ran."""

    log_stream: str
    task: str
    started: int | None = None
    stopped: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    status_reason: str | None = None


@dataclass(eq=False)
class Job:
    """A single job, an array job, or a child of an array job. `on_change` is called after each state change."""

    request: SubmitJob
    definition: Definition
    queue: str
    on_change: Callable[["Job"], None]
    job_id: str = field(default_factory=lambda: str(uuid4()))
    parent: "Job | None" = None
    index: int | None = None
    children: list["Job"] = field(default_factory=list)
    #: Children by state.
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
        """The definition's container properties with the job's overrides."""
        base, overrides = self.definition.request.container_properties, self.request.container_overrides
        requirements = {need.type: need for need in (*base.resource_requirements, *overrides.resource_requirements)}
        variables = {pair.name: pair for pair in (*base.environment, *overrides.environment)}
        return msgspec.structs.replace(
            base,
            command=overrides.command or base.command,
            environment=tuple(variables.values()),
            resource_requirements=tuple(requirements.values()),
        )

    @property
    def parameters(self) -> dict[str, str]:
        return {**self.definition.request.parameters, **self.request.parameters}

    @property
    def command(self) -> list[str]:
        """The command; each `Ref::name` is replaced by the parameter of that name, if there is one."""
        parameters = self.parameters
        return [
            parameters.get(word.removeprefix("Ref::"), word) if word.startswith("Ref::") else word
            for word in self.properties.command
        ]

    @property
    def retry_strategy(self) -> RetryStrategy:
        override = self.request.retry_strategy
        return override if override and override.attempts else self.definition.request.retry_strategy

    @property
    def timeout(self) -> JobTimeout | None:
        return self.request.timeout or self.definition.request.timeout

    @property
    def last_attempt(self) -> Attempt | None:
        """The attempt that runs, or the newest that ended."""
        return self.current or (self.attempts[-1] if self.attempts else None)

    def move(self, status: Status, reason: str | None = None) -> None:
        """Enter a state and call `on_change`."""
        if self.parent:
            self.parent.counts[self.status] -= 1
            self.parent.counts[status] += 1
        self.status, self.status_reason = status, reason
        if status.is_final:
            self.stopped = now()
        self.on_change(self)

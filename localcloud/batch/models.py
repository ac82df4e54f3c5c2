"""The requests of AWS Batch's API that are implemented here, and the checks that Batch makes on them.

Shapes: https://docs.aws.amazon.com/batch/latest/APIReference/API_Operations.html.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")]
# Only the last character of a pattern may be an asterisk. Exit codes are digits.
_Reason = Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:\s]*\*?\Z", max_length=512)]
_ExitCode = Annotated[str, Meta(pattern=r"^[0-9]*\*?\Z", max_length=512)]
_MAX_OVERRIDES = 8192  # characters of containerOverrides, as JSON
_MAX_PAYLOAD = 30 * 1024  # bytes of a SubmitJob request


class ClientException(Exception):  # noqa: N818 - Batch's own name for it
    """An invalid request: HTTP 400."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A shape of Batch's API."""


class KeyValuePair(Shape, frozen=True, kw_only=True):
    """An environment variable."""

    name: str
    value: str = ""


class ResourceRequirement(Shape, frozen=True, kw_only=True):
    """An amount of VCPU, or of MEMORY in MB."""

    type: Literal["VCPU", "MEMORY"]
    value: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)?\Z")]


class EvaluateOnExit(Shape, frozen=True, kw_only=True):
    """One rule; every pattern that is given must match."""

    action: Annotated[str, Meta(pattern="^(?i:RETRY|EXIT)\\Z")]
    on_exit_code: _ExitCode | None = None
    on_reason: _Reason | None = None
    on_status_reason: _Reason | None = None


class RetryStrategy(Shape, frozen=True, kw_only=True):
    """How many attempts a job has, and which failures are retried."""

    attempts: Annotated[int, Meta(ge=1, le=10)] | None = None
    evaluate_on_exit: Annotated[tuple[EvaluateOnExit, ...], Meta(max_length=5)] = ()


class JobTimeout(Shape, frozen=True, kw_only=True):
    """The time-out of an attempt, in seconds."""

    attempt_duration_seconds: Annotated[int, Meta(ge=1)]


class ContainerProperties(Shape, frozen=True, kw_only=True):
    """The container of a job definition."""

    image: Annotated[str, Meta(min_length=1)]
    command: tuple[str, ...] = ()
    environment: tuple[KeyValuePair, ...] = ()
    resource_requirements: tuple[ResourceRequirement, ...] = ()

    @property
    def vcpus(self) -> float:
        return next(float(need.value) for need in self.resource_requirements if need.type == "VCPU")


class RegisterJobDefinition(Shape, frozen=True, kw_only=True):
    """A new revision of a job definition."""

    job_definition_name: Name
    type: str
    container_properties: ContainerProperties
    parameters: dict[str, str] = {}
    retry_strategy: RetryStrategy = RetryStrategy()
    timeout: JobTimeout | None = None
    platform_capabilities: tuple[str, ...] = ()


class CreateJobQueue(Shape, frozen=True, kw_only=True):
    """A job queue. All queues share one compute environment here."""

    job_queue_name: Name
    priority: int = 1
    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    compute_environment_order: tuple[dict[str, object], ...] = ()


class ArrayProperties(Shape, frozen=True, kw_only=True):
    """The number of children of an array job."""

    size: Annotated[int, Meta(ge=2, le=10_000)]


class ContainerOverrides(Shape, frozen=True, kw_only=True):
    """A job's own values instead of its definition's. The entry point cannot be overridden."""

    command: tuple[str, ...] = ()
    environment: tuple[KeyValuePair, ...] = ()
    resource_requirements: tuple[ResourceRequirement, ...] = ()


class SubmitJob(Shape, frozen=True, kw_only=True):
    """A single job, or an array job."""

    job_name: Name
    job_queue: str
    job_definition: str
    array_properties: ArrayProperties | None = None
    parameters: dict[str, str] = {}
    container_overrides: ContainerOverrides = ContainerOverrides()
    retry_strategy: RetryStrategy | None = None
    timeout: JobTimeout | None = None
    depends_on: tuple[dict[str, str], ...] = ()
    node_overrides: dict[str, object] | None = None


class DescribeJobs(Shape, frozen=True, kw_only=True):
    """Up to 100 jobs by their ids."""

    jobs: Annotated[tuple[str, ...], Meta(max_length=100)]


class KeyValuesPair(Shape, frozen=True, kw_only=True):
    """A filter of ListJobs."""

    name: Literal["JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT", "AFTER_CREATED_AT"]
    values: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1)]


class ListJobs(Shape, frozen=True, kw_only=True):
    """The jobs of a queue, or the children of an array job."""

    job_queue: str | None = None
    array_job_id: str | None = None
    job_status: str | None = None
    max_results: Annotated[int, Meta(ge=1)] = 1000
    next_token: Annotated[str, Meta(pattern=r"^[0-9]+\Z")] | None = None
    filters: Annotated[tuple[KeyValuesPair, ...], Meta(max_length=1)] = ()


class EndJob(Shape, frozen=True, kw_only=True):
    """CancelJob and TerminateJob."""

    job_id: Annotated[str, Meta(min_length=1)]
    reason: Annotated[str, Meta(min_length=1)]


class DescribeByName(Shape, frozen=True, kw_only=True):
    """DescribeJobDefinitions and DescribeJobQueues; without names, all."""

    job_definitions: tuple[str, ...] = ()
    job_definition_name: str | None = None
    status: str | None = None
    job_queues: tuple[str, ...] = ()


RequestT = TypeVar("RequestT", bound=Shape)


def decode(body: bytes, shape: type[RequestT]) -> RequestT:
    """Decode a request. Raises ClientException if it does not fit `shape`."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except msgspec.DecodeError as error:
        raise ClientException(f"Error executing request, Exception : {error}") from error


def check_submission(request: SubmitJob, size: int) -> None:
    """Check the rules that the types do not express. `size` is the request's, in bytes. Raises ClientException."""
    if size > _MAX_PAYLOAD:
        raise ClientException(f"The submission has {size} bytes; it must have at most {_MAX_PAYLOAD}.")
    overrides = len(msgspec.json.encode(request.container_overrides).decode())
    if overrides > _MAX_OVERRIDES:
        raise ClientException(f"Container Overrides length must be at most {_MAX_OVERRIDES}.")
    if request.depends_on or request.node_overrides:
        raise ClientException("dependsOn and nodeOverrides are not implemented by the local Batch.")
    _check_environment(request.container_overrides.environment)


def check_definition(request: RegisterJobDefinition, min_timeout_seconds: int) -> None:
    """Check the rules that the types do not express. Raises ClientException."""
    if request.type != "container":
        raise ClientException(
            f"type: {request.type!r} is not container, the only type that the local Batch implements."
        )
    kinds = {need.type for need in request.container_properties.resource_requirements}
    if kinds != {"VCPU", "MEMORY"}:
        raise ClientException("Container properties should contain vcpu and memory: resourceRequirements")
    _check_environment(request.container_properties.environment)
    check_retries_and_timeout(request.retry_strategy, request.timeout, min_timeout_seconds)


def check_retries_and_timeout(
    retries: RetryStrategy | None, timeout: JobTimeout | None, min_timeout_seconds: int
) -> None:
    """Check the retries and the time-out of a definition or a job. Raises ClientException."""
    if retries and retries.evaluate_on_exit and retries.attempts is None:
        raise ClientException("retryStrategy: evaluateOnExit needs attempts.")
    for rule in retries.evaluate_on_exit if retries else ():
        if rule.on_exit_code is rule.on_reason is rule.on_status_reason is None:
            raise ClientException("evaluateOnExit: a rule needs one of onExitCode, onReason and onStatusReason.")
    if timeout and timeout.attempt_duration_seconds < min_timeout_seconds:
        raise ClientException(f"timeout: attemptDurationSeconds must be at least {min_timeout_seconds}.")


def _check_environment(variables: Sequence[KeyValuePair]) -> None:
    for variable in variables:
        if variable.name.startswith("AWS_BATCH"):
            raise ClientException(f"environment: {variable.name} begins with AWS_BATCH, which is Batch's own.")

"""What one may say to AWS Batch, as far as it is understood here, and what Batch would not have.

The shapes are those of https://docs.aws.amazon.com/batch/latest/APIReference/API_Operations.html.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")]
# A pattern may end with an asterisk, and has none before; an exit code is of digits
_Reason = Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:\s]*\*?\Z", max_length=512)]
_ExitCode = Annotated[str, Meta(pattern=r"^[0-9]*\*?\Z", max_length=512)]
_OVERRIDES = 8192  # characters of containerOverrides, as JSON
_PAYLOAD = 30 * 1024  # bytes of a whole submission


class ClientException(Exception):  # noqa: N818 - Batch's own name for it
    """The caller's fault: HTTP 400."""


class Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A shape of Batch's API."""


class KeyValuePair(Value, frozen=True, kw_only=True):
    """A variable of the environment."""

    name: str
    value: str = ""


class ResourceRequirement(Value, frozen=True, kw_only=True):
    """How much of what; MEMORY is in MB."""

    type: Literal["VCPU", "MEMORY"]
    value: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)?\Z")]


class EvaluateOnExit(Value, frozen=True, kw_only=True):
    """One rule: what is given must match, all of it."""

    action: Annotated[str, Meta(pattern="^(?i:RETRY|EXIT)\\Z")]
    on_exit_code: _ExitCode | None = None
    on_reason: _Reason | None = None
    on_status_reason: _Reason | None = None


class RetryStrategy(Value, frozen=True, kw_only=True):
    """How often a job is moved to RUNNABLE, and after which ends."""

    attempts: Annotated[int, Meta(ge=1, le=10)] | None = None
    evaluate_on_exit: Annotated[tuple[EvaluateOnExit, ...], Meta(max_length=5)] = ()


class JobTimeout(Value, frozen=True, kw_only=True):
    """The longest that one attempt may run, in seconds."""

    attempt_duration_seconds: Annotated[int, Meta(ge=1)]


class ContainerProperties(Value, frozen=True, kw_only=True):
    """What a job definition says of its container."""

    image: Annotated[str, Meta(min_length=1)]
    command: tuple[str, ...] = ()
    environment: tuple[KeyValuePair, ...] = ()
    resource_requirements: tuple[ResourceRequirement, ...] = ()

    @property
    def vcpus(self) -> float:
        return next(float(need.value) for need in self.resource_requirements if need.type == "VCPU")


class RegisterJobDefinition(Value, frozen=True, kw_only=True):
    """A new revision of a definition."""

    job_definition_name: Name
    type: str
    container_properties: ContainerProperties
    parameters: dict[str, str] = {}
    retry_strategy: RetryStrategy = RetryStrategy()
    timeout: JobTimeout | None = None
    platform_capabilities: tuple[str, ...] = ()


class CreateJobQueue(Value, frozen=True, kw_only=True):
    """A queue. All queues here share one compute environment."""

    job_queue_name: Name
    priority: int = 1
    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    compute_environment_order: tuple[dict[str, object], ...] = ()


class ArrayProperties(Value, frozen=True, kw_only=True):
    """How many children an array has."""

    size: Annotated[int, Meta(ge=2, le=10_000)]


class ContainerOverrides(Value, frozen=True, kw_only=True):
    """What a job has otherwise than its definition. An entry point cannot be overridden."""

    command: tuple[str, ...] = ()
    environment: tuple[KeyValuePair, ...] = ()
    resource_requirements: tuple[ResourceRequirement, ...] = ()


class SubmitJob(Value, frozen=True, kw_only=True):
    """A job, or an array of them."""

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


class DescribeJobs(Value, frozen=True, kw_only=True):
    """By id, a hundred at most."""

    jobs: Annotated[tuple[str, ...], Meta(max_length=100)]


class KeyValues(Value, frozen=True, kw_only=True):
    """A filter of ListJobs."""

    name: Literal["JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT", "AFTER_CREATED_AT"]
    values: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1)]


class ListJobs(Value, frozen=True, kw_only=True):
    """Of a queue, or the children of an array."""

    job_queue: str | None = None
    array_job_id: str | None = None
    job_status: str | None = None
    max_results: Annotated[int, Meta(ge=1)] = 1000
    next_token: Annotated[str, Meta(pattern=r"^[0-9]+\Z")] | None = None
    filters: Annotated[tuple[KeyValues, ...], Meta(max_length=1)] = ()


class EndJob(Value, frozen=True, kw_only=True):
    """CancelJob and TerminateJob: which, and why."""

    job_id: Annotated[str, Meta(min_length=1)]
    reason: Annotated[str, Meta(min_length=1)]


class DescribeByName(Value, frozen=True, kw_only=True):
    """DescribeJobDefinitions and DescribeJobQueues: those named, or all."""

    job_definitions: tuple[str, ...] = ()
    job_definition_name: str | None = None
    status: str | None = None
    job_queues: tuple[str, ...] = ()


RequestT = TypeVar("RequestT", bound=Value)


def read(body: bytes, kind: type[RequestT]) -> RequestT:
    """A request, if Batch would have it. Raises ClientException."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise ClientException(f"Error executing request, Exception : {error}") from error


def check_submission(request: SubmitJob, size: int) -> None:
    """What the types do not say. `size` is the request's own, in bytes. Raises ClientException."""
    if size > _PAYLOAD:
        raise ClientException(f"The submission has {size} bytes; it must have at most {_PAYLOAD}.")
    overrides = len(msgspec.json.encode(request.container_overrides).decode())
    if overrides > _OVERRIDES:
        raise ClientException(f"Container Overrides length must be at most {_OVERRIDES}.")
    if request.depends_on or request.node_overrides:
        raise ClientException("Here is no dependsOn and no nodeOverrides: the local Batch does not have them.")
    _check_environment(request.container_overrides.environment)


def check_definition(request: RegisterJobDefinition, least_seconds: int) -> None:
    """What the types do not say. Raises ClientException."""
    if request.type != "container":
        raise ClientException(f"type: {request.type!r} is not container; here is nothing else.")
    kinds = {need.type for need in request.container_properties.resource_requirements}
    if kinds != {"VCPU", "MEMORY"}:
        raise ClientException("Container properties should contain vcpu and memory: resourceRequirements")
    _check_environment(request.container_properties.environment)
    check_policy(request.retry_strategy, request.timeout, least_seconds)


def check_policy(retries: RetryStrategy | None, timeout: JobTimeout | None, least_seconds: int) -> None:
    """Retries and time-out, of a definition or a job. Raises ClientException."""
    if retries and retries.evaluate_on_exit and retries.attempts is None:
        raise ClientException("retryStrategy: evaluateOnExit needs attempts.")
    for rule in retries.evaluate_on_exit if retries else ():
        if rule.on_exit_code is rule.on_reason is rule.on_status_reason is None:
            raise ClientException("evaluateOnExit: a rule needs one of onExitCode, onReason and onStatusReason.")
    if timeout and timeout.attempt_duration_seconds < least_seconds:
        raise ClientException(f"timeout: attemptDurationSeconds must be at least {least_seconds}.")


def _check_environment(variables: Sequence[KeyValuePair]) -> None:
    for variable in variables:
        if variable.name.startswith("AWS_BATCH"):
            raise ClientException(f"environment: {variable.name} begins with AWS_BATCH, which is Batch's own.")

"""Read the failures that AWS reports: Lambda's and Kafka's failure documents, and Batch's state changes. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.domain import stored_documents
from core.domain.errors import Code, Refusal
from core.domain.model import HandOver
from core.services.dispatch.job_events import FailureCause, InvocationFailed, JobFailed, work_id_of

_STATE_CHANGE = "Batch Job State Change"

# Phrases of Batch's status reasons, as observed or as AWS documents them; AWS publishes no complete list
_TIMED_OUT = re.compile("attempt duration exceeded", re.IGNORECASE)
_RECLAIMED = re.compile(
    r"host ec2|spot (task|instance) was|spot interruption|spotinterruption|network interface", re.IGNORECASE
)
_OUT_OF_MEMORY = re.compile("outofmemoryerror", re.IGNORECASE)
_NOT_STARTED = re.compile(
    r"cannotpullcontainer|cannotpullimage|cannotstartcontainer|cannotcreatecontainer|resourceinitializationerror"
    r"|task failed to start|^misconfiguration:|^capacity:",
    re.IGNORECASE,
)
#: The status reason of an array job with failed children.
_CHILD_FAILED = "Array Child Job failed"
_KILLED = 137  # 128 + SIGKILL: Linux's out-of-memory killer
_EX_TEMPFAIL, _EX_CONFIG = 75, 78  # exit codes of batch/__main__.py
#: Error types of a function that cannot be loaded: Lambda's and Python's, and this program's own Misconfigured.
_BAD_DEPLOYMENT = re.compile(
    r"Runtime\.(ImportModuleError|HandlerNotFound|MalformedHandlerName|UserCodeSyntaxError|Invalid\w+)"
    r"|ImportError|ModuleNotFoundError|SyntaxError|KMS\w*Exception|\w*AccessDenied\w*|Misconfigured"
)


class _Container(msgspec.Struct, rename="camel"):
    exit_code: int | None = None
    reason: str | None = None


class _Attempt(msgspec.Struct, rename="camel"):
    container: _Container | None = None
    status_reason: str | None = None


class _Array(msgspec.Struct):
    index: int | None = None
    size: int | None = None


class _Detail(msgspec.Struct, rename="camel"):
    job_name: str
    job_id: str
    status: str
    status_reason: str | None = None
    container: _Container | None = None
    attempts: list[_Attempt] | None = None
    array_properties: _Array | None = None
    stopped_at: int | None = None
    is_cancelled: bool | None = None
    is_terminated: bool | None = None


class _StateChange(msgspec.Struct):
    time: datetime
    detail: _Detail


class _Context(msgspec.Struct, rename="camel"):
    condition: str = "no condition"


class _Response(msgspec.Struct, rename="camel"):
    error_type: str = ""
    error_message: str = ""


def is_state_change(document: object) -> bool:
    """Whether `document` is an EventBridge event of a Batch job."""
    return isinstance(document, Mapping) and document.get("detail-type") == _STATE_CHANGE


def is_failed_invocation(document: object) -> bool:
    """Whether `document` is a failure document of Lambda's."""
    return isinstance(document, Mapping) and "requestContext" in document


def is_hand_over(document: object) -> bool:
    """Whether `document` is a hand-over, a message of this program itself."""
    return isinstance(document, Mapping) and "job" in document


def decode(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """The JSON document in a message or an object. Raises Refusal(INVALID_EVENT)."""
    try:
        return stored_documents.decode(text, object)
    except stored_documents.UnreadableError as error:
        raise Refusal(Code.INVALID_EVENT, f"It is not JSON: {error}") from error


def read_hand_over(document: Mapping[str, Any]) -> HandOver:
    """The image that a message hands over. Raises Refusal(INVALID_EVENT) that names the field."""
    hand_over: HandOver = _convert(document, HandOver, "a job that was handed over")
    return hand_over


def read_state_change(document: Mapping[str, Any]) -> JobFailed | None:
    """The failed job of a state change; None for another state, or a job of another program.

    Also None for the parent of an array job, which fails because its children failed, unless it was cancelled before
    they started. https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html
    """
    change = _convert(document, _StateChange, "a state change of Batch")
    detail = change.detail
    work_id = work_id_of(detail.job_name)
    if work_id is None or detail.status != "FAILED":
        return None
    array = detail.array_properties
    is_parent = array is not None and array.size is not None and array.index is None
    cause = _cause(detail)
    children_ran = (detail.status_reason or "").startswith(_CHILD_FAILED) and not (
        detail.is_cancelled or detail.is_terminated
    )
    if is_parent and (children_ran or cause not in (FailureCause.CANCELLED, FailureCause.NOT_STARTED)):
        return None
    index = None if is_parent else (array.index or 0) if array else 0
    stopped = datetime.fromtimestamp(detail.stopped_at / 1000, UTC) if detail.stopped_at else change.time
    container = _last_container(detail)
    quoted = " ".join(text for text in (detail.status_reason, container.reason) if text) or "no reason"
    exit_code = f", exit code {container.exit_code}" if container.exit_code is not None else ""
    return JobFailed(
        work_id=work_id,
        index=index,
        cause=cause,
        reason=f"Batch job {detail.job_id} failed: {quoted.rstrip('.')}{exit_code}.",
        at=stopped,
    )


def read_failed_invocation(document: Mapping[str, Any]) -> InvocationFailed:
    """The event in a failure document of an asynchronous invocation, or of an event source mapping.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
    Raises Refusal(INVALID_EVENT) if the event is not in it: mappings send none to SQS and SNS.
    """
    payload = document.get("requestPayload", document.get("payload"))
    if isinstance(payload, str):  # AWS does not document whether the event is JSON, or a string of JSON
        payload = decode(payload)
    if payload is None:
        raise Refusal(Code.INVALID_EVENT, "The failure document has neither requestPayload nor payload.")
    context = _convert(document["requestContext"], _Context, "a failure document")
    response_payload = document.get("responsePayload")
    response = _convert(response_payload if isinstance(response_payload, dict) else {}, _Response, "a failure document")
    quoted = ": ".join(text for text in (response.error_type, response.error_message) if text)
    return InvocationFailed(
        payload=payload,
        reason=f"The event failed in Lambda ({context.condition}){': ' if quoted else ''}{quoted.rstrip('.')}.",
        is_deployment=_BAD_DEPLOYMENT.fullmatch(response.error_type) is not None,
        at=_convert(document.get("timestamp"), datetime, "a failure document"),
    )


def _cause(detail: _Detail) -> FailureCause:
    """The first sign that applies, causes before effects: Batch ends a job by SIGTERM and SIGKILL for many reasons."""
    container = _last_container(detail)
    reason = detail.status_reason or ""
    reasons = " ".join(
        text
        for text in (reason, container.reason, *(attempt.status_reason for attempt in detail.attempts or []))
        if text
    )
    never_ran = container.exit_code is None and not detail.attempts
    signs = {
        FailureCause.TIMED_OUT: _TIMED_OUT.search(reason),
        FailureCause.INTERRUPTED: _RECLAIMED.search(reason),
        FailureCause.NOT_STARTED: _NOT_STARTED.search(reason) or _NOT_STARTED.search(container.reason or ""),
        # A job that never ran, without a reason of Batch: its reason is a person's text for the cancellation
        FailureCause.CANCELLED: detail.is_cancelled
        or detail.is_terminated
        or (never_ran and not _OUT_OF_MEMORY.search(reasons)),
        FailureCause.OUT_OF_MEMORY: _OUT_OF_MEMORY.search(reasons) or container.exit_code == _KILLED,
    }
    by_exit_code = {_EX_TEMPFAIL: FailureCause.INTERRUPTED, _EX_CONFIG: FailureCause.MISCONFIGURED}
    otherwise = by_exit_code.get(container.exit_code or 0, FailureCause.CRASHED)
    return next((cause for cause, sign in signs.items() if sign), otherwise)


def _last_container(detail: _Detail) -> _Container:
    """The container of the job, else of its last attempt: that of a job with retries has no exit code."""
    last = detail.attempts[-1].container if detail.attempts else None
    own = detail.container
    if own is None or (own.exit_code is None and own.reason is None):
        return last or _Container()
    return own


def _convert(value: object, kind: Any, description: str) -> Any:  # noqa: ANN401 - msgspec's own
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_EVENT, f"It is not {description}: {error}") from error

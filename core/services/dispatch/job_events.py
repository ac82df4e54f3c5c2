"""What AWS says of what did not work out, as values: Lambda's and Kafka's failure documents, Batch's state changes.

Pure. What the events inside of them mean is the doors' to say.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from core.domain import stored_documents
from core.domain.errors import Code, Refusal
from core.domain.model import HandOver, Value

#: What our submissions are called, with the id of their work: so a state change says whose it is.
_JOB_NAME = re.compile(r"picture-perfect-([0-9a-f-]{36})")
_STATE_CHANGE = "Batch Job State Change"

# Batch's own words. No document lists them all; these begin, or stand in, what it was seen to say
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
#: What Batch says of an array whose children ran, some of them in vain.
_CHILD_FAILED = "Array Child Job failed"
_KILLED = 137  # 128 + SIGKILL: on Linux the kernel's answer to too much memory
_EX_TEMPFAIL, _EX_CONFIG = 75, 78  # as batch/__main__.py ends
#: AWS says so of a function that cannot be loaded; the last is how this program itself says it.
_BAD_DEPLOYMENT = re.compile(
    r"Runtime\.(ImportModuleError|HandlerNotFound|MalformedHandlerName|UserCodeSyntaxError|Invalid\w+)"
    r"|ImportError|ModuleNotFoundError|SyntaxError|KMS\w*Exception|\w*AccessDenied\w*|Misconfigured"
)


class Fate(StrEnum):
    """Why a Batch job failed, as far as it matters to what becomes of its images."""

    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    NOT_STARTED = "not_started"
    INTERRUPTED = "interrupted"  # by AWS, or by a service that did not answer: no image is to blame
    CRASHED = "crashed"
    MISCONFIGURED = "misconfigured"


class JobFailed(Value, frozen=True, kw_only=True):
    """A Batch job of ours that failed for good. `index` is the share; None: all of them.

    `at` is when it stopped; `reason` is a sentence with Batch's words.
    """

    work_id: str
    index: int | None
    fate: Fate
    reason: str
    at: datetime


class InvocationFailed(Value, frozen=True, kw_only=True):
    """An event that Lambda gave up on, as it was. `is_deployment`: for the function's sake, not the event's."""

    payload: Any
    reason: str
    is_deployment: bool
    at: datetime


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
    condition: str = "gave no condition"


class _Response(msgspec.Struct, rename="camel"):
    error_type: str = ""
    error_message: str = ""


def job_name(work_id: str) -> str:
    """What the submission of this work is called."""
    return f"picture-perfect-{work_id}"


def is_state_change(document: object) -> bool:
    return isinstance(document, Mapping) and document.get("detail-type") == _STATE_CHANGE


def is_invocation(document: object) -> bool:
    return isinstance(document, Mapping) and "requestContext" in document


def is_hand_over(document: object) -> bool:
    return isinstance(document, Mapping) and "job" in document


def decode(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """The document in a message or an object. Raises Refusal(INVALID_EVENT)."""
    try:
        return stored_documents.decode(text, object)
    except stored_documents.UnreadableError as error:
        raise Refusal(Code.INVALID_EVENT, f"It is not JSON: {error}") from error


def hand_over(document: Mapping[str, Any]) -> HandOver:
    """A message of a door. Raises Refusal(INVALID_EVENT) that names the field."""
    found: HandOver = _convert(document, HandOver, "a job that was handed over")
    return found


def state_change(document: Mapping[str, Any]) -> JobFailed | None:
    """What a state change says; None where there is nothing to do for it: another state, or another's job.

    The parent of an array fails after its children, and they have said why, unless it was ended before it had any.
    https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html
    """
    change = _convert(document, _StateChange, "a state change of Batch")
    detail = change.detail
    ours = _JOB_NAME.fullmatch(detail.job_name)
    if ours is None or detail.status != "FAILED":
        return None
    array = detail.array_properties
    is_parent = array is not None and array.size is not None and array.index is None
    fate = _fate(detail)
    children_ran = (detail.status_reason or "").startswith(_CHILD_FAILED) and not (
        detail.is_cancelled or detail.is_terminated
    )
    if is_parent and (children_ran or fate not in (Fate.CANCELLED, Fate.NOT_STARTED)):
        return None
    index = None if is_parent else (array.index or 0) if array else 0
    stopped = datetime.fromtimestamp(detail.stopped_at / 1000, UTC) if detail.stopped_at else change.time
    said = " ".join(word for word in (detail.status_reason, _container(detail).reason) if word) or "no reason"
    code = _container(detail).exit_code
    exited = f", exit code {code}" if code is not None else ""
    return JobFailed(
        work_id=ours[1],
        index=index,
        fate=fate,
        reason=f"Batch job {detail.job_id} failed: {said.rstrip('.')}{exited}.",
        at=stopped,
    )


def invocation(document: Mapping[str, Any]) -> InvocationFailed:
    """A failure document of an asynchronous invocation, or of an event source mapping, with its whole event.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
    Raises Refusal(INVALID_EVENT) for one without its event: SQS and SNS get those of mappings so.
    """
    payload = document.get("requestPayload", document.get("payload"))
    if isinstance(payload, str):  # the documentation does not say whether the whole event is JSON, or JSON in a string
        payload = decode(payload)
    if payload is None:
        raise Refusal(Code.INVALID_EVENT, "The failure document has neither requestPayload nor payload.")
    context = _convert(document["requestContext"], _Context, "a failure document")
    said = document.get("responsePayload")
    response = _convert(said if isinstance(said, dict) else {}, _Response, "a failure document")
    words = ": ".join(word for word in (response.error_type, response.error_message) if word)
    return InvocationFailed(
        payload=payload,
        reason=f"Lambda gave up on it ({context.condition}){': ' if words else ''}{words.rstrip('.')}.",
        is_deployment=_BAD_DEPLOYMENT.fullmatch(response.error_type) is not None,
        at=_convert(document.get("timestamp"), datetime, "a failure document"),
    )


def _fate(detail: _Detail) -> Fate:
    """Of several signs the one that explains the others: a job that Batch ends is told so by SIGTERM, then killed."""
    container = _container(detail)
    said = " ".join(
        word
        for word in (detail.status_reason, container.reason, *(one.status_reason for one in detail.attempts or []))
        if word
    )
    reason = detail.status_reason or ""
    never_ran = container.exit_code is None and not detail.attempts
    signs = {
        Fate.TIMED_OUT: _TIMED_OUT.search(reason),
        Fate.INTERRUPTED: _RECLAIMED.search(reason),
        Fate.NOT_STARTED: _NOT_STARTED.search(reason) or _NOT_STARTED.search(container.reason or ""),
        # What never ran, and for no reason of Batch's: someone's own words are the reason
        Fate.CANCELLED: detail.is_cancelled or detail.is_terminated or (never_ran and not _OUT_OF_MEMORY.search(said)),
        Fate.OUT_OF_MEMORY: _OUT_OF_MEMORY.search(said) or container.exit_code == _KILLED,
    }
    known = {_EX_TEMPFAIL: Fate.INTERRUPTED, _EX_CONFIG: Fate.MISCONFIGURED}
    otherwise = known.get(container.exit_code or 0, Fate.CRASHED)
    return next((fate for fate, sign in signs.items() if sign), otherwise)


def _container(detail: _Detail) -> _Container:
    """The last that ran; a job's own has no exit code where it is retried."""
    last = detail.attempts[-1].container if detail.attempts else None
    own = detail.container
    if own is None or (own.exit_code is None and own.reason is None):
        return last or _Container()
    return own


def _convert(value: object, kind: Any, what: str) -> Any:  # noqa: ANN401 - msgspec's own
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Refusal(Code.INVALID_EVENT, f"It is not {what}: {error}") from error

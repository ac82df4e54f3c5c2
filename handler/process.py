"""The Lambda function that processes images: S3 notifications, and direct invokes.

Built when the module is loaded, so that Lambda's init phase pays for it and not the first image.
"""

import os
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from core import bootstrap
from core.errors import Code, PicturePerfectError, Refusal
from core.model import Outcome, Route
from core.requests import accept_bytes, accept_reference, read_request
from core.service import Processing
from handler import events

_RESERVE_SECONDS = 5.0  # for the uploads and the commit after the pixels are done
_RESERVE_SHARE = 0.2  # of what is left, where a function's time-out is short


class Context(Protocol):
    """What Lambda hands in beside the event."""

    def get_remaining_time_in_millis(self) -> int: ...


def answer(event: Any, context: Context, service: Processing) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """Work on what an event brings. Raises PicturePerfectError: Lambda then tells the caller, or tries again."""
    if events.is_s3_test(event):
        return {"images": []}
    if isinstance(event, dict) and "Records" in event:
        return {"images": _uploads(event, context, service)}
    if isinstance(event, dict) and "customer" in event:
        return _direct(event, context, service)
    known = ", ".join(sorted(event)) if isinstance(event, dict) else type(event).__name__
    raise Refusal(
        Code.INVALID_EVENT,
        f"An event with {known or 'nothing in it'} is neither a notification of S3 (`Records`) nor a request "
        "(`customer`, `pipeline`, and `image` or `s3`).",
    )


def _uploads(event: dict[str, Any], context: Context, service: Processing) -> list[dict[str, Any]]:
    """Every image of a notification gets its turn; then Lambda hears of the first that could not be brought to an end.

    It delivers the event again, and what has ended by then is answered as a duplicate.
    """
    summaries, errors = [], []
    for record in events.s3_records(event):
        try:
            job = events.upload_job(record)
            if job:
                summaries.append(_summary(service.process(job, seconds=_seconds(context))))
        except PicturePerfectError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return summaries


def _direct(event: dict[str, Any], context: Context, service: Processing) -> dict[str, Any]:
    request, now = read_request(event), datetime.now(UTC)
    if request.image is not None:
        job, body = accept_bytes(request, service.store.bucket, now)
        outcome = service.process(job, body, seconds=_seconds(context))
    else:
        job = accept_reference(request, service.store, service.references, now)
        outcome = service.process(job, seconds=_seconds(context))
    plain: dict[str, Any] = msgspec.to_builtins(outcome.result)
    return {**plain, "duplicate": outcome.duplicate}


def _summary(outcome: Outcome) -> dict[str, Any]:
    result = outcome.result
    return {
        "image_id": result.image_id,
        "status": result.status,
        "code": result.code,
        "message": result.message,
        "duplicate": outcome.duplicate,
    }


def _seconds(context: Context) -> float:
    left = context.get_remaining_time_in_millis() / 1000
    return left - min(_RESERVE_SECONDS, _RESERVE_SHARE * left)


_service = bootstrap.processing(os.environ, Route.LAMBDA)


def handle(event: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.process.handle`."""
    return answer(event, context, _service)

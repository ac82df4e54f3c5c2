"""The Lambda function that processes images: S3 notifications, Kafka's batches, and direct invokes.

Built when the module is loaded, so that Lambda's init phase pays for it and not the first image.
"""

import os
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from core.bootstrap.kafka import streaming
from core.bootstrap.process import processing
from core.domain import log
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Refusal
from core.domain.model import HandOver, Outcome, Route
from core.services.intake.kafka_batch import Ending, Refused, Streaming
from core.services.intake.refusals import refuse_upload
from core.services.intake.requests import accept_bytes, accept_reference, read_request
from core.services.processing.process import Processing
from handler import events, kafka

_RESERVE_SECONDS = 5.0  # for the uploads and the commit after the pixels are done
_RESERVE_SHARE = 0.2  # of what is left, where a function's time-out is short
_RESERVE_EACH = 0.1  # for each record of a batch beside: at the deadline all that are left are staged and handed over


class Context(Protocol):
    """What Lambda hands in beside the event."""

    def get_remaining_time_in_millis(self) -> int: ...


def answer(
    event: Any,  # noqa: ANN401 - whatever is sent
    context: Context,
    service: Processing,
    streaming: Streaming | None = None,
) -> dict[str, Any]:
    """Work on what an event brings. Raises PicturePerfectError: Lambda then tells the caller, or tries again."""
    if events.is_s3_test(event):
        return {"images": []}
    if kafka.is_kafka(event):
        return _batch(event, context, streaming)
    if isinstance(event, dict) and "Records" in event:
        return {"images": _uploads(event, context, service)}
    if isinstance(event, dict) and "customer" in event:
        return _direct(event, context, service)
    known = ", ".join(sorted(event)) if isinstance(event, dict) else type(event).__name__
    raise Refusal(
        Code.INVALID_EVENT,
        f"An event with {known or 'nothing in it'} is neither a notification of S3 (`Records`), nor a batch of Kafka "
        "(`eventSource`), nor a request (`customer`, `pipeline`, and `image` or `s3`).",
    )


def _batch(event: dict[str, Any], context: Context, streaming: Streaming | None) -> dict[str, Any]:
    """A batch of Kafka ends in success, unless S3 or SQS would not have it: then that comes again."""
    if streaming is None:
        raise Misconfigured(
            Code.INVALID_SETTINGS, "OVERFLOW_QUEUE_URL is missing: Kafka's images that do not fit are handed over to it"
        )
    records = kafka.records(event)
    endings = streaming.work(records, _seconds(context, len(records)))
    for ending in endings:
        _tell(ending)
    failed = [ending.record for ending in endings if isinstance(ending.what, Exception)]
    if streaming.partial:
        return kafka.failures(failed)
    for ending in endings:
        if isinstance(ending.what, Exception):
            raise ending.what
    return {
        "images": [_summary(ending.what) for ending in endings if isinstance(ending.what, Outcome)],
        "handed_over": [ending.what.job.image_id for ending in endings if isinstance(ending.what, HandOver)],
        "refused": [ending.what.key for ending in endings if isinstance(ending.what, Refused)],
    }


def _tell(ending: Ending) -> None:
    """One line of the log for what does not end here as it should. Never the record: it is a customer's."""
    match ending.what:
        case Refused(code=code, message=message, key=key):
            said = f"was refused ({code}): {message} It is kept in {key}: mend what sends it, and send it again."
        case HandOver(job=job, reason=reason):
            said = f"was handed over to the overflow queue as image {job.image_id} of customer {job.customer}: {reason}"
        case Exception() as error:
            said = f"comes again: {error if isinstance(error, PicturePerfectError) else repr(error)}"
        case _:
            return
    log.say(f"The record of {ending.record} {said}")


def _uploads(event: dict[str, Any], context: Context, service: Processing) -> list[dict[str, Any]]:
    """Every image of a notification gets its turn; then Lambda hears of the first that could not be brought to an end.

    It delivers the event again, and what has ended by then is answered as a duplicate.
    """
    summaries, errors = [], []
    for record in events.s3_records(event):
        try:
            summary = _upload(record, context, service)
            if summary:
                summaries.append(summary)
        except PicturePerfectError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return summaries


def _upload(record: events.S3Record, context: Context, service: Processing) -> dict[str, Any] | None:
    try:
        job = events.upload_job(record)
    except Refusal as refusal:  # however often it is delivered: it ends here
        source = record.source
        refuse_upload(service, source, refusal, service.now())
        return {"key": source.key, "status": "refused", "code": refusal.code, "message": refusal.message}
    return _told(service.bring(job, seconds=_seconds(context))) if job else None


def _direct(event: dict[str, Any], context: Context, service: Processing) -> dict[str, Any]:
    request, now = read_request(event), datetime.now(UTC)
    if request.image is not None:
        job, body = accept_bytes(request, service.store.bucket, now)
        outcome = service.bring(job, body, seconds=_seconds(context))
    else:
        job = accept_reference(request, service.store, service.references, now)
        outcome = service.bring(job, seconds=_seconds(context))
    if isinstance(outcome, HandOver):
        return _told(outcome)
    plain: dict[str, Any] = msgspec.to_builtins(outcome.result)
    return {**plain, "duplicate": outcome.duplicate}


def _told(ending: Outcome | HandOver) -> dict[str, Any]:
    """What the caller, or the log, hears of one image."""
    if isinstance(ending, Outcome):
        return _summary(ending)
    job = ending.job
    log.say(f"Image {job.image_id} of customer {job.customer} was handed over to the overflow queue: {ending.reason}")
    return {"image_id": job.image_id, "status": "handed_over", "tier": ending.tier, "message": ending.reason}


def _summary(outcome: Outcome) -> dict[str, Any]:
    result = outcome.result
    return {
        "image_id": result.image_id,
        "status": result.status,
        "code": result.code,
        "message": result.message,
        "duplicate": outcome.duplicate,
    }


def _seconds(context: Context, records: int = 0) -> float:
    left = context.get_remaining_time_in_millis() / 1000
    return left - min(_RESERVE_SECONDS + _RESERVE_EACH * records, _RESERVE_SHARE * left)


_service = processing(os.environ, Route.LAMBDA)
_streaming = streaming(os.environ, _service)


def handle(event: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.process.handle`."""
    return answer(event, context, _service, _streaming)

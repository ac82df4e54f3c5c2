"""The Lambda function that processes images: S3 notifications, Kafka batches, and direct invokes.

The services are made when the module is loaded, so that this time is in Lambda's init phase.
"""

import os
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from core.bootstrap.kafka import kafka_batch_processor
from core.bootstrap.process import image_acceptor, image_processor
from core.domain import log
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Refusal
from core.domain.model import HandOver, Outcome, Route
from core.services.intake.accept import ImageAcceptor
from core.services.intake.kafka_batch import KafkaBatchProcessor, RecordEnding, RefusedRecord
from core.services.intake.refusals import refuse_upload
from core.services.intake.requests import read_request
from core.services.processing.process import ImageProcessor
from handler import events, kafka

_RESERVE_SECONDS = 5.0  # for uploads and the commit, after the pixels
_RESERVE_SHARE = 0.2  # of the time left, if the function's time-out is short
_RESERVE_EACH = 0.1  # seconds for each record of a batch: at the deadline the rest are staged and handed over


class Context(Protocol):
    """The second argument of a Lambda handler."""

    def get_remaining_time_in_millis(self) -> int: ...


def answer(
    event: Any,  # noqa: ANN401 - any JSON
    context: Context,
    processor: ImageProcessor,
    acceptor: ImageAcceptor,
    kafka_batches: KafkaBatchProcessor | None = None,
) -> dict[str, Any]:
    """Process the images of an event. Raises PicturePerfectError: Lambda returns it to the caller, or tries again."""
    if events.is_s3_test(event):
        return {"images": []}
    if kafka.is_kafka(event):
        return _process_batch(event, context, kafka_batches)
    if isinstance(event, dict) and "Records" in event:
        return {"images": _process_uploads(event, context, processor)}
    if isinstance(event, dict) and "customer" in event:
        return _process_request(event, context, processor, acceptor)
    fields = ", ".join(sorted(event)) if isinstance(event, dict) else type(event).__name__
    raise Refusal(
        Code.INVALID_EVENT,
        f"An event with {fields or 'no fields'} is neither a notification of S3 (`Records`), nor a batch of Kafka "
        "(`eventSource`), nor a request (`customer`, `pipeline`, and `image` or `s3`).",
    )


def _process_batch(
    event: dict[str, Any], context: Context, kafka_batches: KafkaBatchProcessor | None
) -> dict[str, Any]:
    """Answer with success, or with the records that failed because S3 or SQS did not answer."""
    if kafka_batches is None:
        raise Misconfigured(
            Code.INVALID_SETTINGS, "OVERFLOW_QUEUE_URL is missing: Kafka's images that do not fit are handed over to it"
        )
    records = kafka.records(event)
    endings = kafka_batches.process(records, _seconds(context, len(records)))
    for ending in endings:
        _log_record(ending)
    errors = [(ending.record, ending.outcome) for ending in endings if isinstance(ending.outcome, Exception)]
    if kafka_batches.partial:
        return kafka.failures(record for record, _ in errors)
    for _, error in errors:
        raise error
    outcomes = [ending.outcome for ending in endings]
    return {
        "images": [_summarise(outcome) for outcome in outcomes if isinstance(outcome, Outcome)],
        "handed_over": [outcome.job.image_id for outcome in outcomes if isinstance(outcome, HandOver)],
        "refused": [outcome.key for outcome in outcomes if isinstance(outcome, RefusedRecord)],
    }


def _log_record(ending: RecordEnding) -> None:
    """Log a record that has no result. Never its content, which is the customer's."""
    match ending.outcome:
        case RefusedRecord(code=code, message=message, key=key):
            text = f"was refused ({code}): {message} It is kept in {key}: fix its producer, and send it again."
        case HandOver(job=job, reason=reason):
            text = f"was handed over to the overflow queue as image {job.image_id} of customer {job.customer}: {reason}"
        case Exception() as error:
            details = error if isinstance(error, PicturePerfectError) else repr(error)
            text = f"will be delivered again: {details}"
        case _:
            return
    log.say(f"The record of {ending.record} {text}")


def _process_uploads(event: dict[str, Any], context: Context, processor: ImageProcessor) -> list[dict[str, Any]]:
    """Process every image of a notification, then raise the first error, if any.

    Lambda delivers the event again then, and the images that have a result are answered as duplicates.
    """
    summaries, errors = [], []
    for record in events.s3_records(event):
        try:
            summary = _process_upload(record, context, processor)
            if summary:
                summaries.append(summary)
        except PicturePerfectError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return summaries


def _process_upload(record: events.S3Record, context: Context, processor: ImageProcessor) -> dict[str, Any] | None:
    try:
        job = events.accept_upload(record)
    except Refusal as refusal:  # not raised: the next delivery would be refused as well
        source, committer = record.source, processor.committer
        refuse_upload(committer, source, refusal, committer.now())
        return {"key": source.key, "status": "refused", "code": refusal.code, "message": refusal.message}
    if job is None:
        return None
    return _log_and_summarise(processor.process_or_hand_over(job, seconds=_seconds(context)))


def _process_request(
    event: dict[str, Any], context: Context, processor: ImageProcessor, acceptor: ImageAcceptor
) -> dict[str, Any]:
    image = acceptor.request(read_request(event), datetime.now(UTC))
    outcome = processor.process_or_hand_over(image.job, image.body, _seconds(context))
    if isinstance(outcome, HandOver):
        return _log_and_summarise(outcome)
    result: dict[str, Any] = msgspec.to_builtins(outcome.result)
    return {**result, "duplicate": outcome.duplicate}


def _log_and_summarise(outcome: Outcome | HandOver) -> dict[str, Any]:
    """The answer for one image; a hand-over is logged too."""
    if isinstance(outcome, Outcome):
        return _summarise(outcome)
    job = outcome.job
    log.say(f"Image {job.image_id} of customer {job.customer} was handed over to the overflow queue: {outcome.reason}")
    return {"image_id": job.image_id, "status": "handed_over", "tier": outcome.tier, "message": outcome.reason}


def _summarise(outcome: Outcome) -> dict[str, Any]:
    result = outcome.result
    return {
        "image_id": result.image_id,
        "status": result.status,
        "code": result.code,
        "message": result.message,
        "duplicate": outcome.duplicate,
    }


def _seconds(context: Context, records: int = 0) -> float:
    """The seconds for the images of an event, less the reserve for what follows the pixels."""
    left = context.get_remaining_time_in_millis() / 1000
    return left - min(_RESERVE_SECONDS + _RESERVE_EACH * records, _RESERVE_SHARE * left)


_processor = image_processor(os.environ, Route.LAMBDA)
_acceptor = image_acceptor(os.environ, _processor.committer)
_kafka_batches = kafka_batch_processor(os.environ, _processor, _acceptor)


def handle(event: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The entry point: `handler.process.handle`."""
    return answer(event, context, _processor, _acceptor, _kafka_batches)

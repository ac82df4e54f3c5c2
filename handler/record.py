"""The Lambda function behind the records queue: it records committed results in the company's database."""

import json
import os
from typing import Any

from core.bootstrap.record import recorder
from core.domain import log
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.services.recorder import Recorder
from handler import events, sqs


def answer(event: Any, recorder: Recorder) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Record a batch of messages; the answer names those that failed, to be delivered again.

    Raises Unavailable if the database does not answer: the whole batch is delivered again.
    """
    failures: dict[str, PicturePerfectError] = {}
    keys_by_message: dict[str, list[str]] = {}
    for message in sqs.read_messages(event, "recorder"):
        try:
            keys_by_message[message.message_id] = _result_keys(message.body)
        except PicturePerfectError as error:
            failures[message.message_id] = error
    failed_keys = recorder.record(key for keys in keys_by_message.values() for key in keys)
    for identifier, keys in keys_by_message.items():
        for key in keys:
            if key in failed_keys:
                failures[identifier] = failed_keys[key]
    for identifier, failure in failures.items():
        log.say(f"message {identifier} was not recorded: {failure}")
    return sqs.batch_item_failures(failures)


def _result_keys(body: str) -> list[str]:
    """The keys of the objects that a message announces. Raises Refusal(INVALID_EVENT)."""
    try:
        notification = json.loads(body)
    except ValueError as error:
        raise Refusal(Code.INVALID_EVENT, f"The message's body is not JSON: {error}") from error
    if events.is_s3_test(notification):
        return []
    return [record.s3.object.plain_key for record in events.s3_records(notification)]


_recorder = recorder(os.environ)


def handle(event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The entry point: `handler.record.handle`."""
    return answer(event, _recorder)

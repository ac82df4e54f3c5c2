"""The Lambda function that records what was committed: the records queue into the company's database."""

import json
import os
from typing import Any

from core.bootstrap.record import recorder
from core.domain import log
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.services.recorder import Recorder
from handler import events


def answer(event: Any, recorder: Recorder) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """Record a batch of messages; those that failed are named, and come again.

    Raises Unavailable when the database cannot be reached: the whole batch comes again.
    """
    messages = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(messages, list) or not all(
        isinstance(message, dict) and "messageId" in message for message in messages
    ):
        raise Refusal(Code.INVALID_EVENT, "The recorder takes batches of SQS messages (`Records`), nothing else.")
    failures: dict[str, PicturePerfectError] = {}
    wanted: dict[str, list[str]] = {}
    for message in messages:
        try:
            wanted[message["messageId"]] = _keys(message)
        except PicturePerfectError as error:
            failures[message["messageId"]] = error
    failed_keys = recorder.record(key for keys in wanted.values() for key in keys)
    for identifier, keys in wanted.items():
        for key in keys:
            if key in failed_keys:
                failures[identifier] = failed_keys[key]
    for identifier, failure in failures.items():
        log.say(f"message {identifier} was not recorded: {failure}")
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failures]}


def _keys(message: dict[str, Any]) -> list[str]:
    """The keys that one message tells of. Raises Refusal(INVALID_EVENT)."""
    try:
        body = json.loads(message["body"])
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal(Code.INVALID_EVENT, f"The message's body is not JSON: {error}") from error
    if events.is_s3_test(body):
        return []
    return [record.s3.object.plain_key for record in events.s3_records(body)]


_recorder = recorder(os.environ)


def handle(event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.record.handle`."""
    return answer(event, _recorder)

"""Batches of SQS messages, and the answer that names the messages to deliver again.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, ValidationError, convert

from core.domain.errors import Code, Refusal


class Message(Struct, rename="camel"):
    """One message. `body` is text as it was sent."""

    message_id: str
    body: str


class _Batch(Struct):
    Records: list[Message]


def read_messages(event: object, function: str) -> list[Message]:
    """The messages of a batch. Raises Refusal(INVALID_EVENT) for another event; `function` names its receiver."""
    try:
        return convert(event, _Batch).Records
    except ValidationError as error:
        raise Refusal(
            Code.INVALID_EVENT, f"The {function} takes batches of SQS messages (`Records`), nothing else: {error}."
        ) from error


def batch_item_failures(identifiers: Iterable[object]) -> dict[str, Any]:
    """The answer of a partial batch response; without identifiers the whole batch has succeeded."""
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}

"""The event that Lambda makes of a batch of SQS messages, and what the function's answer means. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from localcloud.clients import REGION
from localcloud.lambda_.function import Invocation

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


def sqs_event(messages: Iterable[Mapping[str, Any]], queue_arn: str = "") -> dict[str, Any]:
    """The event of these messages, given as ReceiveMessage returns them."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    body: str = message["Body"]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message.get("ReceiptHandle", ""),
        "body": body,
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def succeeded(batch: Sequence["MessageTypeDef"], invocation: Invocation) -> list["MessageTypeDef"]:
    """The messages that are deleted, by AWS's rules for `batchItemFailures`.

    None after an error. An answer without failures deletes all; an answer that is malformed, or that names a message
    outside the batch, deletes none.
    """
    if invocation.error:
        return []
    answer = invocation.payload
    if answer is None:
        return list(batch)
    if not isinstance(answer, dict):
        return []
    failures = answer.get("batchItemFailures") or []
    try:
        failed = {failure["itemIdentifier"] for failure in failures}
    except (TypeError, KeyError):
        return []
    if not failed <= {message["MessageId"] for message in batch}:
        return []
    return [message for message in batch if message["MessageId"] not in failed]

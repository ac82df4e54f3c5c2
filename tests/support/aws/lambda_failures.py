"""Failure documents of AWS Lambda, for events that it no longer retries.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
"""

import json
from typing import Any

from tests.support.values import NOW

_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:process"


def gave_up(event: Any, error_type: str = "Sandbox.Timedout", **more: Any) -> str:
    """The failure document of an asynchronous invocation, as a message of its failure destination."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": NOW.isoformat().replace("+00:00", "Z"),
            "requestContext": {
                "requestId": "e4b46cbf-b738-4f0b-8880-a18cdf61200e",
                "functionArn": f"{_FUNCTION}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorType": error_type, "errorMessage": "RequestId: e4b46cbf Error: it ended."},
            **more,
        }
    )


def gave_up_batch(event: dict[str, Any]) -> str:
    """The failure document of a Kafka event source mapping in S3: the event is JSON in a string."""
    return json.dumps(
        {
            "requestContext": {
                "requestId": "316aa6d0-8154-4f0b-9af7-85d5f4a6bc81",
                "functionArn": _FUNCTION,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": NOW.isoformat().replace("+00:00", "Z"),
            "KafkaBatchInfo": {"batchSize": 2, "eventSourceArn": event["eventSourceArn"], "payloadSize": 2039},
            "payload": json.dumps(event),
        }
    )

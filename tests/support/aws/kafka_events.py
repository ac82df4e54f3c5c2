"""Events of Lambda's event source mapping for Kafka, and of the overflow queue."""

from base64 import b64encode
from typing import Any

from core.domain.model import ImageJob
from handler import failure_documents
from tests.support.values import NOW

ARN = "arn:aws:kafka:us-east-1:123456789012:cluster/pictures/1"
TIMESTAMP = int(NOW.timestamp() * 1000)


def record(
    value: bytes | None = b"photo", offset: int = 0, *, topic: str = "images", partition: int = 0, **headers: Any
) -> dict[str, Any]:
    """One record, of customer acme by default; headers by their names, with underscores for dashes."""
    texts = {"customer_id": "acme"} | headers
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": TIMESTAMP,
        "timestampType": "CREATE_TIME",
        "value": b64encode(value).decode() if value is not None else None,
        "headers": [{name.replace("_", "-"): _bytes(text)} for name, text in texts.items() if text is not None],
    }


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    """The event with these records."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in records:
        groups.setdefault(f"{one['topic']}-{one['partition']}", []).append(one)
    return {"eventSource": "aws:kafka", "eventSourceArn": ARN, "bootstrapServers": "b-1:9092", "records": groups}


def overflow(*bodies: str) -> dict[str, Any]:
    """The event with these messages of the overflow queue."""
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs"} for number, body in enumerate(bodies)
        ]
    }


def handed_over(body: str) -> ImageJob:
    """The job in a message of the overflow queue."""
    return failure_documents.read_hand_over(failure_documents.decode(body)).job


def _bytes(text: str | bytes) -> list[int]:
    content = text if isinstance(text, bytes) else text.encode()
    return [byte - 256 if byte > 127 else byte for byte in content]

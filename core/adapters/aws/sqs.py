"""SQS: announcing objects to the recorder, and handing jobs over to Batch."""

from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import msgspec

from core.adapters.aws.errors import translate_errors
from core.domain.errors import Code
from core.domain.model import Estimate, HandOver, ImageJob

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsAnnouncements:
    """Sends S3's own notification again, in case S3 lost it; the recorder cannot tell the two apart."""

    def __init__(self, client: "SQSClient", queue_url: str, bucket: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._bucket = bucket

    def announce(self, key: str) -> None:
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self._bucket}, "object": {"key": quote_plus(key, safe="/")}},
        }
        body = msgspec.json.encode({"Records": [record]}).decode()
        with translate_errors(f"Announcing {key}", Code.QUEUE_UNAVAILABLE):
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)


class SqsHandovers:
    """Sends jobs to the overflow queue, which `handler.dispatch` reads."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def hand_over(
        self, job: ImageJob, reason: str, tier: str = "", estimate: Estimate | None = None, attempt: int = 0
    ) -> None:
        message = HandOver(job=job, reason=reason, tier=tier, estimate=estimate, attempt=attempt)
        body = msgspec.json.encode(message).decode()
        with translate_errors(f"Handing over image {job.image_id}", Code.QUEUE_UNAVAILABLE):
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)

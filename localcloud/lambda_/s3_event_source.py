"""S3's notifications to a function: one asynchronous invocation for each record."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.queue_poller import QueuePoller
from localcloud.s3_sqs_cloudwatch.s3_notifications import records

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class S3EventSource(QueuePoller):
    """Reads notifications from an SQS queue, because moto's S3 can notify queues but not this cloud's functions."""

    def __init__(
        self, sqs: "SQSClient", queue_url: str, invoker: AsyncInvoker, complete_body: Callable[[str], str] = str
    ) -> None:
        super().__init__(sqs, queue_url, complete_body)
        self._invoker = invoker

    def _poll(self) -> bool:
        messages = self._receive()
        for message in messages:
            # AWS sends functions one record an event, and no s3:TestEvent.
            for record in records(self._complete_body(message["Body"])):
                self._invoker.submit({"Records": [record]})
            self._delete(message)
        return bool(messages)

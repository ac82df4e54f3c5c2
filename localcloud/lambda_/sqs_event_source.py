"""SQS to a function: an event source mapping with ReportBatchItemFailures."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from localcloud.clients import queue_arn
from localcloud.lambda_.function import Function
from localcloud.lambda_.queue_poller import MAX_RECEIVED, QueuePoller
from localcloud.lambda_.sqs_events import sqs_event, succeeded

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef


class SqsEventSource(QueuePoller):
    """Deletes the messages that the function did not report as failed; after an error, none.

    The others are delivered again after their visibility time-out, until the queue's redrive policy moves them to the
    dead-letter queue.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        queue_url: str,
        function: Function,
        complete_body: Callable[[str], str] = str,
        *,
        batch_size: int = 10,
        batching_window: float = 0.0,
    ) -> None:
        """Collect up to `batch_size` messages for `batching_window` seconds, then invoke."""
        super().__init__(sqs, queue_url, complete_body)
        self._function = function
        self._batch_size = batch_size
        self._batching_window = batching_window
        self._queue_arn = queue_arn(sqs, queue_url)

    def _poll(self) -> bool:
        batch = self._collect()
        if not batch:
            return False
        messages = ({**message, "Body": self._complete_body(message["Body"])} for message in batch)
        invocation = self._function.invoke(sqs_event(messages, self._queue_arn))
        for message in succeeded(batch, invocation):
            self._delete(message)
        return True

    def _collect(self) -> list["MessageTypeDef"]:
        batch = self._receive(min(MAX_RECEIVED, self._batch_size))
        window_end = time.monotonic() + self._batching_window
        while batch and len(batch) < self._batch_size and time.monotonic() < window_end:
            more = self._receive(min(MAX_RECEIVED, self._batch_size - len(batch)))
            batch += more
            if not more and self._wait_for_more():
                break
        return batch

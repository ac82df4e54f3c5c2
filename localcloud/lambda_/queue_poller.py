"""A thread that polls one SQS queue, for the event sources that read from queues."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from localcloud.lambda_.function import FunctionClosedError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
#: The most messages of one ReceiveMessage.
MAX_RECEIVED = 10


class QueuePoller(ABC):
    """Polls from `start` to `close`. `complete_body` is applied to each message's body by the subclasses."""

    def __init__(self, sqs: "SQSClient", queue_url: str, complete_body: Callable[[str], str]) -> None:
        name = f"poll {queue_url.rsplit('/', 1)[-1]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._sqs = sqs
        self._queue_url = queue_url
        self._complete_body = complete_body
        self._stopping = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=30)

    @abstractmethod
    def _poll(self) -> bool:
        """Receive and process messages. Returns whether there were any."""

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._poll():
                    continue
            except FunctionClosedError:
                return
            except Exception:  # noqa: BLE001 - logged with its trace; one failed poll does not end the event source
                if not self._stopping.is_set():  # errors of a closing cloud are expected
                    _log.exception("Polling %s failed", self._queue_url)
            self._stopping.wait(_POLL_SECONDS)

    def _wait_for_more(self) -> bool:
        """Wait until the next poll. Returns whether the poller is stopping."""
        return self._stopping.wait(_POLL_SECONDS)

    def _receive(self, max_messages: int = MAX_RECEIVED) -> list["MessageTypeDef"]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=max_messages, MessageSystemAttributeNames=["All"]
        )
        return answer.get("Messages", [])

    def _delete(self, message: "MessageTypeDef") -> None:
        self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])

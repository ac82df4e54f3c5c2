"""The event sources: what AWS runs between a queue and a function."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from localcloud.clients import REGION, queue_arn
from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.function import Function, FunctionClosedError, Invocation
from localcloud.s3_notifications import records

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_MOST = 10  # messages SQS hands out at once


class _Poller:
    """A thread that looks into one queue again and again until it is closed."""

    def __init__(self, sqs: "SQSClient", queue_url: str, mend: Callable[[str], str]) -> None:
        name = f"poll {queue_url.rsplit('/', 1)[-1]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._sqs = sqs
        self._url = queue_url
        self._mend = mend
        self._stop_asked = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                if self._turn():
                    continue
            except FunctionClosedError:
                return
            except Exception:  # noqa: BLE001 - logged with its trace
                # A cloud does not stop polling over one bad turn; while it is going down, errors are its end.
                if not self._stop_asked.is_set():
                    _log.exception("polling %s", self._url)
            self._stop_asked.wait(_POLL_SECONDS)

    def close(self) -> None:
        self._stop_asked.set()
        self._thread.join(timeout=30)

    def _turn(self) -> bool:
        """One look; whether there was anything."""
        raise NotImplementedError

    def _receive(self, most: int = _MOST) -> list["MessageTypeDef"]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"]
        )
        return answer.get("Messages", [])

    def _delete(self, message: "MessageTypeDef") -> None:
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


class S3Source(_Poller):
    """S3 → function. The queue stands for Lambda's own asynchronous one, which nobody can look into."""

    def __init__(
        self, sqs: "SQSClient", queue_url: str, invoker: AsyncInvoker, mend: Callable[[str], str] = str
    ) -> None:
        super().__init__(sqs, queue_url, mend)
        self._invoker = invoker

    def _turn(self) -> bool:
        messages = self._receive()
        for message in messages:
            # AWS sends one record an event, and no test event to functions.
            for record in records(self._mend(message["Body"])):
                self._invoker.submit({"Records": [record]})
            self._delete(message)
        return bool(messages)


class SqsSource(_Poller):
    """SQS → function: an event source mapping with ReportBatchItemFailures.

    Deleted is only what the function did not report. After an error nothing is deleted, and all of it comes
    back when its visibility time-out has passed; the queue's own redrive policy moves it aside in the end.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        queue_url: str,
        function: Function,
        mend: Callable[[str], str] = str,
        *,
        batch_size: int = 10,
        window: float = 0.0,
    ) -> None:
        """Collect up to `batch_size` messages for `window` seconds, then invoke."""
        super().__init__(sqs, queue_url, mend)
        self._function = function
        self._size = batch_size
        self._window = window
        self._arn = queue_arn(sqs, queue_url)

    def _turn(self) -> bool:
        batch = self._collect()
        if not batch:
            return False
        invocation = self._function.invoke({"Records": [self._record(message) for message in batch]})
        for message in succeeded(batch, invocation):
            self._delete(message)
        return True

    def _collect(self) -> list["MessageTypeDef"]:
        batch = self._receive(min(_MOST, self._size))
        until = time.monotonic() + self._window
        while batch and len(batch) < self._size and time.monotonic() < until:
            more = self._receive(min(_MOST, self._size - len(batch)))
            batch += more
            if not more and self._stop_asked.wait(_POLL_SECONDS):
                break
        return batch

    def _record(self, message: "MessageTypeDef") -> dict[str, Any]:
        body = self._mend(message["Body"])
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": body,
            "attributes": dict(message.get("Attributes", {})),
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": REGION,
        }


class Schedule:
    """A rule of EventBridge's scheduler: a thread that invokes a function with one event, again and again."""

    def __init__(self, function: Function, event: dict[str, Any], every: float) -> None:
        """The first time after `every` seconds."""
        self._function = function
        self._event = event
        self._every = every
        self._stop_asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"schedule {function.config.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop_asked.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop_asked.wait(self._every):
            try:
                invocation = self._function.invoke(self._event)
            except FunctionClosedError:
                return
            if invocation.error:
                _log.error("%s failed on %s: %s", self._function.config.name, self._event, invocation.payload)


def succeeded(batch: Sequence["MessageTypeDef"], invocation: Invocation) -> list["MessageTypeDef"]:
    """The messages that may be deleted, by AWS's rules for `batchItemFailures`.

    An answer that names no failures is a success; one that cannot be understood, or that names a message
    that was not in the batch, is a failure of all of it.
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

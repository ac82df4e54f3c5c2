"""Lambda's asynchronous invocation: up to three attempts, then a failure document.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from localcloud.lambda_.failure_documents import failure_document
from localcloud.lambda_.function import Function, FunctionClosedError, Invocation

#: The first attempt and two retries, AWS's default MaximumRetryAttempts.
ATTEMPTS = 3


class AsyncInvoker:
    """The queue of a function's asynchronous invocations: S3's notifications and `Event` invocations."""

    def __init__(
        self, function: Function, put_failure_document: Callable[[str, bytes], object], backoff: float = 0.5
    ) -> None:
        """`put_failure_document(key, document)` is the on-failure destination, with the keys of AWS's S3 destination.

        `backoff` seconds pass before the first retry and twice as many before the second; AWS waits 60 and 120.
        """
        self._function = function
        self._put_failure_document = put_failure_document
        self._backoff = backoff
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(function.config.concurrency, thread_name_prefix="async")

    def submit(self, event: Any, done: Callable[[], object] = lambda: None) -> str:  # noqa: ANN401 - any JSON
        """Queue an event; returns its request id at once. `done` is called after the last attempt.

        Raises FunctionClosedError while the cloud closes.
        """
        request_id = str(uuid4())
        try:
            self._pool.submit(self._invoke, event, request_id, done)
        except RuntimeError as error:  # the pool was shut down
            raise FunctionClosedError(self._function.config.name) from error
        return request_id

    def close(self) -> None:
        """Begin no further attempt. Attempts that run end when the function is closed after this."""
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _invoke(self, event: Any, request_id: str, done: Callable[[], object]) -> None:  # noqa: ANN401
        for attempt in range(ATTEMPTS):
            if self._stopping.wait(self._backoff * attempt):
                return
            try:
                invocation = self._function.invoke(event, request_id)
            except FunctionClosedError:
                return
            if invocation.error is None:
                break
        else:
            self._put_failure_document(*_failure_document(self._function, event, invocation))
        done()


def _failure_document(function: Function, event: Any, last: Invocation) -> tuple[str, bytes]:  # noqa: ANN401
    return failure_document(
        f"async/{function.config.name}",
        {
            "requestId": last.request_id,
            "functionArn": f"{function.config.arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": ATTEMPTS,
        },
        requestPayload=event,
        responseContext={"statusCode": 200, "executedVersion": "$LATEST", "functionError": last.error},
        responsePayload=last.payload,
    )

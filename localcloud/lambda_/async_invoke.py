"""Lambda's asynchronous invocation: an event is tried up to three times, then kept as a failure document."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from localcloud.lambda_.function import Function, FunctionClosedError, Invocation

#: The first attempt and two retries, as AWS does unless told otherwise.
ATTEMPTS = 3


class AsyncInvoker:
    """Where S3's notifications and `Event` invocations wait for a function.

    AWS waits one minute before the first retry and two before the second; `backoff` is that minute here.
    """

    def __init__(self, function: Function, keep: Callable[[str, bytes], object], backoff: float = 0.5) -> None:
        """`keep(key, document)` is the on-failure destination; keys are those of AWS's S3 destination."""
        self._function = function
        self._keep = keep
        self._backoff = backoff
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(function.config.concurrency, thread_name_prefix="async")

    def submit(self, event: Any, done: Callable[[], object] = lambda: None) -> str:  # noqa: ANN401 - any JSON
        """Queue an event; returns its request id at once. `done` is called when it was answered or kept.

        Raises FunctionClosedError while the cloud is going down.
        """
        request_id = str(uuid4())
        try:
            self._pool.submit(self._work, event, request_id, done)
        except RuntimeError as error:  # the pool was shut down
            raise FunctionClosedError(self._function.config.name) from error
        return request_id

    def close(self) -> None:
        """Begin no further attempt. Close the function after this, to end those that run."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, event: Any, request_id: str, done: Callable[[], object]) -> None:  # noqa: ANN401
        for attempt in range(ATTEMPTS):
            if self._stop.wait(self._backoff * attempt):
                return
            try:
                invocation = self._function.invoke(event, request_id)
            except FunctionClosedError:
                return
            if invocation.error is None:
                break
        else:
            self._keep(*failure_document(self._function, event, invocation))
        done()


def failure_document(function: Function, event: Any, last: Invocation) -> tuple[str, bytes]:  # noqa: ANN401
    """Key and content of what AWS leaves in an S3 destination when all attempts have failed."""
    now = datetime.now(UTC)
    document = {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": last.request_id,
            "functionArn": f"{function.config.arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": ATTEMPTS,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": last.error,
        },
        "responsePayload": last.payload,
    }
    name = f"{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid4()}"
    return f"aws/lambda/async/{function.config.name}/{name}", json.dumps(document).encode()

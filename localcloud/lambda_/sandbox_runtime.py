"""The Lambda runtime inside one sandbox: `python -m localcloud.lambda_.sandbox_runtime FD HANDLER`.

It exchanges lines of JSON with its host over a socket:

    sandbox → {"ready": true} or {"error": …}, once
    host    → {"id", "event", "deadline_ms", "arn"}
    sandbox → {"result": …} or {"error": …}

Standard output and error are the function's log. When the host dies, even by SIGKILL, the socket ends and this process
kills its own group, so that no sandbox outlives its cloud.
"""

import importlib
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

Handler = Callable[[Any, "Context"], Any]


@dataclass
class Context:
    """The context of a Python handler, with the names of awslambdaric's LambdaContext."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    function_version: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_VERSION"])
    memory_limit_in_mb: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    log_group_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_GROUP_NAME"])
    log_stream_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_STREAM_NAME"])
    identity: None = None
    client_context: None = None
    tenant_id: None = None

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self.deadline_ms - int(time.time() * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


def _read_requests(source: TextIO, requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in source:
        requests.put(json.loads(line))
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _error_document(error: BaseException, request_id: str = "") -> dict[str, Any]:
    """An exception in the form in which awslambdaric reports it."""
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(error.__traceback__)[1:],
    }


def _load(name: str) -> Handler:
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler


def _handle(handler: Handler, request: dict[str, Any]) -> str:
    context = Context(request["id"], request["arn"], request["deadline_ms"])
    try:
        return json.dumps({"result": handler(request["event"], context)})
    except Exception as error:  # noqa: BLE001 - a handler's exception is the function's answer
        return json.dumps({"error": _error_document(error, request["id"])})


def main(fd: int, handler_name: str) -> None:
    channel = socket.socket(fileno=fd)
    os.set_inheritable(fd, False)  # the handler's child processes must not keep the socket open
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(channel.makefile("r"), requests), daemon=True).start()

    def send(line: str) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        channel.sendall(line.encode() + b"\n")

    try:
        handler = _load(handler_name)
    except Exception as error:  # noqa: BLE001 - the host answers every invocation with this error
        send(json.dumps({"error": _error_document(error)}))
        return
    send(json.dumps({"ready": True}))
    while True:
        send(_handle(handler, requests.get()))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

"""The Lambda runtime inside one sandbox: `python -m localcloud.lambda_.sandbox_runtime FD HANDLER`.

One line of JSON in, one out, over a socket that the host holds the other end of:

    host → {"id", "event", "deadline_ms", "arn"}        sandbox → {"ready": true} or {"error": …}, once
                                                        sandbox → {"result": …} or {"error": …}

Standard output and error are the function's log, so the answers never go there. When the host dies, by
whatever means, the socket ends and this process kills its own group: no sandbox outlives its cloud.
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
    """What AWS hands a Python handler beside the event; same names as awslambdaric's LambdaContext."""

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


def _listen(source: TextIO, inbox: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in source:
        inbox.put(json.loads(line))
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _described(error: BaseException, request_id: str = "") -> dict[str, Any]:
    """An exception as awslambdaric reports it."""
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


def _answer(handler: Handler, request: dict[str, Any]) -> str:
    context = Context(request["id"], request["arn"], request["deadline_ms"])
    try:
        return json.dumps({"result": handler(request["event"], context)})
    except Exception as error:  # noqa: BLE001 - whatever the handler raises is the function's answer
        return json.dumps({"error": _described(error, request["id"])})


def main(fd: int, handler_name: str) -> None:
    channel = socket.socket(fileno=fd)
    os.set_inheritable(fd, False)  # the handler's own children must not keep the line open
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel.makefile("r"), inbox), daemon=True).start()

    def say(line: str) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        channel.sendall(line.encode() + b"\n")

    try:
        handler = _load(handler_name)
    except Exception as error:  # noqa: BLE001 - the host answers every invocation with it
        say(json.dumps({"error": _described(error)}))
        return
    say(json.dumps({"ready": True}))
    while True:
        say(_answer(handler, inbox.get()))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

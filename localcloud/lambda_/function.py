"""A Lambda function: warm sandboxes, up to its concurrency, and its log."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from localcloud.clients import ACCOUNT, REGION
from localcloud.lambda_.sandbox_process import ROOT, Sandbox, SandboxDiedError, SandboxTimedOutError

#: Lambda's limit for the payload of a synchronous invocation and for its answer, in bytes.
MAX_PAYLOAD = 6_291_556


class FunctionClosedError(Exception):
    """The cloud closes: the event was not processed, or its outcome is unknown."""


@dataclass(frozen=True, kw_only=True)
class FunctionConfig:
    """The parameters of CreateFunction. `timeout` is in seconds; `{tmp}` in a variable is the sandbox's folder."""

    name: str
    handler: str
    timeout: float = 60.0
    memory_mb: int = 2048
    concurrency: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"


@dataclass(frozen=True)
class Invocation:
    """The outcome of an invocation. `error` is the header X-Amz-Function-Error: None or `Unhandled`."""

    request_id: str
    payload: Any
    error: str | None = None


class Function:
    """Invokes a handler as AWS would. Also a context manager that kills every sandbox on exit."""

    def __init__(
        self, config: FunctionConfig, folder: Path, on_log: Callable[[str], None] = lambda _line: None
    ) -> None:
        """Scratch space and the log go to `folder`; `on_log` is called with each line of the log."""
        self.config = config
        self.log_path = folder / f"{config.name}.log"
        self._folder = folder / config.name
        self._on_log = on_log
        self._slots = threading.BoundedSemaphore(config.concurrency)
        self._lock = threading.Lock()
        self._log_lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._all: set[Sandbox] = set()
        self._started = 0
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def invoke(self, event: Any, request_id: str | None = None) -> Invocation:  # noqa: ANN401 - any JSON
        """Invoke and wait for the answer. Beyond the concurrency it waits, unlike AWS, which answers 429.

        Raises FunctionClosedError.
        """
        request_id = request_id or str(uuid4())
        with self._slots:
            started = time.monotonic()
            self._log(f"START RequestId: {request_id} Version: $LATEST")
            invocation = self._run(event, request_id)
            if self._closed and invocation.error:
                raise FunctionClosedError(self.config.name)
            milliseconds = (time.monotonic() - started) * 1000
            self._log(f"END RequestId: {request_id}")
            self._log(
                f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
                f"Memory Size: {self.config.memory_mb} MB"
            )
            return invocation

    def close(self) -> None:
        with self._lock:
            self._closed = True
            sandboxes, self._all = list(self._all), set()
        for sandbox in sandboxes:
            sandbox.kill()

    def _run(self, event: Any, request_id: str) -> Invocation:  # noqa: ANN401
        sandbox = self._acquire_sandbox()
        now = time.time()
        request = {
            "id": request_id,
            "arn": self.config.arn,
            "event": event,
            "deadline_ms": int((now + self.config.timeout) * 1000),
        }
        try:
            answer = sandbox.invoke(request, time.monotonic() + self.config.timeout)
        except SandboxTimedOutError:
            reason = f"Task timed out after {self.config.timeout:.2f} seconds"
            return self._discard_with_error(sandbox, request_id, "Sandbox.Timedout", reason)
        except SandboxDiedError as error:
            return self._discard_with_error(sandbox, request_id, "Runtime.ExitError", str(error))
        if not sandbox.alive:  # the handler was not imported
            self._discard(sandbox)
            return Invocation(request_id, answer["error"], "Unhandled")
        with self._lock:
            self._idle.append(sandbox)
        if "error" in answer:
            self._log(f"[ERROR] {json.dumps(answer['error'])}")
            return Invocation(request_id, answer["error"], "Unhandled")
        return self._check_answer_size(Invocation(request_id, answer["result"]))

    def _acquire_sandbox(self) -> Sandbox:
        with self._lock:
            if self._closed:
                raise FunctionClosedError(self.config.name)
            while self._idle:
                sandbox = self._idle.pop()
                if sandbox.alive:
                    return sandbox
                self._all.discard(sandbox)
                sandbox.kill()
            self._started += 1
            folder = self._folder / f"sandbox-{self._started}"
            sandbox = Sandbox(self.config.handler, self._environment(), folder, self._log)
            self._all.add(sandbox)
            return sandbox

    def _discard_with_error(self, sandbox: Sandbox, request_id: str, error_type: str, reason: str) -> Invocation:
        self._discard(sandbox)
        message = f"RequestId: {request_id} Error: {reason}"
        self._log(message)
        return Invocation(request_id, {"errorType": error_type, "errorMessage": message}, "Unhandled")

    def _discard(self, sandbox: Sandbox) -> None:
        with self._lock:
            known = sandbox in self._all  # otherwise close() kills it
            self._all.discard(sandbox)
        if known:
            sandbox.kill()

    def _check_answer_size(self, invocation: Invocation) -> Invocation:
        size = len(json.dumps(invocation.payload))
        if size <= MAX_PAYLOAD:
            return invocation
        message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)."
        payload = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
        return Invocation(invocation.request_id, payload, "Unhandled")

    def _environment(self) -> dict[str, str]:
        """The variables of Lambda's runtime and of the function; none of this machine's own."""
        config = self.config
        return {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "HOME": "{tmp}",
            "TMPDIR": "{tmp}",
            "PYTHONUNBUFFERED": "1",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_EXECUTION_ENV": "AWS_Lambda_Image",
            "AWS_LAMBDA_FUNCTION_NAME": config.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            **config.environment,
        }

    def _log(self, line: str) -> None:
        with self._log_lock, suppress(OSError), self.log_path.open("a") as file:
            file.write(line + "\n")
        self._on_log(line)

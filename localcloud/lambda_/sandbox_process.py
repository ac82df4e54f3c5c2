"""A sandbox as its host sees it: a process that is started, invoked and killed with all its descendants."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from localcloud.child_process import fill_in_folder, relay_output

ROOT = Path(__file__).resolve().parents[2]

#: Seconds of the init phase, in which the handler's module is imported. Lambda repeats a longer one in the first
#: invocation, within the function's time-out: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_SECONDS = 10.0


class SandboxDiedError(Exception):
    """The process ended without an answer. The message is AWS's."""


class SandboxTimedOutError(Exception):
    """No answer before the deadline. The process still runs and must be killed."""


class Sandbox:
    """A process, in a session of its own, that handles one event at a time."""

    def __init__(self, handler: str, environment: Mapping[str, str], folder: Path, log: Callable[[str], None]) -> None:
        """Start the process. `folder` is its scratch space and replaces `{tmp}` in the environment's values.

        `log` is called with each line of its standard output and error, from another thread.
        """
        self._folder = folder
        folder.mkdir(parents=True)
        self._channel, child_end = socket.socketpair()
        self._answers = self._channel.makefile("rb")
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "localcloud.lambda_.sandbox_runtime", str(child_end.fileno()), handler],
                cwd=ROOT,
                env=fill_in_folder(environment, folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[child_end.fileno()],
                start_new_session=True,
            )
        finally:
            child_end.close()
        self._log_thread = relay_output(self.process, log)
        self._ready = False

    def invoke(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send one event and wait for its answer until `deadline`, a time of `time.monotonic`.

        Raises SandboxDiedError or SandboxTimedOutError; kill the sandbox after either.
        """
        if not self._ready:
            started = time.monotonic()
            first = self._receive(deadline + INIT_SECONDS)
            if "error" in first:
                return first
            self._ready = True
            initialised = min(time.monotonic() - started, INIT_SECONDS)
            deadline += initialised  # AWS does not count the init phase towards the time-out
            request["deadline_ms"] += int(initialised * 1000)
        self._send(request, deadline)
        return self._receive(deadline)

    @property
    def alive(self) -> bool:
        return self._ready and self.process.poll() is None

    def kill(self) -> None:
        """Kill the process, its group and its descendants, also those in sessions of their own."""
        descendants: list[psutil.Process] = []
        with suppress(psutil.Error):
            descendants = psutil.Process(self.process.pid).children(recursive=True)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in descendants:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self._log_thread.join(timeout=5)
        self._answers.close()
        self._channel.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, request: dict[str, Any], deadline: float) -> None:
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self._channel.sendall(json.dumps(request).encode() + b"\n")
        except TimeoutError as error:
            raise SandboxTimedOutError from error
        except OSError as error:
            raise SandboxDiedError(self._exit_message()) from error

    def _receive(self, deadline: float) -> dict[str, Any]:
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            line = self._answers.readline()
        except TimeoutError as error:
            raise SandboxTimedOutError from error
        except OSError as error:
            raise SandboxDiedError(self._exit_message()) from error
        if not line:
            raise SandboxDiedError(self._exit_message())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _exit_message(self) -> str:
        try:
            code = self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "Runtime exited without providing a reason"
        if code < 0:
            return f"Runtime exited with error: signal: {str(signal.strsignal(-code)).lower()}"
        return f"Runtime exited with error: exit status {code}"

"""The outside of one sandbox: started, spoken to, and killed with all its descendants."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]

#: Lambda gives a function this long to import its code.
INIT_SECONDS = 10.0


class SandboxDiedError(Exception):
    """The process ended without an answer; the sentence is the one AWS gives."""


class SandboxTimedOutError(Exception):
    """No answer before the deadline. The process is still running: kill it."""


class Sandbox:
    """One process that serves one event at a time, in a session of its own."""

    def __init__(self, handler: str, environment: Mapping[str, str], folder: Path, log: Callable[[str], None]) -> None:
        """Start the process; `folder` becomes its scratch space, the value `{tmp}` in the environment.

        `log` is called with each line of its standard output and error, from a thread of this sandbox's own.
        """
        self._folder = folder
        folder.mkdir(parents=True)
        self._channel, theirs = socket.socketpair()
        self._answers = self._channel.makefile("rb")
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "localcloud.lambda_.sandbox_runtime", str(theirs.fileno()), handler],
                cwd=ROOT,
                env={name: value.replace("{tmp}", str(folder)) for name, value in environment.items()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        finally:
            theirs.close()
        self._pump = threading.Thread(target=self._read_log, args=(log,), daemon=True)
        self._pump.start()
        self._ready = False

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send one event and wait for its answer until `deadline` on `time.monotonic`'s clock.

        Raises SandboxDiedError or SandboxTimedOutError; the sandbox is of no use after either.
        """
        if not self._ready:
            # What AWS does not count as the event's own time, we do not either.
            started = time.monotonic()
            first = self._receive(started + INIT_SECONDS)
            if "error" in first:
                return first
            self._ready = True
            initialised = time.monotonic() - started
            deadline += initialised
            request["deadline_ms"] += int(initialised * 1000)
        self._send(request, deadline)
        return self._receive(deadline)

    @property
    def alive(self) -> bool:
        return self._ready and self.process.poll() is None

    def kill(self) -> None:
        """End the process, its group and its descendants, whatever sessions these made for themselves."""
        descendants: list[psutil.Process] = []
        with suppress(psutil.Error):
            descendants = psutil.Process(self.process.pid).children(recursive=True)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in descendants:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self._pump.join(timeout=5)
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
            raise SandboxDiedError(self._ending()) from error

    def _receive(self, deadline: float) -> dict[str, Any]:
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            line = self._answers.readline()
        except TimeoutError as error:
            raise SandboxTimedOutError from error
        except OSError as error:
            raise SandboxDiedError(self._ending()) from error
        if not line:
            raise SandboxDiedError(self._ending())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ending(self) -> str:
        try:
            code = self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "Runtime exited without providing a reason"
        if code < 0:
            return f"Runtime exited with error: signal: {str(signal.strsignal(-code)).lower()}"
        return f"Runtime exited with error: exit status {code}"

    def _read_log(self, log: Callable[[str], None]) -> None:
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        with self.process.stdout as stream:
            for line in stream:
                log(line.decode(errors="replace").rstrip("\n"))

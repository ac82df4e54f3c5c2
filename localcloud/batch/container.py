"""A job's container: a process in a session of its own, killed with all its descendants at its end."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil

from localcloud.child_process import fill_in_folder, relay_output
from localcloud.lambda_.sandbox_process import ROOT

#: A variable that every descendant inherits, also in sessions of their own.
_MARK = "LOCAL_BATCH_CONTAINER"


class Container:
    """The process. Its standard input ends with this process, and `localcloud.batch.entry` then kills the job."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Callable[[str], None]
    ) -> None:
        """Start it. `folder` is its scratch space and replaces `{tmp}` in the environment's values.

        `log` is called with each line of its standard output and error, from another thread.
        """
        self._folder = folder
        self._mark = str(uuid4())
        folder.mkdir(parents=True)
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **fill_in_folder(environment, folder),
                _MARK: self._mark,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._log_thread = relay_output(self._process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float | None) -> int | None:
        """Its exit code, or 128 plus the signal that killed it; None if it still runs after `seconds`."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return code if code >= 0 else 128 - code

    def stop(self, grace: float) -> None:
        """Send SIGTERM, and SIGKILL after `grace` seconds. Returns when it has ended."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        if self.wait(grace) is None:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """Kill the process and its descendants, and remove the scratch space."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        while descendants := [process for process in psutil.process_iter() if self._is_descendant(process)]:
            for process in descendants:
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(0.01)
        self._log_thread.join(timeout=5)
        if self._process.stdin:
            self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_descendant(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(_MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

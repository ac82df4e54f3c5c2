"""Runs pipelines in a supervised child process, so that no image harms another.

The child is started by subprocess with pipes (a fork of a threaded parent is unsafe, and Lambda has no /dev/shm), kept
warm between images, limited by the kernel, killed at the deadline, and replaced after it dies. CPU time and peak memory
of an image are the kernel's figures.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from io import BufferedReader, FileIO
from pathlib import Path
from typing import IO, NoReturn, cast

import msgspec

from core.domain import log
from core.domain.errors import Code, Misconfigured, Unavailable
from core.domain.model import ImageHeader, Rendered, Usage
from core.imaging.operations.custom_operation import Description
from core.pipelines import definition as pipelines
from core.pipelines.definition import Pipeline
from core.ports.worker import WorkerFailure
from core.worker import process_usage
from core.worker.protocol import Done, Failed, Probe, Probed, Ready, Reply, Request, Run, encode_frame, take_reply

_START_SECONDS = 60.0  # six times Lambda's limit for an init phase; a slower start is a broken container
#: Environment variables of glibc's malloc, which raises both thresholds by itself while it serves images. With these
#: values from the start, a warm child does not return its pages after an image and fault them in again for the next:
#: that took 5 of 23 ms for 2 megapixels.
MALLOC_ENVIRON = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20)}
_STDERR_LINE_BYTES = 16_384  # a longer line of the child is logged in parts
_STDERR_JOIN_SECONDS = 1.0  # a process started by the child may hold stderr open
_SAMPLE_SECONDS = 0.2  # between samples of a busy child's peak memory, which _ChildProcess.kill falls back to
_OUT_OF_MEMORY_SHARE = 0.8  # RLIMIT_DATA only fails allocations; death above this share of the limit was caused by one


class SupervisedWorker:
    """A worker with one child, which processes one image at a time. Threads that share a worker wait for each other.

    `memory_bytes` and `threads` (0: one per CPU) limit the child, and `environ` is its whole environment. `functions`,
    each `package.module:function`, are the company's own operations. `module` is the child's main module: tests give
    one that wraps core.worker.child.
    """

    def __init__(
        self,
        memory_bytes: int,
        threads: int,
        environ: Mapping[str, str],
        module: str = "core.worker.child",
        functions: Sequence[str] = (),
    ) -> None:
        self._module = module
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._environ = dict(environ)
        self._functions = tuple(functions)
        self._operations: tuple[Description, ...] = ()
        self._lock = threading.Lock()
        self._child: _ChildProcess | None = None
        self._ready = False
        self._start()

    def operations(self) -> tuple[Description, ...]:
        """The descriptions of the company's own operations. Waits until the child has loaded them.

        Raises Misconfigured: INVALID_SETTINGS if a function cannot be an operation, WORKER_UNAVAILABLE if the child
        died.
        """
        with self._lock:
            self._await_ready(self._child or self._start())
            return self._operations

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """The header of the file at `path`. `deadline` is on `time.monotonic`'s clock. Raises WorkerFailure."""
        with self._lock:
            reply, _ = self._exchange(Probe(path=str(path), seconds=_seconds_left(deadline)), deadline)
        if not isinstance(reply, Probed):
            raise TypeError(reply)
        return reply.header

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run `pipeline` over the file at `path`, with the renditions written into `out`. Raises WorkerFailure."""
        request = Run(
            path=str(path),
            header=header,
            pipeline=pipelines.to_bytes(pipeline),
            out=str(out),
            seconds=_seconds_left(deadline),
        )
        with self._lock:
            reply, usage = self._exchange(request, deadline)
        if not isinstance(reply, Done):
            raise TypeError(reply)
        return msgspec.structs.replace(reply.rendered, usage=usage)

    def close(self) -> None:
        """Kill the child. The next call starts another."""
        with self._lock:
            if self._child:
                self._child.kill()
            self._child = None

    def _start(self) -> "_ChildProcess":
        """Start a child and return at once: it loads OpenCV while the parent creates its AWS clients."""
        # -P keeps the working directory out of sys.path: the child imports from the same places as this process
        command = [sys.executable, "-P", "-m", self._module]
        arguments = [str(self._memory_bytes), str(self._threads), *self._functions]
        self._child, self._ready = _ChildProcess(command, arguments, self._environ), False
        return self._child

    def _exchange(self, request: Request, deadline: float) -> tuple[Probed | Done, Usage]:
        if _seconds_left(deadline) <= 0:
            raise WorkerFailure(Code.TIMED_OUT, "No time was left to begin with the image.", Usage())
        if self._child and self._child.is_dead():
            self._child.kill()
            self._child = None  # it died between images, so this image is not the cause
        child = self._child or self._start()
        self._await_ready(child)
        if _seconds_left(deadline) <= 0:
            raise Unavailable(Code.WORKER_UNAVAILABLE, "The start of the worker used up the image's time.")
        cpu_before = child.start_accounting()
        reply = child.ask(request, deadline)
        if reply is None:
            self._child = None
            self._raise_cause_of_death(child, cpu_before, deadline)
        usage = child.usage_since(cpu_before)
        if isinstance(reply.answer, Failed):
            if reply.answer.code is Code.WORKER_UNAVAILABLE:  # the disk is full: not the image's fault
                raise Unavailable(reply.answer.code, f"{reply.answer.message} Empty the disk, or make it larger.")
            if reply.answer.code is Code.OUT_OF_MEMORY:
                child.kill()  # its memory may not be freed entirely: the next image gets a new child
                self._child = None
            raise WorkerFailure(reply.answer.code, reply.answer.message, usage)
        if isinstance(reply.answer, Ready):
            raise TypeError(reply.answer)
        return reply.answer, usage

    def _await_ready(self, child: "_ChildProcess") -> None:
        if self._ready:
            return
        reply = child.receive(time.monotonic() + _START_SECONDS)
        if reply is None:
            exit_code, _ = child.kill()
            self._child = None
            loaded = f"OpenCV or {', '.join(self._functions)} of OPERATIONS" if self._functions else "OpenCV"
            raise Misconfigured(
                Code.WORKER_UNAVAILABLE,
                f"The worker's child ended with {exit_code} before it was ready; its output is in the log above. "
                f"The container is broken, or has too little memory or time to load {loaded}.",
            )
        if isinstance(reply.answer, Failed):
            child.kill()
            self._child = None
            raise Misconfigured(reply.answer.code, reply.answer.message)
        if not isinstance(reply.answer, Ready):
            raise TypeError(reply.answer)
        self._ready, self._operations = True, reply.answer.operations

    def _raise_cause_of_death(self, child: "_ChildProcess", cpu_before: float, deadline: float) -> NoReturn:
        """Raise the WorkerFailure of a child that died or passed the deadline: time, memory or a crash."""
        out_of_time = time.monotonic() >= deadline
        exit_code, life = child.kill()
        usage = Usage(
            seconds=child.seconds, cpu_seconds=max(0.0, life.cpu_seconds - cpu_before), peak_bytes=life.peak_bytes
        )
        if out_of_time or exit_code == -signal.SIGXCPU:
            message = f"The image was stopped after {usage.seconds:.1f} seconds, which was all its time."
            raise WorkerFailure(Code.TIMED_OUT, message, usage)
        if usage.peak_bytes >= _OUT_OF_MEMORY_SHARE * self._memory_bytes or exit_code == -signal.SIGKILL:
            megabytes = self._memory_bytes // 2**20
            message = f"The image needs more than the {megabytes} MB of memory that the worker may use."
            raise WorkerFailure(Code.OUT_OF_MEMORY, message, usage)
        cause = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
        raise WorkerFailure(Code.WORKER_CRASHED, f"The image crashed the worker ({cause}).", usage)


class _ChildProcess:
    """The operating-system process: its pipes, its accounting and its end."""

    def __init__(self, command: list[str], arguments: list[str], environ: Mapping[str, str]) -> None:
        python_path = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, str(lifeline), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[lifeline],
                env={**environ, **MALLOC_ENVIRON, "PYTHONPATH": python_path},
            )
        except OSError:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        self._stderr_relay = threading.Thread(target=_relay_stderr, args=(self._process.stderr,), daemon=True)
        self._stderr_relay.start()
        self._buffer = bytearray()
        self._end: tuple[int, Usage] | None = None
        self._peak_was_reset = False
        self._reported = Usage()
        self._inherited_peak = 0
        self._sampled_peak = 0
        self._started = time.monotonic()

    def is_dead(self) -> bool:
        """Whether the process ended by itself: its end of the pipe is closed (macOS has no waitid)."""
        if self._end is not None:
            return True
        assert self._process.stdout is not None  # noqa: S101 - Popen was given pipes
        poll = select.poll()
        poll.register(self._process.stdout.fileno(), 0)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def start_accounting(self) -> float:
        """Start the accounting of one image: resets the peak memory, and returns the CPU seconds so far."""
        self._peak_was_reset = process_usage.reset_peak_rss(self._process.pid)
        self._started, self._sampled_peak = time.monotonic(), 0
        cpu = process_usage.cpu_seconds(self._process.pid)
        return self._reported.cpu_seconds if cpu is None else cpu

    def _peak_bytes(self) -> int:
        """Peak resident bytes of the living process since `start_accounting`; 0 without /proc."""
        return process_usage.status_bytes(self._process.pid, "VmHWM").get("VmHWM", 0)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since `start_accounting`."""
        return time.monotonic() - self._started

    def usage_since(self, cpu_before: float) -> Usage:
        """The usage of one image, after its reply; `cpu_before` is the return value of `start_accounting`."""
        cpu = process_usage.cpu_seconds(self._process.pid)
        peak = self._peak_bytes() if self._peak_was_reset else 0
        return Usage(
            seconds=self.seconds,
            cpu_seconds=(self._reported.cpu_seconds if cpu is None else cpu) - cpu_before,
            peak_bytes=peak or self._reported.peak_bytes,
        )

    def ask(self, request: Request, deadline: float) -> Reply | None:
        """The reply to `request`; None if the process died or the deadline passed."""
        assert self._process.stdin is not None  # noqa: S101 - Popen was given pipes
        try:
            self._process.stdin.write(encode_frame(request))
        except BrokenPipeError:
            return None
        return self.receive(deadline)

    def receive(self, deadline: float) -> Reply | None:
        """The next reply; None if the process died or the deadline passed."""
        assert self._process.stdout is not None  # noqa: S101 - Popen was given pipes
        pipe = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while (reply := take_reply(self._buffer)) is None:
            if not poll.poll(max(0.0, min(_seconds_left(deadline), _SAMPLE_SECONDS)) * 1000):
                self._sampled_peak = max(self._sampled_peak, self._peak_bytes())
                if _seconds_left(deadline) <= 0:
                    return None
                continue
            chunk = os.read(pipe, 65_536)
            if not chunk:
                return None
            self._buffer += chunk
        self._reported = reply.usage
        if isinstance(reply.answer, Ready):
            self._inherited_peak = reply.usage.peak_bytes
        return reply

    def kill(self) -> tuple[int, Usage]:
        """Kill and reap the process. Returns its exit code and the usage of its whole life."""
        if self._end is None:
            os.kill(self._process.pid, signal.SIGKILL)  # no effect on a process that is dead already
            _, status, rusage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
            os.close(self._lifeline)
            self._stderr_relay.join(_STDERR_JOIN_SECONDS)  # its last lines are logged before the cause of its death
            life = process_usage.from_rusage(rusage)
            # exec keeps signal->maxrss, so ru_maxrss begins with the peak of the process that forked the child. It is
            # the child's own peak only if it has grown since the child was ready.
            peak = life.peak_bytes if life.peak_bytes > self._inherited_peak else 0
            life = Usage(cpu_seconds=life.cpu_seconds, peak_bytes=max(peak, self._sampled_peak))
            self._end = self._process.returncode, life
        return self._end


def _relay_stderr(pipe: IO[bytes]) -> None:
    """Log the child's output, each line prefixed: its text may come from an image and must not look like a log line."""
    with BufferedReader(cast("FileIO", pipe)) as lines:  # raw, since Popen has bufsize=0
        while line := lines.readline(_STDERR_LINE_BYTES):
            log.say(f"worker: {line.decode(errors='backslashreplace').rstrip()}")


def _seconds_left(deadline: float) -> float:
    return deadline - time.monotonic()

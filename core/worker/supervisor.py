"""Runs pipelines in a supervised child process, so that no image harms another.

The child is started with pipes (never forked from a threaded parent; Lambda has no /dev/shm), kept warm between
images, limited by the kernel, killed at the deadline, and replaced after any death. What an image took is read
from the kernel's accounting.
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
from core.worker.protocol import Done, Failed, Probe, Probed, Ready, Reply, Request, Run, frame, take_reply

_START_SECONDS = 60.0  # six times what Lambda gives a whole init phase; then something is broken
# glibc moves these two up by itself, as far as this, by the images it has seen. Set from the beginning, a warm child
# does not give its pages back after each image and fault them in for the next: 5 of 23 ms for 2 megapixels.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20)}
_WORDS_BYTES = 16_384  # of a line that the child prints; of a longer one each part is a line
_WORDS_SECONDS = 1.0  # a process that the child has started may hold its pipe
_SAMPLE_SECONDS = 0.2  # between looks at the memory of a child at work: a fallback, see _Child.kill
_FULL = 0.8  # RLIMIT_DATA does not kill: a death this near to the limit was the allocation that failed


class SupervisedWorker:
    """One child, one image at a time. Threads that share a worker wait for each other.

    The child may use `memory_bytes` of memory and `threads` threads (0: one for each CPU), and sees `environ`
    alone. `functions` are a company's own, `package.module:function`, that it loads as operations. `module` is what
    it runs: `core.worker.child`, or a module that does more and then runs that.
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
        self._child: _Child | None = None
        self._ready = False
        self._start()

    def operations(self) -> tuple[Description, ...]:
        """The company's own functions, as the child found them; waits until it has loaded them.

        Raises Misconfigured: INVALID_SETTINGS where they cannot be operations.
        """
        with self._lock:
            self._await_ready(self._child or self._start())
            return self._operations

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """Read a file's header. Raises WorkerFailure."""
        with self._lock:
            reply, _ = self._ask(Probe(path=str(path), seconds=_left(deadline)), deadline)
        if not isinstance(reply, Probed):
            raise TypeError(reply)
        return reply.header

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run a pipeline over a file; rendition files are left in `out`. Raises WorkerFailure."""
        request = Run(
            path=str(path),
            header=header,
            pipeline=pipelines.to_bytes(pipeline),
            out=str(out),
            seconds=_left(deadline),
        )
        with self._lock:
            reply, usage = self._ask(request, deadline)
        if not isinstance(reply, Done):
            raise TypeError(reply)
        return msgspec.structs.replace(reply.rendered, usage=usage)

    def close(self) -> None:
        """End the child. The next image would start another."""
        with self._lock:
            if self._child:
                self._child.kill()
            self._child = None

    def _start(self) -> "_Child":
        """Start a child without waiting for it: it loads OpenCV while the parent loads its own clients."""
        # -P: it imports from where this process does, and not from the folder that someone happens to stand in
        command = [sys.executable, "-P", "-m", self._module]
        arguments = [str(self._memory_bytes), str(self._threads), *self._functions]
        self._child, self._ready = _Child(command, arguments, self._environ), False
        return self._child

    def _ask(self, request: Request, deadline: float) -> tuple[Probed | Done, Usage]:
        if _left(deadline) <= 0:
            raise WorkerFailure(Code.TIMED_OUT, "No time was left to begin with the image.", Usage())
        if self._child and self._child.is_dead():
            self._child.kill()
            self._child = None  # it died between images: the next one is not to blame
        child = self._child or self._start()
        self._await_ready(child)
        if _left(deadline) <= 0:  # a slow start is not the image's fault
            raise Unavailable(Code.WORKER_UNAVAILABLE, "Starting the worker took all the time there was for the image.")
        before = child.mark()
        reply = child.ask(request, deadline)
        if reply is None:
            self._child = None
            self._bury(child, before, deadline)
        usage = child.usage_since(before)
        if isinstance(reply.answer, Failed):
            if reply.answer.code is Code.WORKER_UNAVAILABLE:  # the machine's fault, not the image's
                raise Unavailable(reply.answer.code, f"{reply.answer.message} Empty the disk, or make it larger.")
            if reply.answer.code is Code.OUT_OF_MEMORY:
                child.kill()  # what it allocated in vain may not all come back: the next image gets a new child
                self._child = None
            raise WorkerFailure(reply.answer.code, reply.answer.message, usage)
        if isinstance(reply.answer, Ready):
            raise TypeError(reply.answer)
        return reply.answer, usage

    def _await_ready(self, child: "_Child") -> None:
        if self._ready:
            return
        reply = child.receive(time.monotonic() + _START_SECONDS)
        if reply is None:
            exit_code, _ = child.kill()
            self._child = None
            what = f"OpenCV or {', '.join(self._functions)} of OPERATIONS" if self._functions else "OpenCV"
            raise Misconfigured(
                Code.WORKER_UNAVAILABLE,
                f"The worker's child ended with {exit_code} before it was ready; its own words are in the log "
                f"above. The container is broken, or has too little memory, or time, to load {what}.",
            )
        if isinstance(reply.answer, Failed):
            child.kill()
            self._child = None
            raise Misconfigured(reply.answer.code, reply.answer.message)
        if not isinstance(reply.answer, Ready):
            raise TypeError(reply.answer)
        self._ready, self._operations = True, reply.answer.operations

    def _bury(self, child: "_Child", before: float, deadline: float) -> NoReturn:
        """Say what killed the child."""
        out_of_time = time.monotonic() >= deadline
        exit_code, life = child.kill()
        usage = Usage(
            seconds=child.seconds, cpu_seconds=max(0.0, life.cpu_seconds - before), peak_bytes=life.peak_bytes
        )
        if out_of_time or exit_code == -signal.SIGXCPU:
            message = f"The image was not done after {usage.seconds:.1f} seconds, all there was, and was stopped."
            raise WorkerFailure(Code.TIMED_OUT, message, usage)
        if usage.peak_bytes >= _FULL * self._memory_bytes or exit_code == -signal.SIGKILL:
            megabytes = self._memory_bytes // 2**20
            message = f"The image needs more than the {megabytes} MB of memory that the worker may use."
            raise WorkerFailure(Code.OUT_OF_MEMORY, message, usage)
        how = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
        raise WorkerFailure(Code.WORKER_CRASHED, f"Working on the image crashed the worker ({how}).", usage)


class _Child:
    """The process itself: pipes, accounting, and its end."""

    def __init__(self, command: list[str], arguments: list[str], environ: Mapping[str, str]) -> None:
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, str(lifeline), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[lifeline],
                env={**environ, **MALLOC, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
            )
        except OSError:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        self._words = threading.Thread(target=_relay, args=(self._process.stderr,), daemon=True)
        self._words.start()
        self._buffer = bytearray()
        self._ended: tuple[int, Usage] | None = None
        self._peak_resets = False
        self._own = Usage()
        self._inherited = 0
        self._sampled = 0
        self._started = time.monotonic()

    def is_dead(self) -> bool:
        """Whether it has ended by itself: the other end of its pipe is closed. macOS has no waitid to ask."""
        if self._ended is not None:
            return True
        assert self._process.stdout is not None  # noqa: S101 - Popen was given pipes
        poll = select.poll()
        poll.register(self._process.stdout.fileno(), 0)
        return any(happened & select.POLLHUP for _, happened in poll.poll(0))

    def mark(self) -> float:
        """Where the accounting of one image begins: CPU seconds so far, and a peak that starts anew."""
        self._peak_resets = process_usage.forget_peak(self._process.pid)
        self._started, self._sampled = time.monotonic(), 0
        cpu = process_usage.cpu_seconds(self._process.pid)
        return self._own.cpu_seconds if cpu is None else cpu

    def _peak(self) -> int:
        """Peak resident bytes since `mark`, while it lives; 0 where the kernel does not tell."""
        return process_usage.status_bytes(self._process.pid, "VmHWM").get("VmHWM", 0)

    @property
    def seconds(self) -> float:
        """Since the image began."""
        return time.monotonic() - self._started

    def usage_since(self, before: float) -> Usage:
        """What the image took. Asked after its reply, so that what the child itself last said is of it."""
        cpu = process_usage.cpu_seconds(self._process.pid)
        peak = self._peak() if self._peak_resets else 0
        return Usage(
            seconds=self.seconds,
            cpu_seconds=(self._own.cpu_seconds if cpu is None else cpu) - before,
            peak_bytes=peak or self._own.peak_bytes,
        )

    def ask(self, request: Request, deadline: float) -> Reply | None:
        """Its reply, or None when it died or the deadline passed."""
        assert self._process.stdin is not None  # noqa: S101 - Popen was given pipes
        try:
            self._process.stdin.write(frame(request))
        except BrokenPipeError:
            return None
        return self.receive(deadline)

    def receive(self, deadline: float) -> Reply | None:
        assert self._process.stdout is not None  # noqa: S101 - Popen was given pipes
        pipe = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while (reply := take_reply(self._buffer)) is None:
            if not poll.poll(max(0.0, min(_left(deadline), _SAMPLE_SECONDS)) * 1000):
                self._sampled = max(self._sampled, self._peak())
                if _left(deadline) <= 0:
                    return None
                continue
            chunk = os.read(pipe, 65_536)
            if not chunk:
                return None
            self._buffer += chunk
        self._own = reply.usage
        if isinstance(reply.answer, Ready):
            self._inherited = reply.usage.peak_bytes
        return reply

    def kill(self) -> tuple[int, Usage]:
        """End it for sure, and reap it: its exit code, and what it used in its life."""
        if self._ended is None:
            os.kill(self._process.pid, signal.SIGKILL)  # has no effect on one that is dead already
            _, status, rusage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
            os.close(self._lifeline)
            self._words.join(_WORDS_SECONDS)  # its last words, before anybody says how it ended
            life = process_usage.from_rusage(rusage)
            # The kernel carries the peak of whoever started a process over into it (exec keeps signal->maxrss), so
            # what it says is the child's own only where it is more than that.
            own = life.peak_bytes if life.peak_bytes > self._inherited else 0
            life = Usage(cpu_seconds=life.cpu_seconds, peak_bytes=max(own, self._sampled))
            self._ended = self._process.returncode, life
        return self._ended


def _relay(pipe: IO[bytes]) -> None:
    """What the child prints goes into the log, but begins no line there: it may be an image's own words."""
    with BufferedReader(cast("FileIO", pipe)) as lines:  # raw, since Popen is to buffer nothing
        while line := lines.readline(_WORDS_BYTES):
            log.say(f"worker: {line.decode(errors='backslashreplace').rstrip()}")


def _left(deadline: float) -> float:
    return deadline - time.monotonic()

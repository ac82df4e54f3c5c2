"""The worker's child: the only process that touches pixels.

`python -m core.worker.child LIFELINE BYTES THREADS [FUNCTION…]`: the pipe whose end means that the parent is gone, the
memory and the threads it may use, and the company's own functions.

It answers one request at a time, over the pipes it was born with, and ends when they close.
"""

import os
import resource
import signal
import sys
import threading
import time
from math import ceil
from pathlib import Path

from core.domain.errors import FULL_DISK, Code, ImageFailure, Misconfigured
from core.domain.model import Usage
from core.imaging.operations import OPERATIONS, Catalogue
from core.pipelines import definition
from core.worker import process_usage
from core.worker.protocol import Answer, Done, Failed, Probe, Probed, Ready, Reply, Request, Run, frame, read_request


def main(arguments: list[str]) -> None:
    lifeline, memory_bytes, threads = map(int, arguments[:3])
    _end_with_parent(lifeline)
    requests, replies = _take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    # Libraries are loaded before Ready is sent, and after the pipes are safe from their prints. core.imaging.codec comes
    # first: it sets the environment variables that OpenCV reads once, when it is imported.
    from core.imaging import codec, header  # noqa: F401, I001, PLC0415
    from core.worker.rendering import render  # noqa: F401, PLC0415
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    try:
        catalogue, answer = _operations(arguments[3:])
    except Misconfigured as error:
        os.write(replies, frame(Reply(answer=Failed(code=error.code, message=error.message), usage=_usage())))
        sys.exit(1)
    cv2.setNumThreads(threads or os.cpu_count() or 1)
    cv2.blur(np.zeros((512, 512, 3), np.uint8), (5, 5))  # starts the threads: their stacks count as data
    _limit_memory(memory_bytes)
    with os.fdopen(requests, "rb") as pipe:
        while True:
            os.write(replies, frame(Reply(answer=answer, usage=_usage())))
            request = read_request(pipe)
            if request is None:
                return
            answer = _answer(request, catalogue)


def _operations(functions: list[str]) -> tuple[Catalogue, Ready | Answer]:
    """What pipelines may use, and the word that all is ready."""
    if not functions:
        return OPERATIONS, Ready()
    from core.worker import operation_loader  # noqa: PLC0415 - only where there are any

    own = operation_loader.load(functions, OPERATIONS)
    return {**OPERATIONS, **own}, Ready(operations=tuple(kind.description for kind in own.values()))


def _take_pipes() -> tuple[int, int]:
    """Keep the pipes to ourselves: what a library prints goes to stderr, not into the protocol."""
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return requests, replies


def _limit_memory(budget: int) -> None:
    """Hold this process to `budget` bytes of memory.

    RLIMIT_DATA counts what is mapped writable, touched or not; what the libraries have mapped by now without
    touching it is let pass, so that the limit is on what an image adds.
    """
    now = process_usage.status_bytes("self", "VmData", "VmRSS")
    limit = budget + max(0, now.get("VmData", 0) - now.get("VmRSS", 0))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(seconds: float) -> None:
    """A last resort for a runaway whose parent is gone: all CPUs, for the time that was given, and a margin."""
    allowance = _usage().cpu_seconds + seconds * (os.cpu_count() or 1) + 10
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = ceil(allowance) if hard == resource.RLIM_INFINITY else min(ceil(allowance), hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _usage() -> Usage:
    return process_usage.from_rusage(resource.getrusage(resource.RUSAGE_SELF))


def _answer(request: Request, catalogue: Catalogue) -> Answer:
    from core.imaging import header  # noqa: PLC0415 - loaded by main before the first request
    from core.worker.rendering import render  # noqa: PLC0415 - loaded by main before the first request

    deadline = time.monotonic() + request.seconds
    _limit_cpu(request.seconds)

    def check() -> None:
        if time.monotonic() > deadline:
            raise ImageFailure(Code.TIMED_OUT, f"The image was not done within {request.seconds:.0f} seconds.")

    try:
        match request:
            case Probe():
                return Probed(header=header.read_header(Path(request.path)))
            case Run():
                steps = definition.from_bytes(request.pipeline, catalogue)
                out = Path(request.out)
                return Done(rendered=render.render(Path(request.path), request.header, steps, out, check))
    except ImageFailure as failure:
        return Failed(code=failure.code, message=failure.message)
    except MemoryError:
        return Failed(code=Code.OUT_OF_MEMORY, message="The image needs more memory than the worker may use.")
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        return Failed(code=Code.WORKER_UNAVAILABLE, message=f"There is no space left to write {error.filename}.")


def _end_with_parent(lifeline: int) -> None:
    """Die when the parent does, even in the middle of an image: the pipe it holds closes with it."""

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])

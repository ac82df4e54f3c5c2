"""The worker's child: the only process that touches pixels.

`python -m core.worker.child LIFELINE BYTES THREADS [FUNCTION…]`

LIFELINE is the file descriptor of a pipe that closes when the parent ends; BYTES limits the child's memory; THREADS is
OpenCV's number of threads, 0 for one per CPU; each FUNCTION (`package.module:function`) is a company's own operation.

The child reads requests from stdin and answers on stdout, one at a time, and ends when stdin closes.
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
from core.worker.protocol import (
    Answer,
    Done,
    Failed,
    Probe,
    Probed,
    Ready,
    Reply,
    Request,
    Run,
    encode_frame,
    read_request,
)


def main(arguments: list[str]) -> None:
    lifeline, memory_bytes, threads = map(int, arguments[:3])
    _exit_with_parent(lifeline)
    requests, replies = _claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    # Libraries load before Ready is sent, and after _claim_pipes, which keeps their prints out of the protocol.
    # core.imaging.codec comes first: it sets the environment variables that OpenCV reads once, when it is imported.
    from core.imaging import codec, header  # noqa: F401, I001, PLC0415
    from core.worker.rendering import render  # noqa: F401, PLC0415
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    try:
        catalogue, answer = _load_operations(arguments[3:])
    except Misconfigured as error:
        os.write(replies, encode_frame(Reply(answer=Failed(code=error.code, message=error.message), usage=_usage())))
        sys.exit(1)
    cv2.setNumThreads(threads or os.cpu_count() or 1)
    # OpenCV starts its threads here, before the limit: their stacks count as data
    cv2.blur(np.zeros((512, 512, 3), np.uint8), (5, 5))
    _limit_memory(memory_bytes)
    with os.fdopen(requests, "rb") as pipe:
        while True:
            os.write(replies, encode_frame(Reply(answer=answer, usage=_usage())))
            request = read_request(pipe)
            if request is None:
                return
            answer = _answer(request, catalogue)


def _load_operations(functions: list[str]) -> tuple[Catalogue, Ready | Answer]:
    """The shipped operations with the company's own, and the child's first message. Raises Misconfigured."""
    if not functions:
        return OPERATIONS, Ready()
    from core.worker import operation_loader  # noqa: PLC0415 - most installations have no own functions

    own = operation_loader.load(functions, OPERATIONS)
    return {**OPERATIONS, **own}, Ready(operations=tuple(operation.description for operation in own.values()))


def _claim_pipes() -> tuple[int, int]:
    """Move stdin and stdout to new descriptors, so that prints of libraries go to stderr and not into the protocol."""
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return requests, replies


def _limit_memory(memory_bytes: int) -> None:
    """Limit this process to `memory_bytes` of memory.

    RLIMIT_DATA counts writable mappings, touched or not. The limit is raised by the mappings that the libraries have
    not touched so far, so that it limits resident memory.
    """
    status = process_usage.status_bytes("self", "VmData", "VmRSS")
    limit = memory_bytes + max(0, status.get("VmData", 0) - status.get("VmRSS", 0))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(seconds: float) -> None:
    """Limit CPU time to `seconds` on all CPUs plus 10, as a last resort if the parent cannot kill this process."""
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
            raise ImageFailure(Code.TIMED_OUT, f"The image was not finished within {request.seconds:.0f} seconds.")

    try:
        match request:
            case Probe():
                return Probed(header=header.read_header(Path(request.path)))
            case Run():
                pipeline = definition.from_bytes(request.pipeline, catalogue)
                out = Path(request.out)
                return Done(rendered=render.render(Path(request.path), request.header, pipeline, out, check))
    except ImageFailure as failure:
        return Failed(code=failure.code, message=failure.message)
    except MemoryError:
        return Failed(code=Code.OUT_OF_MEMORY, message="The image needs more memory than the worker may use.")
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        return Failed(code=Code.WORKER_UNAVAILABLE, message=f"There is no space left to write {error.filename}.")


def _exit_with_parent(lifeline: int) -> None:
    """Exit when the parent ends, even in the middle of an image: the pipe `lifeline` closes with the parent."""

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])

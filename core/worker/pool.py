"""Divides memory and vCPUs among children: one child for a single image, one per CPU for a batch."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.domain.errors import Code
from core.domain.model import ImageHeader, Rendered, Usage
from core.imaging.operations.custom_operation import Description
from core.pipelines.definition import Pipeline
from core.ports.worker import Room, WorkerFailure
from core.worker.supervisor import SupervisedWorker

#: OpenCV alone takes 94 MB of it.
_MIN_CHILD_BYTES = 256 * 2**20


class WorkerPool:
    """Several workers, and never more at once than the memory allows.

    `start_worker(memory_bytes, threads)` starts a worker with a child. A single image gets `memory_bytes` and `threads`
    (0: one per CPU). The images of a batch get one thread each and an equal share of the memory, in up to `workers`
    children (0: one per CPU). Children are kept warm until another number of them is needed: then all are replaced.
    """

    def __init__(
        self, start_worker: Callable[[int, int], SupervisedWorker], memory_bytes: int, threads: int, workers: int = 0
    ) -> None:
        self._start_worker = start_worker
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._max_children = max(1, min(workers or os.cpu_count() or 1, memory_bytes // _MIN_CHILD_BYTES))
        self._target = 1
        self._condition = threading.Condition()
        self._workers = [start_worker(memory_bytes, threads)]
        self._idle = list(self._workers)

    def operations(self) -> tuple[Description, ...]:
        """The company's own operations. Call it before any image; raises as SupervisedWorker.operations does."""
        return self._workers[0].operations()

    @contextmanager
    def shared(self, images: int) -> Iterator[int]:
        """Start a batch of `images`: yields how many of them are processed at once, each in a child of its own."""
        with self._condition:
            self._target = max(1, min(self._max_children, images))
        try:
            yield self._target
        finally:
            with self._condition:
                self._target = 1

    def room(self) -> Room:
        """Memory and share of the vCPUs for the next image."""
        with self._condition:
            return Room(memory_bytes=self._memory_bytes // self._target, share=1 / self._target)

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """The header of the file at `path`. `deadline` is on `time.monotonic`'s clock. Raises WorkerFailure."""
        with self._idle_worker(deadline) as worker:
            return worker.probe(path, deadline)

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run `pipeline` over the file at `path`, with the renditions written into `out`. Raises WorkerFailure."""
        with self._idle_worker(deadline) as worker:
            return worker.run(path, header, pipeline, out, deadline)

    def close(self) -> None:
        """Kill all children. The next image starts another."""
        with self._condition:
            for worker in self._workers:
                worker.close()

    @contextmanager
    def _idle_worker(self, deadline: float) -> Iterator[SupervisedWorker]:
        """A worker for this thread alone. Raises WorkerFailure(TIMED_OUT) if none becomes idle before the deadline."""
        with self._condition:
            while not self._resize() or not self._idle:
                if not self._condition.wait(max(0.0, deadline - time.monotonic())):
                    raise WorkerFailure(Code.TIMED_OUT, "No time was left to begin with the image.", Usage())
            worker = self._idle.pop()
        try:
            yield worker
        finally:
            with self._condition:
                self._idle.append(worker)
                self._condition.notify_all()

    def _resize(self) -> bool:
        """Make the number of workers the target; False while a worker of another size is busy."""
        count = len(self._workers)
        if count == self._target or count > self._target > 1:
            return True
        if len(self._idle) < count:
            return False
        for worker in self._workers:
            worker.close()  # its child is reaped, so that its memory is free before another starts
        threads = 1 if self._target > 1 else self._threads
        self._workers = [self._start_worker(self._memory_bytes // self._target, threads) for _ in range(self._target)]
        self._idle = list(self._workers)
        return True

"""All the vCPUs there are: one child with everything for a single image, a child for each CPU for a batch."""

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

#: A child with less would have room for little more than OpenCV itself, which takes 94 MB.
_LEAST_BYTES = 256 * 2**20


class WorkerPool:
    """Divides memory and CPUs among children: never more of them at once than there is memory for.

    `make(memory_bytes, threads)` starts a child. A single image has `memory_bytes` and `threads`; the images of a
    batch have one thread each and their shares, in as many children as `workers` (0: one for each CPU). Children are
    kept warm: a change from one to the other, or to more, ends them and starts others.
    """

    def __init__(
        self, make: Callable[[int, int], SupervisedWorker], memory_bytes: int, threads: int, workers: int = 0
    ) -> None:
        self._make = make
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._most = max(1, min(workers or os.cpu_count() or 1, memory_bytes // _LEAST_BYTES))
        self._wanted = 1
        self._changed = threading.Condition()
        self._children = [make(memory_bytes, threads)]
        self._free = list(self._children)

    def operations(self) -> tuple[Description, ...]:
        """The company's own functions. Asked before there is work; raises as SupervisedWorker.operations does."""
        return self._children[0].operations()

    @contextmanager
    def shared(self, images: int) -> Iterator[int]:
        """While it lasts, as many images are worked on at once as there are children: how many that are."""
        with self._changed:
            self._wanted = max(1, min(self._most, images))
        try:
            yield self._wanted
        finally:
            with self._changed:
                self._wanted = 1

    def room(self) -> Room:
        """What the next image has: all there is, or an equal share of it."""
        with self._changed:
            return Room(memory_bytes=self._memory_bytes // self._wanted, share=1 / self._wanted)

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """Read a file's header. Raises WorkerFailure."""
        with self._child(deadline) as child:
            return child.probe(path, deadline)

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run a pipeline over a file; rendition files are left in `out`. Raises WorkerFailure."""
        with self._child(deadline) as child:
            return child.run(path, header, pipeline, out, deadline)

    def close(self) -> None:
        """End all children. The next image would start others."""
        with self._changed:
            for child in self._children:
                child.close()

    @contextmanager
    def _child(self, deadline: float) -> Iterator[SupervisedWorker]:
        """A child that nobody else has. Raises WorkerFailure(TIMED_OUT) where none was free in time."""
        with self._changed:
            while not self._arrange() or not self._free:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise WorkerFailure(Code.TIMED_OUT, "No time was left to begin with the image.", Usage())
            child = self._free.pop()
        try:
            yield child
        finally:
            with self._changed:
                self._free.append(child)
                self._changed.notify_all()

    def _arrange(self) -> bool:
        """Have the children that are wanted; False while others are still at work."""
        have = len(self._children)
        if have == self._wanted or have > self._wanted > 1:
            return True
        if len(self._free) < have:
            return False
        for child in self._children:
            child.close()  # and reaped: its memory is free before another begins
        share, threads = (self._memory_bytes // self._wanted, 1) if self._wanted > 1 else self._whole
        self._children = [self._make(share, threads) for _ in range(self._wanted)]
        self._free = list(self._children)
        return True

    @property
    def _whole(self) -> tuple[int, int]:
        return self._memory_bytes, self._threads

"""The worker: the supervised child process that touches pixels."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from core.domain.errors import Code, ImageFailure
from core.domain.model import (
    ImageHeader,
    Rendered,
    Usage,
    Value,
)
from core.pipelines.definition import Pipeline

#: What the folder of an image being worked on begins with, in the work folder.
SCRATCH = "image-"


class WorkerFailure(ImageFailure):
    """An image's failure in the worker, with what it took until then."""

    def __init__(self, code: Code, message: str, usage: Usage) -> None:
        super().__init__(code, message)
        self.usage = usage


class Worker(Protocol):
    """Where pixels are touched: a supervised child process.

    Both methods raise WorkerFailure with the code of what went wrong, and Unavailable where the disk is full.
    After any death the next call is served.
    """

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """Read a file's header. `deadline` is on `time.monotonic`'s clock."""

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run a pipeline over a file; rendition files are left in `out`."""


class Room(Value, frozen=True, kw_only=True):
    """What there is for one image: bytes of memory, and its share, 0 to 1, of the vCPUs."""

    memory_bytes: float
    share: float = 1.0


class Workers(Worker, Protocol):
    """A worker that can divide what it has among the images of a batch."""

    def room(self) -> Room:
        """What the next image has."""

    def shared(self, images: int) -> AbstractContextManager[int]:
        """While it lasts, as many of `images` as there are CPUs for are worked on at once: how many those are.

        Each of them has its share of the memory; before and after, an image has all of it.
        """

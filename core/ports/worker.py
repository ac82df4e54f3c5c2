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

#: The prefix of an image's scratch folder in the work folder.
SCRATCH = "image-"


class WorkerFailure(ImageFailure):
    """An image's failure in the worker; `usage` is its time and memory until then."""

    def __init__(self, code: Code, message: str, usage: Usage) -> None:
        super().__init__(code, message)
        self.usage = usage


class Worker(Protocol):
    """A supervised child process, which decodes, processes and encodes images.

    Both methods raise WorkerFailure, and Unavailable(WORKER_UNAVAILABLE) if the disk is full or no child starts.
    After the child's death the next call starts another child.
    """

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        """Read a file's header. `deadline` is on the clock of time.monotonic."""

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        """Run a pipeline on a file; the rendition files are written to the folder `out`."""


class Room(Value, frozen=True, kw_only=True):
    """The memory of one image, in bytes, and its share of the vCPUs, from 0 to 1."""

    memory_bytes: float
    share: float = 1.0


class Workers(Worker, Protocol):
    """A worker that can process several images of a batch at once."""

    def room(self) -> Room:
        """The memory and share of the next image."""

    def shared(self, images: int) -> AbstractContextManager[int]:
        """Divide the memory and vCPUs among concurrent images; yields how many, at most `images`.

        Outside the context an image has all memory and vCPUs.
        """

"""The fake of the worker: its renditions follow from the source's bytes, its memory from the size of the batch."""
# ruff: noqa: ARG002 - the port has parameters that a fake does not need

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.domain.errors import Code
from core.domain.model import ImageFormat, ImageHeader, Rendered, RenditionFile, Usage
from core.pipelines.definition import Pipeline
from core.ports.worker import Room, WorkerFailure
from tests.support.fakes.ports import Around, Died, undisturbed


class FakeWorker:
    """Makes renditions from the source's bytes. A source that begins with `!code` fails with that code.

    A source that begins with `!large` needs more memory than a share of a batch. `machine` stands for the CPU: another
    machine encodes other bytes.
    """

    def __init__(self, around: Around = undisturbed, machine: str = "", cpus: int = 2) -> None:
        self.around = around
        self.machine = machine
        self.cpus = cpus
        self.children = 1
        self.memory_bytes = 2**31
        self.runs = 0

    @contextmanager
    def shared(self, images: int) -> Iterator[int]:
        self.children = max(1, min(self.cpus, images))
        try:
            yield self.children
        finally:
            self.children = 1

    def room(self) -> Room:
        return Room(memory_bytes=self.memory_bytes // self.children, share=1 / self.children)

    def probe(self, path: Path, deadline: float) -> ImageHeader:
        return self.around("worker.probe", lambda: self._probe(path))

    def run(self, path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, deadline: float) -> Rendered:
        return self.around("worker.run", lambda: self._run(path, pipeline, out))

    def _probe(self, path: Path) -> ImageHeader:
        body = path.read_bytes()
        if not body:
            raise WorkerFailure(Code.EMPTY_FILE, "The file is empty.", Usage())
        return ImageHeader(format="jpeg", width=4, height=3, channels=3, depth=8, bytes=len(body))

    def _run(self, path: Path, pipeline: Pipeline, out: Path) -> Rendered:
        self.runs += 1
        body = path.read_bytes()
        usage = Usage(seconds=0.5, cpu_seconds=0.25, peak_bytes=1000)
        if body == b"!died":
            raise Died
        if body.startswith(b"!large") and self.children > 1:
            raise WorkerFailure(Code.OUT_OF_MEMORY, "It needs more than its share.", usage)
        if body.startswith(b"!") and not body.startswith(b"!large"):
            code = body.split()[0][1:].decode()
            raise WorkerFailure(Code(code), f"It ended with {code}.", usage)
        files = []
        for rendition in pipeline.renditions:
            for output in rendition.outputs:
                kind = output.candidates[0].format
                file = out / f"{rendition.name}.{kind.extension}"
                file.write_bytes(b"|".join([rendition.name.encode(), kind.encode(), self.machine.encode(), body]))
                files.append(_rendition_file(rendition.name, kind, file))
        return Rendered(renditions=tuple(files), usage=usage)


def _rendition_file(name: str, kind: ImageFormat, file: Path) -> RenditionFile:
    return RenditionFile(name=name, format=kind, width=2, height=2, bytes=file.stat().st_size, path=str(file))

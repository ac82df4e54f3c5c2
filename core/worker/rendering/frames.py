"""A pipeline run over an image of several frames or pages: one after another, so that no more are in memory.

Runs in the worker's child only: it loads OpenCV.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat, ImageHeader, Measurements, Rendered, RenditionFile
from core.domain.outputs import ANIMATED, Output
from core.imaging import codec
from core.imaging.operations.base import Operation
from core.imaging.raster import Raster
from core.pipelines.definition import Pipeline, RenditionSpec
from core.worker.rendering import steps
from core.worker.rendering.files import choices, described, place, smallest, still

Check = Callable[[], None]


def render_frames(path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, check: Check) -> Rendered:
    """`render` for an animation: all frames into formats that hold frames, the first frame into the others.

    What steps read from the pixels is read from the first frame's, and so is what is measured.
    """
    animation = codec.read_animation(path, header)
    shared = _Steps(pipeline.steps)
    renditions = [_Animated(spec, header.frames, animation.plays, out) for spec in pipeline.renditions]
    measured: Measurements = {}
    with closing(animation.frames) as frames:
        try:
            for frame in frames:
                raster = shared.run(frame.raster, check, measured)
                for rendition in renditions:
                    rendition.add(codec.Frame(raster, frame.milliseconds), check, measured)
            files = [file for rendition in renditions for file in rendition.finish()]
        finally:
            for rendition in renditions:
                rendition.close()
    return Rendered(renditions=tuple(files), measurements=measured)


def render_pages(path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, check: Check) -> Rendered:
    """`render` for a TIFF of several pages: a TIFF output holds all pages, other formats one file for each page.

    Pages are pictures of their own: each has its own size, and steps read from each what they need. What is
    measured is measured of the first.
    """
    measured: Measurements = {}
    files: list[RenditionFile] = []
    books: dict[str, tuple[codec.PagesWriter, RenditionFile]] = {}
    with closing(codec.read_pages(path, header, out / ".pages.tif")) as pages:
        for number, page in enumerate(pages, 1):
            found = measured if number == 1 else None
            shared = steps.run(pipeline.steps, page, check, found)
            for spec in pipeline.renditions:
                raster = steps.run(spec.steps, shared, check, found, rendition=spec.name)
                name = spec.name if number == 1 else f"{spec.name}-{number}"
                for output in spec.outputs:
                    if output.format == ImageFormat.TIFF and isinstance(output, Output):
                        books[spec.name] = _bound(books.get(spec.name), spec.name, output, raster, out)
                    else:
                        files.append(still(raster, output, out, name))
                    check()
    return Rendered(renditions=(*(file for _, file in books.values()), *files), measurements=measured)


def _bound(
    book: tuple[codec.PagesWriter, RenditionFile] | None, name: str, output: Output, page: Raster, out: Path
) -> tuple[codec.PagesWriter, RenditionFile]:
    """The book with one page more; its first page says how large it is."""
    path = place(out, name, output)
    writer = book[0] if book else codec.PagesWriter(path, output)
    first = book[1] if book else described(page, path, output, name, 0)
    count = first.frames + 1 if book else 1
    return writer, replace(first, bytes=writer.add(page), frames=count)


class _Steps:
    """The same steps for each frame, settled by the first."""

    def __init__(self, wanted: Sequence[Operation], rendition: str = "") -> None:
        self._steps = wanted
        self._rendition = rendition
        self._first: Raster | None = None
        self._count = 0

    def run(self, raster: Raster, check: Check, measured: Measurements) -> Raster:
        """Raises ImageFailure(OPERATION_FAILED) where a frame comes out of another size than the first."""
        self._count += 1
        if self._count == 1:
            settled: list[Operation] = []
            result = steps.run(self._steps, raster, check, measured, rendition=self._rendition, settled=settled)
            self._steps, self._shape = settled, result.pixels.shape
            return result
        result = steps.run(self._steps, raster, check, None, rendition=self._rendition)
        if result.pixels.shape != self._shape:
            where = f"the steps of {self._rendition}" if self._rendition else "the steps"
            (height, width, channels), (rows, columns, samples) = self._shape, result.pixels.shape
            message = (
                f"Frame {self._count:,} came out of {where} as {columns} x {rows} pixels of {samples} channels, and "
                f"frame 1 as {width} x {height} of {channels}; the frames of an animation are alike."
            )
            raise ImageFailure(Code.OPERATION_FAILED, message)
        return result


class _Animated:
    """One rendition of an animation, as its frames come."""

    def __init__(self, spec: RenditionSpec, frames: int, plays: int, out: Path) -> None:
        self._spec = spec
        self._steps = _Steps(spec.steps, spec.name)
        self._frames, self._plays, self._out = frames, plays, out
        self._first: Raster | None = None
        # Of each output, in their order: its file, or those that are being written, of which one will be it.
        self._files: list[RenditionFile | dict[Output, codec.AnimationWriter]] = []

    def add(self, frame: codec.Frame, check: Check, measured: Measurements) -> None:
        writers = [writer for file in self._files if isinstance(file, dict) for writer in file.values()]
        if self._first is not None and not writers:
            return
        raster = self._steps.run(frame.raster, check, measured)
        if self._first is None:
            self._first = raster
            writers = self._begin(raster, check)
        for writer in writers:
            writer.add(codec.Frame(raster, frame.milliseconds))
            check()

    def finish(self) -> list[RenditionFile]:
        return [file if isinstance(file, RenditionFile) else self._chosen(file) for file in self._files]

    def close(self) -> None:
        for file in self._files:
            if isinstance(file, dict):
                for writer in file.values():
                    writer.close()

    def _begin(self, raster: Raster, check: Check) -> list[codec.AnimationWriter]:
        begun: list[codec.AnimationWriter] = []
        for output in self._spec.outputs:
            tried = [item for item in choices(output, raster, self._frames) if item.format in ANIMATED]
            if not tried:
                self._files.append(still(raster, output, self._out, self._spec.name))
                check()
                continue
            writers = {
                item: codec.AnimationWriter(place(self._out, self._spec.name, item), item, self._plays)
                for item in tried
            }
            self._files.append(writers)
            begun += writers.values()
        return begun

    def _chosen(self, writers: dict[Output, codec.AnimationWriter]) -> RenditionFile:
        raster = self._first
        assert raster is not None  # noqa: S101 - there was a first frame, or nothing is finished
        name = self._spec.name
        return smallest(
            described(raster, place(self._out, name, output), output, name, writer.finish(), self._frames)
            for output, writer in writers.items()
        )

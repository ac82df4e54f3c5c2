"""Runs a pipeline over an image of several frames or pages, one after another, so that only one is in memory.

Only the worker's child imports this module, since it loads OpenCV.
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
from core.worker.rendering.files import encodings_to_try, file_path, keep_smallest, rendition_file, write_still

Check = Callable[[], None]
_Document = tuple[codec.PagesWriter, RenditionFile]  # a TIFF that is being written


def render_frames(path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, check: Check) -> Rendered:
    """`render` for an animation. Outputs whose format holds frames get all of them, other outputs the first.

    The first frame settles the steps (`Operation.settled`), and measurements are of the first frame.
    """
    animation = codec.read_animation(path, header)
    shared = _FrameSteps(pipeline.steps)
    renditions = [_AnimatedRendition(spec, header.frames, animation.plays, out) for spec in pipeline.renditions]
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
    """`render` for a TIFF of several pages. A TIFF output holds all pages; other formats get one file per page.

    Pages are independent: each has its own size, and settles its own steps. Measurements are of the first page.
    """
    measured: Measurements = {}
    files: list[RenditionFile] = []
    documents: dict[str, _Document] = {}
    with closing(codec.read_pages(path, header, out / ".pages.tif")) as pages:
        for number, page in enumerate(pages, 1):
            page_measured = measured if number == 1 else None
            shared = steps.run(pipeline.steps, page, check, page_measured)
            for spec in pipeline.renditions:
                raster = steps.run(spec.steps, shared, check, page_measured, rendition=spec.name)
                name = spec.name if number == 1 else f"{spec.name}-{number}"
                for output in spec.outputs:
                    if output.format == ImageFormat.TIFF and isinstance(output, Output):
                        documents[spec.name] = _add_page(documents.get(spec.name), spec.name, output, raster, out)
                    else:
                        files.append(write_still(raster, output, out, name))
                    check()
    return Rendered(renditions=(*(file for _, file in documents.values()), *files), measurements=measured)


def _add_page(document: _Document | None, name: str, output: Output, page: Raster, out: Path) -> _Document:
    """Write `page` to the document, or to a new one. Width and height of a document are those of its first page."""
    path = file_path(out, name, output)
    writer, file = document or (codec.PagesWriter(path, output), rendition_file(page, path, output, name, 0, frames=0))
    return writer, replace(file, bytes=writer.add(page), frames=file.frames + 1)


class _FrameSteps:
    """Steps over the frames of an animation. The first frame settles them (`Operation.settled`)."""

    def __init__(self, operations: Sequence[Operation], rendition: str = "") -> None:
        self._steps = operations
        self._rendition = rendition
        self._count = 0

    def run(self, raster: Raster, check: Check, measured: Measurements) -> Raster:
        """`raster` after the steps. Raises ImageFailure(OPERATION_FAILED) if its size is not the first frame's."""
        self._count += 1
        if self._count == 1:
            settled: list[Operation] = []
            result = steps.run(self._steps, raster, check, measured, rendition=self._rendition, settled=settled)
            self._steps, self._shape = settled, result.pixels.shape
            return result
        result = steps.run(self._steps, raster, check, None, rendition=self._rendition)
        if result.pixels.shape != self._shape:
            step_list = f"the steps of {self._rendition}" if self._rendition else "the steps"
            (height, width, channels), (rows, columns, samples) = self._shape, result.pixels.shape
            message = (
                f"Frame {self._count:,} came out of {step_list} as {columns} x {rows} pixels of {samples} channels, "
                f"and frame 1 as {width} x {height} of {channels}; all frames of an animation must have the same size."
            )
            raise ImageFailure(Code.OPERATION_FAILED, message)
        return result


class _AnimatedRendition:
    """One rendition of an animation, written frame by frame."""

    def __init__(self, spec: RenditionSpec, frames: int, plays: int, out: Path) -> None:
        self._spec = spec
        self._steps = _FrameSteps(spec.steps, spec.name)
        self._frames, self._plays, self._out = frames, plays, out
        self._first: Raster | None = None
        # For each output in order: its finished file, or the writers of its candidates. `finish` keeps the smallest.
        self._files: list[RenditionFile | dict[Output, codec.AnimationWriter]] = []

    def add(self, frame: codec.Frame, check: Check, measured: Measurements) -> None:
        writers = [writer for file in self._files if isinstance(file, dict) for writer in file.values()]
        if self._first is not None and not writers:
            return
        raster = self._steps.run(frame.raster, check, measured)
        if self._first is None:
            self._first = raster
            writers = self._open_writers(raster, check)
        for writer in writers:
            writer.add(codec.Frame(raster, frame.milliseconds))
            check()

    def finish(self) -> list[RenditionFile]:
        """The files of the rendition, complete."""
        return [file if isinstance(file, RenditionFile) else self._finish_smallest(file) for file in self._files]

    def close(self) -> None:
        for file in self._files:
            if isinstance(file, dict):
                for writer in file.values():
                    writer.close()

    def _open_writers(self, raster: Raster, check: Check) -> list[codec.AnimationWriter]:
        """Write the first frame into outputs whose format holds no frames, and open writers for the others."""
        opened: list[codec.AnimationWriter] = []
        for output in self._spec.outputs:
            animated = [item for item in encodings_to_try(output, raster, self._frames) if item.format in ANIMATED]
            if not animated:
                self._files.append(write_still(raster, output, self._out, self._spec.name))
                check()
                continue
            writers = {
                item: codec.AnimationWriter(file_path(self._out, self._spec.name, item), item, self._plays)
                for item in animated
            }
            self._files.append(writers)
            opened += writers.values()
        return opened

    def _finish_smallest(self, writers: dict[Output, codec.AnimationWriter]) -> RenditionFile:
        raster = self._first
        assert raster is not None  # noqa: S101 - `add` has opened these writers
        name = self._spec.name
        return keep_smallest(
            rendition_file(raster, file_path(self._out, name, output), output, name, writer.finish(), self._frames)
            for output, writer in writers.items()
        )

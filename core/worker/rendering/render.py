"""Runs a pipeline over one file: decode, the shared steps, then the steps and encodings of each rendition.

Only the worker's child imports this module, since it loads OpenCV.
"""

from collections.abc import Callable
from pathlib import Path

from core.domain.model import ImageHeader, Measurements, Rendered
from core.imaging import codec
from core.imaging.operations.base import Measurement
from core.pipelines.definition import Pipeline
from core.pipelines.scale_on_load import reduction_for
from core.worker.rendering import steps
from core.worker.rendering.files import write_still
from core.worker.rendering.frames import render_frames, render_pages


def render(path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, check: Callable[[], None]) -> Rendered:
    """Run `pipeline` over the file at `path` and write the renditions into the folder `out` as `name.extension`.

    `header` is the file's header, by core.imaging.header. `check` is called between steps and raises to end the run.
    Raises ImageFailure: CORRUPT_IMAGE, OUT_OF_MEMORY, RESULT_TOO_LARGE, or OPERATION_FAILED with the step's name.
    """
    check()
    if pipeline.frames_of(header) > 1:
        return render_frames(path, header, pipeline, out, check)
    if pipeline.pages_of(header) > 1:
        return render_pages(path, header, pipeline, out, check)
    return _render_still(path, header, pipeline, out, check)


def _render_still(
    path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, check: Callable[[], None]
) -> Rendered:
    if pipeline.takes_frames:
        codec.refuse_incomplete(path, header)
    reduction = reduction_for(header, pipeline)
    original = (header.width, header.height) if reduction > 1 else None
    measured: Measurements = {}
    shared = steps.run(pipeline.steps, codec.decode(path, header, reduction), check, measured, original=original)
    if not all(isinstance(step, Measurement) for step in pipeline.steps):
        original = None  # the shared steps resized already
    files = []
    for spec in pipeline.renditions:
        raster = steps.run(spec.steps, shared, check, measured, rendition=spec.name, original=original)
        for output in spec.outputs:
            files.append(write_still(raster, output, out, spec.name))
            check()
    return Rendered(renditions=tuple(files), measurements=measured)

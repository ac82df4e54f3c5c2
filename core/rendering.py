"""A pipeline run over one file: decode once, the shared steps once, then each rendition.

Runs in the worker's child only: it loads OpenCV.
"""

from collections.abc import Callable
from pathlib import Path

import cv2

from core import codec
from core.errors import Code, ImageFailure
from core.model import ImageHeader, Raster, RenditionFile
from core.operations.base import Operation
from core.operations.resize import Resize
from core.pipeline import Pipeline


def render(
    path: Path, header: ImageHeader, pipeline: Pipeline, out: Path, check: Callable[[], None]
) -> tuple[RenditionFile, ...]:
    """Run `pipeline` over the file at `path`; the renditions are left in `out` as `name.extension`.

    `header` is core.probe's of the same file. `check` is called between steps, and ends the run by raising.
    Raises ImageFailure: CORRUPT_IMAGE, OUT_OF_MEMORY, RESULT_TOO_LARGE, OPERATION_FAILED naming the step.
    """
    check()
    reduction = reduction_for(header, pipeline)
    original = (header.width, header.height) if reduction > 1 else None
    shared = _run(pipeline.steps, codec.decode(path, header, reduction), "steps", check, original)
    if pipeline.steps:
        original = None
    files = []
    for spec in pipeline.renditions:
        raster = _run(spec.steps, shared, f"the steps of {spec.name}", check, original)
        for output in spec.outputs:
            file = out / f"{spec.name}.{output.format.extension}"
            files.append(
                RenditionFile(
                    name=spec.name,
                    format=output.format,
                    width=raster.width,
                    height=raster.height,
                    bytes=codec.encode(raster, output, file),
                    path=str(file),
                )
            )
            check()
    return tuple(files)


def reduction_for(header: ImageHeader, pipeline: Pipeline) -> int:
    """By how much a JPEG may be reduced while it is decoded: 1, 2, 4 or 8.

    Only where every rendition begins with a resize, and so that each still has twice the pixels it needs along
    both sides: what is left of the way down is done by area, and no one sees a difference.
    """
    if header.format != "jpeg":
        return 1
    chains = [(*pipeline.steps, *spec.steps) for spec in pipeline.renditions]
    ratio = 8.0
    for steps in chains:
        if not steps or not isinstance(steps[0], Resize):
            return 1
        width, height = steps[0].scaled(header.width, header.height)
        ratio = min(ratio, header.width / (2 * width), header.height / (2 * height))
    return max((reduction for reduction in (2, 4, 8) if reduction <= ratio), default=1)


def _run(
    steps: tuple[Operation, ...],
    raster: Raster,
    where: str,
    check: Callable[[], None],
    original: tuple[int, int] | None,
) -> Raster:
    """`original` is the size of the image where `raster` is reduced, and the first step a resize."""
    for number, step in enumerate(steps, 1):
        check()
        name = f"{type(step).__struct_config__.tag}, number {number} of {where},"
        raster = _apply(step, raster, name, original)
        original = None
    check()
    return raster


def _apply(step: Operation, raster: Raster, name: str, original: tuple[int, int] | None) -> Raster:
    size = f"{raster.width} x {raster.height} pixels"
    try:
        if original is not None and isinstance(step, Resize):
            return step.apply_to_reduced(raster, original)
        return step.apply(raster)
    except ImageFailure:
        raise
    except MemoryError as error:
        raise ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {name} on {size}.") from error
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            message = f"The memory did not suffice for {name} on {size}."
            raise ImageFailure(Code.OUT_OF_MEMORY, message) from error
        raise ImageFailure(Code.OPERATION_FAILED, f"{name} failed on {size}: {error.err or error}.") from error
    except Exception as error:  # an operation may be anyone's code: whatever it raises ends this image alone
        message = f"{name} failed on {size}: {type(error).__name__}: {error}."
        raise ImageFailure(Code.OPERATION_FAILED, message) from error

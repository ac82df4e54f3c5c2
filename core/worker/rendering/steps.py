"""Runs steps over a raster one after another, checks the deadline between them, and names the step that fails.

Only the worker's child imports this module, since it loads OpenCV.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2

from core.domain.errors import Code, ImageFailure
from core.domain.model import Measurements
from core.imaging.codec.cv2_errors import is_out_of_memory, out_of_memory
from core.imaging.operations.base import Measurement, Operation
from core.imaging.operations.resize import Resize
from core.imaging.raster import Raster
from core.worker.rendering import bands


def run(
    steps: Sequence[Operation],
    raster: Raster,
    check: Callable[[], None],
    measured: Measurements | None,
    *,
    rendition: str = "",
    original: tuple[int, int] | None = None,
    settled: list[Operation] | None = None,
) -> Raster:
    """`raster` after `steps`. `check` is called before each step and raises to end the run.

    `measured`: receives the results of measuring steps; if None, these are skipped.
    `rendition`: the rendition that the steps belong to; empty for the shared steps.
    `original`: (width, height) of the image if `raster` was scaled down on load; a resize must follow then.
    `settled`: receives the steps with everything that they read from `raster`, for the next frames.
    Raises ImageFailure: OUT_OF_MEMORY, or OPERATION_FAILED with the step's name.
    """
    step_list = f"the steps of {rendition}" if rendition else "steps"
    for number, step in enumerate(steps, 1):
        check()
        name = str(type(step).__struct_config__.tag)
        with _failures_named(f"{name}, number {number} of {step_list},", raster):
            if settled is not None:
                step = step.settled(raster)  # noqa: PLW2901 - only the settled step is used from here on
                settled.append(step)
            if isinstance(step, Measurement):
                if measured is not None:
                    measured[f"{rendition}.{name}" if rendition else name] = step.measure(raster)
                continue
            if original is not None and isinstance(step, Resize):
                raster = step.apply_to_reduced(raster, original)
            else:
                raster = bands.apply(step, raster)
        original = None
    check()
    return raster


@contextmanager
def _failures_named(name: str, raster: Raster) -> Iterator[None]:
    """Convert every exception into an ImageFailure that names the step and the size of its input."""
    size = f"{raster.width} x {raster.height} pixels"
    try:
        yield
    except ImageFailure:
        raise
    except Exception as error:  # a company's operation may raise anything, and only its image fails
        if is_out_of_memory(error):
            raise out_of_memory(f"{name} on {size}") from error
        cause = error.err or error if isinstance(error, cv2.error) else f"{type(error).__name__}: {error}"
        raise ImageFailure(Code.OPERATION_FAILED, f"{name} failed on {size}: {_one_line(cause)}.") from error


def _one_line(message: object) -> str:
    """The message on one line and without a full stop: OpenCV's messages have several lines."""
    return " ".join(str(message).split()).rstrip(".")

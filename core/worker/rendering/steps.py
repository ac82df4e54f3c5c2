"""Steps over a raster, one after another: the deadline looked at between them, failures named by their step.

Runs in the worker's child only: it loads OpenCV.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2

from core.domain.errors import Code, ImageFailure
from core.domain.model import Measurements
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
    """`raster` after `steps`; what measuring steps find is added to `measured`, or is not looked for without it.

    `rendition` is whose steps they are, when not all renditions'. `original` is the (width, height) of the image
    where `raster` is a reduced version of it, and the first step that does not measure a resize. `settled` is
    filled with the steps as `raster` settles them, for the frames that follow. `check` ends the run by raising.
    Raises ImageFailure: OUT_OF_MEMORY, OPERATION_FAILED naming the step.
    """
    where = f"the steps of {rendition}" if rendition else "steps"
    for number, step in enumerate(steps, 1):
        check()
        name = str(type(step).__struct_config__.tag)
        with _blaming(f"{name}, number {number} of {where},", raster):
            if settled is not None:
                step = step.settled(raster)  # noqa: PLW2901 - the same step from here on
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
def _blaming(name: str, raster: Raster) -> Iterator[None]:
    size = f"{raster.width} x {raster.height} pixels"
    try:
        yield
    except ImageFailure:
        raise
    except MemoryError as error:
        raise ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {name} on {size}.") from error
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            message = f"The memory did not suffice for {name} on {size}."
            raise ImageFailure(Code.OUT_OF_MEMORY, message) from error
        raise ImageFailure(Code.OPERATION_FAILED, f"{name} failed on {size}: {_line(error.err or error)}.") from error
    except Exception as error:  # an operation may be anyone's code: whatever it raises ends this image alone
        message = f"{name} failed on {size}: {type(error).__name__}: {_line(error)}."
        raise ImageFailure(Code.OPERATION_FAILED, message) from error


def _line(words: object) -> str:
    """One line of them: OpenCV, and who knows what else, writes several."""
    return " ".join(str(words).split()).rstrip(".")

"""Errors of OpenCV and of memory as failures of the image."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from core.domain.errors import Code, ImageFailure


@contextmanager
def translate_errors(activity: str, code: Code) -> Iterator[None]:
    """Raise ImageFailure(OUT_OF_MEMORY) where memory runs out, and ImageFailure(`code`) where OpenCV fails.

    `activity` completes the message: "decoding 640 x 480 pixels".
    """
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory(activity) from error
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise _out_of_memory(activity) from error
        raise ImageFailure(code, f"OpenCV failed when {activity}: {error.err or error}.") from error


def _out_of_memory(activity: str) -> ImageFailure:
    return ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {activity}.")

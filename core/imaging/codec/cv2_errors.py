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
    except (MemoryError, cv2.error) as error:
        if is_out_of_memory(error):
            raise out_of_memory(activity) from error
        raise ImageFailure(code, f"OpenCV failed when {activity}: {getattr(error, 'err', '') or error}.") from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python or OpenCV could not allocate memory."""
    return isinstance(error, MemoryError) or (isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem)


def out_of_memory(activity: str) -> ImageFailure:
    """The failure of an activity for want of memory."""
    return ImageFailure(Code.OUT_OF_MEMORY, f"There was not enough memory for {activity}.")

"""What OpenCV and memory raise, as the image's own failures."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from core.domain.errors import Code, ImageFailure


@contextmanager
def allocating(doing: str) -> Iterator[None]:
    """Raises ImageFailure: OUT_OF_MEMORY, CORRUPT_IMAGE when `doing` begins with "decoding", else OPERATION_FAILED."""
    try:
        yield
    except MemoryError as error:
        raise ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {doing}.") from error
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {doing}.") from error
        code = Code.CORRUPT_IMAGE if doing.startswith("decoding") else Code.OPERATION_FAILED
        raise ImageFailure(code, f"OpenCV failed when {doing}: {error.err or error}.") from error

"""QR codes on pictures."""

from typing import Annotated, Any, Literal

import numpy as np
import segno
from msgspec import Meta
from numpy.typing import NDArray

_QUIET = 4  # light modules around a code, by which readers find it (ISO/IEC 18004)


def link_code(
    image: NDArray[Any],
    *,
    link: Annotated[str, Meta(min_length=1, max_length=500)],
    share: Annotated[float, Meta(gt=0, le=1)] = 0.25,
    corner: Literal["northwest", "northeast", "southwest", "southeast"] = "southeast",
) -> NDArray[Any]:
    """Draw a QR code with the address `link` in a corner.

    Its side is at most `share` of the image's shorter side, in whole pixels for each module, at least one pixel each.
    """
    modules = np.array([list(row) for row in segno.make_qr(link).matrix_iter(border=_QUIET)], bool)
    height, width, channels = image.shape
    scale = max(1, int(share * min(width, height)) // len(modules))
    side = scale * len(modules)
    if side > min(width, height):
        raise ValueError(f"the code takes {side} pixels, and there are {width} x {height}")
    white = np.iinfo(image.dtype).max
    code = np.where(modules, 0, white).astype(image.dtype).repeat(scale, axis=0).repeat(scale, axis=1)
    top = 0 if "north" in corner else height - side
    left = 0 if "west" in corner else width - side
    stamped = image.copy()  # the image itself is read-only
    box = stamped[top : top + side, left : left + side]
    box[...] = code[:, :, np.newaxis]
    if channels in (2, 4):  # the code is opaque
        box[..., -1] = white
    return stamped

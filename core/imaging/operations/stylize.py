"""A photograph as if it were painted."""

from math import ceil, sqrt
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# OpenCV's filter paints black where an image is no larger than its first window, this many sigma_space wide (the
# article's equation 14, of three rounds), or where a sigma is nothing.
_WINDOW, _LEAST = 12 / sqrt(63), 1e-3
_NARROW = 8  # times its shorter side colors flow in an image at most: it is widened to the window, in memory too


class Stylize(Operation, frozen=True, tag="stylize", kw_only=True):
    """Flatten what is alike and draw the edges, as in a watercolor (Gastal and Oliveira 2011); alpha stays.

    It is worked out in 8 bits, whatever the image has. In a narrow image colors flow no farther than eight times its
    shorter side.
    """

    #: How far colors flow, in pixels.
    sigma_space: Annotated[float, Meta(ge=0, le=200)] = 60.0
    #: How alike colors must be to flow together, as a share of white.
    sigma_color: Annotated[float, Meta(ge=0, le=1)] = 0.45

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import on_colours

        def painted(pixels: "Pixels") -> "Pixels":
            flat: Pixels = cv2.convertScaleAbs(pixels, alpha=255 / raster.white).reshape(pixels.shape)
            is_grey = pixels.shape[2] == 1
            colour = np.repeat(flat, 3, axis=2) if is_grey else flat
            result = _painted(colour, self.sigma_space, self.sigma_color)
            if is_grey:
                result = cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)
            wide: Pixels = result.astype(pixels.dtype) * (raster.white // 255)
            return wide

        return on_colours(raster, painted)


def _painted(colour: "Pixels", space: float, alike: float) -> "Pixels":
    """OpenCV's stylization of (h, w, 3) uint8, the edge's pixels going on where the image is small."""
    import cv2

    height, width = colour.shape[:2]
    space = max(_LEAST, min(space, _NARROW * min(height, width)))
    least = ceil(_WINDOW * space) + 2
    top, left = (max(0, (least - side + 1) // 2) for side in (height, width))
    if top or left:
        colour = cv2.copyMakeBorder(colour, top, top, left, left, cv2.BORDER_REPLICATE)
    result: Pixels = cv2.stylization(colour, sigma_s=space, sigma_r=max(_LEAST, alike))
    return result[top : top + height, left : left + width]

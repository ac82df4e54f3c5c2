"""Making a photograph look like a painting."""

from math import ceil, sqrt
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# OpenCV's filter returns black for images no larger than its first window, and for a sigma of 0. The window's width in
# multiples of sigma_space follows from the article's equation 14 with three iterations.
_WINDOW, _LEAST_SIGMA = 12 / sqrt(63), 1e-3
_MOST_FLOW = 8  # multiples of the shorter side: a larger window would need much memory for padding


class Stylize(Operation, frozen=True, tag="stylize", kw_only=True):
    """Flatten similar colors and draw the edges, as in a watercolor (Gastal and Oliveira 2011). Alpha stays.

    The computation uses 8 bits for every image. In a narrow image, colors flow at most eight times its shorter side.
    """

    #: The distance that colors flow, in pixels.
    sigma_space: Annotated[float, Meta(ge=0, le=200)] = 60.0
    #: The difference up to which colors flow together, as a share of white.
    sigma_color: Annotated[float, Meta(ge=0, le=1)] = 0.45

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import change_colours

        def paint(pixels: "Pixels") -> "Pixels":
            flat: Pixels = cv2.convertScaleAbs(pixels, alpha=255 / raster.white).reshape(pixels.shape)
            is_grey = pixels.shape[2] == 1
            colour = np.repeat(flat, 3, axis=2) if is_grey else flat
            result = _stylize(colour, self.sigma_space, self.sigma_color)
            if is_grey:
                result = cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)
            wide: Pixels = result.astype(pixels.dtype) * (raster.white // 255)
            return wide

        return change_colours(raster, paint)


def _stylize(colour: "Pixels", sigma_space: float, sigma_color: float) -> "Pixels":
    """OpenCV's stylization of (h, w, 3) uint8. Small images are padded by repeating the pixels of their edges."""
    import cv2

    height, width = colour.shape[:2]
    sigma_space = max(_LEAST_SIGMA, min(sigma_space, _MOST_FLOW * min(height, width)))
    least = ceil(_WINDOW * sigma_space) + 2
    top, left = (max(0, (least - side + 1) // 2) for side in (height, width))
    if top or left:
        colour = cv2.copyMakeBorder(colour, top, top, left, left, cv2.BORDER_REPLICATE)
    result: Pixels = cv2.stylization(colour, sigma_s=sigma_space, sigma_r=max(_LEAST_SIGMA, sigma_color))
    return result[top : top + height, left : left + width]

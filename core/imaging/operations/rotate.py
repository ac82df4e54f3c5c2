"""Rotating the image about its centre."""

from math import ceil, cos, radians, sin
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.domain.outputs import Colour
from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

_QUARTER = 90


class Rotate(Operation, frozen=True, tag="rotate", kw_only=True):
    """Rotate clockwise by `angle`. The image grows so that no corner is lost, and the new corners are filled.

    Quarter turns are exact; other angles are resampled by bicubic interpolation.
    """

    #: Degrees, clockwise.
    angle: Annotated[float, Meta(ge=-360, le=360)]
    #: The colour of the new corners. The default is white, and transparent if the image has alpha.
    background: Colour = "#ffffff00"

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        quarters, rest = divmod(self.angle % 360, _QUARTER)
        if not rest:
            return (height, width) if quarters % 2 else (width, height)
        c, s = abs(cos(radians(self.angle))), abs(sin(radians(self.angle)))
        tolerance = 1e-6  # rounding errors must not add a pixel
        return ceil(width * c + height * s - tolerance), ceil(width * s + height * c - tolerance)

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import fill_value, filter_premultiplied
        from core.imaging.raster import Raster

        quarters, rest = divmod(self.angle % 360, _QUARTER)
        if not rest:
            return Raster(np.ascontiguousarray(np.rot90(raster.pixels, -int(quarters))))
        width, height = self.output_size(raster.width, raster.height)
        # The centre of a pixel lies at a half: the matrix maps centres to centres.
        matrix = cv2.getRotationMatrix2D(((raster.width - 1) / 2, (raster.height - 1) / 2), -self.angle, 1.0)
        matrix[0, 2] += (width - raster.width) / 2
        matrix[1, 2] += (height - raster.height) / 2
        fill = fill_value(raster, self.background)

        def turn(pixels: "Pixels") -> "Pixels":
            weighted = pixels.dtype != raster.pixels.dtype  # weighted by alpha, so the background must be too
            value = (*(part * fill[-1] for part in fill[:-1]), fill[-1] * raster.white) if weighted else fill
            return cv2.warpAffine(
                pixels,
                matrix,
                (width, height),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=[float(part) for part in value],
            )

        return Raster(filter_premultiplied(raster, turn, always=True))

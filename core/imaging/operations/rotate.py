"""The image turned about its middle."""

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
    """Turn clockwise by `angle`; the image grows so that no corner is lost, and the new corners are filled.

    Quarter turns are exact; other angles are resampled by bicubic interpolation.
    """

    #: Degrees, clockwise.
    angle: Annotated[float, Meta(ge=-360, le=360)]
    #: What fills the corners: white, and transparent where the image has alpha.
    background: Colour = "#ffffff00"

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        quarters, rest = divmod(self.angle % 360, _QUARTER)
        if not rest:
            return (height, width) if quarters % 2 else (width, height)
        c, s = abs(cos(radians(self.angle))), abs(sin(radians(self.angle)))
        tolerance = 1e-6  # what rounding adds is no pixel
        return ceil(width * c + height * s - tolerance), ceil(width * s + height * c - tolerance)

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import fill_value, premultiplied
        from core.imaging.raster import Raster

        quarters, rest = divmod(self.angle % 360, _QUARTER)
        if not rest:
            return Raster(np.ascontiguousarray(np.rot90(raster.pixels, -int(quarters))))
        width, height = self.output_size(raster.width, raster.height)
        # Pixels are squares with their middle at a half: the matrix maps middles to middles.
        matrix = cv2.getRotationMatrix2D(((raster.width - 1) / 2, (raster.height - 1) / 2), -self.angle, 1.0)
        matrix[0, 2] += (width - raster.width) / 2
        matrix[1, 2] += (height - raster.height) / 2
        fill = fill_value(raster, self.background)

        def turned(pixels: "Pixels") -> "Pixels":
            weighted = pixels.dtype != raster.pixels.dtype  # colours times alpha, and so is the background
            value = (*(part * fill[-1] for part in fill[:-1]), fill[-1] * raster.white) if weighted else fill
            return cv2.warpAffine(
                pixels,
                matrix,
                (width, height),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=[float(part) for part in value],
            )

        return Raster(premultiplied(raster, turned, always=True))

"""Cutting off a uniform border."""

from math import ceil, floor
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.domain.outputs import Colour
from core.imaging.operations.base import Operation
from core.imaging.operations.crop import Crop

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels that are weighted by their alpha at a time.
_BAND = 1 << 20


class Trim(Operation, frozen=True, tag="trim", kw_only=True):
    """Cut off rows and columns of the border's colour from all four sides. An image of one colour stays as it is.

    Colours are compared after weighting by alpha, so that all transparent pixels are equal.
    """

    #: The difference in a channel up to which a pixel belongs to the border, in steps of 255.
    threshold: Annotated[float, Meta(ge=0, le=255)] = 10
    #: The border's colour; if not given, that of the left top pixel.
    background: Colour | None = None

    def apply(self, raster: "Raster") -> "Raster":
        settled = self.settled(raster)
        uncut = (settled.width, settled.height) == (raster.width, raster.height)
        return raster if uncut else settled.apply(raster)

    def settled(self, raster: "Raster") -> Crop:
        import numpy as np

        from core.imaging.operations.pixels import fill_value

        border = raster.pixels[0, 0] if self.background is None else fill_value(raster, self.background)
        rows, columns = _content_lines(raster, [int(value) for value in border], self.threshold)
        if not rows.any():
            return Crop(x=0, y=0, width=raster.width, height=raster.height)
        (top, bottom), (left, right) = (map(int, np.flatnonzero(lines)[[0, -1]]) for lines in (rows, columns))
        return Crop(x=left, y=top, width=right + 1 - left, height=bottom + 1 - top)


def _content_lines(raster: "Raster", border: list[int], threshold: float) -> tuple["Pixels", "Pixels"]:
    """Masks of the rows and of the columns that hold pixels of another colour than the border."""
    import cv2
    import numpy as np

    distance = threshold * raster.white / 255
    if raster.has_alpha:
        border = [*(value * border[-1] for value in border[:-1]), border[-1] * raster.white]
        distance *= raster.white
    lowest = np.array([ceil(value - distance) for value in border], np.float64)
    highest = np.array([floor(value + distance) for value in border], np.float64)
    rows, columns = np.zeros(raster.height, bool), np.zeros(raster.width, bool)
    step = max(1, _BAND // raster.width)
    for top in range(0, raster.height, step):
        band = raster.pixels[top : top + step]
        if raster.has_alpha:
            alpha = band[..., -1:].astype(np.float64)
            band = np.concatenate([band[..., :-1] * alpha, alpha * raster.white], axis=2)
        other = cv2.inRange(band, lowest, highest) == 0
        rows[top : top + step] = other.any(axis=1)
        columns |= other.any(axis=0)
    return rows, columns

"""A uniform border cut off."""

from math import ceil, floor
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.domain.outputs import Colour
from core.imaging.operations.base import Operation
from core.imaging.operations.crop import Crop

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels that are weighted by their alpha at once.
_BAND = 1 << 20


class Trim(Operation, frozen=True, tag="trim", kw_only=True):
    """Cut off what has the border's colour, from all four sides. An image of this colour alone stays as it is.

    Colours are compared as their alpha weights them: whatever is transparent is alike.
    """

    #: How far a channel may be from the border's colour and still belong to it, in steps of 255.
    threshold: Annotated[float, Meta(ge=0, le=255)] = 10
    #: The border's colour; that of the left top pixel where it is not given.
    background: Colour | None = None

    def apply(self, raster: "Raster") -> "Raster":
        settled = self.settled(raster)
        uncut = (settled.width, settled.height) == (raster.width, raster.height)
        return raster if uncut else settled.apply(raster)

    def settled(self, raster: "Raster") -> Crop:
        import numpy as np

        from core.imaging.operations.pixels import fill_value

        border = raster.pixels[0, 0] if self.background is None else fill_value(raster, self.background)
        rows, columns = _content(raster, [int(value) for value in border], self.threshold)
        if not rows.any():
            return Crop(x=0, y=0, width=raster.width, height=raster.height)
        (top, bottom), (left, right) = (map(int, np.flatnonzero(lines)[[0, -1]]) for lines in (rows, columns))
        return Crop(x=left, y=top, width=right + 1 - left, height=bottom + 1 - top)


def _content(raster: "Raster", border: list[int], threshold: float) -> tuple["Pixels", "Pixels"]:
    """Which rows, and which columns, hold anything but the border's colour."""
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

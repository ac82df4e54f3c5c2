"""Converting colors to grey."""

from typing import TYPE_CHECKING

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class Grayscale(Operation, frozen=True, tag="grayscale", kw_only=True):
    """Replace the three channels by one of luma (Rec. 601: 0.299 R + 0.587 G + 0.114 B). Alpha stays."""

    @property
    def radius(self) -> int:
        return 0

    def output_channels(self, channels: int) -> int:
        return 2 if channels in (2, 4) else 1

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import change_colours

        if raster.channels < 3:  # noqa: PLR2004 - already grey
            return raster
        return change_colours(raster, lambda pixels: cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY))

"""Mirroring the image."""

from enum import StrEnum
from typing import TYPE_CHECKING

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class Direction(StrEnum):
    """The sides that are exchanged."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"
    BOTH = "both"


class Flip(Operation, frozen=True, tag="flip", kw_only=True):
    """Exchange left and right (`horizontal`), top and bottom (`vertical`), or `both`."""

    #: The sides to exchange.
    direction: Direction = Direction.HORIZONTAL

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.raster import Raster

        pixels = raster.pixels
        if self.direction is not Direction.VERTICAL:
            pixels = pixels[:, ::-1]
        if self.direction is not Direction.HORIZONTAL:
            pixels = pixels[::-1]
        return Raster(np.ascontiguousarray(pixels))

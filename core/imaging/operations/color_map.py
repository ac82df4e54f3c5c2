"""False colors for luma."""

from enum import StrEnum
from typing import TYPE_CHECKING

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class Palette(StrEnum):
    """The palettes of Matplotlib and OpenCV, by their names there."""

    AUTUMN = "autumn"
    BONE = "bone"
    CIVIDIS = "cividis"
    HOT = "hot"
    INFERNO = "inferno"
    JET = "jet"
    MAGMA = "magma"
    OCEAN = "ocean"
    PLASMA = "plasma"
    TURBO = "turbo"
    VIRIDIS = "viridis"


class ColorMap(Operation, frozen=True, tag="color-map", kw_only=True):
    """Replace luma (Rec. 601), from black to white, by the colors of a palette. Alpha stays; the result has colors."""

    #: The palette.
    map: Palette = Palette.VIRIDIS

    @property
    def radius(self) -> int:
        return 0

    def output_channels(self, channels: int) -> int:
        return 4 if channels in (2, 4) else 3

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import to_luma
        from core.imaging.raster import Raster

        steps = np.arange(256, dtype=np.uint8).reshape(-1, 1)
        code = int(getattr(cv2, f"COLORMAP_{self.map.name}"))
        palette = cv2.applyColorMap(steps, code)[:, 0, ::-1].astype(np.float64)
        places = np.linspace(0, 255, raster.white + 1)
        between = [np.interp(places, np.arange(256), palette[:, channel]) for channel in range(3)]
        table = np.rint(np.stack(between, axis=-1) * (raster.white / 255)).astype(raster.pixels.dtype)
        colours = table[to_luma(raster)]
        if raster.has_alpha:
            colours = np.concatenate([colours, raster.pixels[..., -1:]], axis=2)
        return Raster(np.ascontiguousarray(colours))

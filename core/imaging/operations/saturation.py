"""Colors stronger or weaker."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

_AT_ONCE = 1 << 12  # pixels in floating point: they stay in the cache


class Saturation(Operation, frozen=True, tag="saturation", kw_only=True):
    """Move each color away from the grey of its own luma (Rec. 601), or towards it; grey and alpha stay.

    What leaves the range from black to white is clipped, each channel by itself: strong colors then change their hue.
    """

    #: 1 changes nothing, 0 leaves grey in three channels, 2 doubles the distance from grey.
    factor: Annotated[float, Meta(ge=0, le=10)]

    @property
    def radius(self) -> int:
        return 0

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import LUMA, on_colours

        if raster.channels < 3:  # noqa: PLR2004 - grey has no color
            return raster

        def saturated(pixels: "Pixels") -> "Pixels":
            # one matrix: factor times the color, and the rest of the luma in each channel
            matrix = self.factor * np.eye(3) + (1 - self.factor) * np.array([LUMA] * 3)
            result = np.empty_like(pixels)
            rows = max(1, _AT_ONCE // pixels.shape[1])
            for top in range(0, pixels.shape[0], rows):
                band = pixels[top : top + rows]
                mixed = sum(band[..., [channel]] * matrix[:, channel] for channel in range(3))
                result[top : top + rows] = np.rint(mixed).clip(0, raster.white)
            return result

        return on_colours(raster, saturated)

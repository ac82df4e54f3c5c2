"""Making colors stronger or weaker."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

_BAND = 1 << 12  # pixels in floating point that fit the CPU's cache


class Saturation(Operation, frozen=True, tag="saturation", kw_only=True):
    """Move each color away from the grey of its own luma (Rec. 601), or towards it. Grey and alpha stay.

    Each channel is clipped to the range from black to white, so that strong colors change their hue.
    """

    #: 1 changes nothing, 0 leaves grey in three channels, 2 doubles the distance from grey.
    factor: Annotated[float, Meta(ge=0, le=10)]

    @property
    def radius(self) -> int:
        return 0

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import LUMA, change_colours

        if raster.channels < 3:  # noqa: PLR2004 - grey has no color
            return raster

        def saturated(pixels: "Pixels") -> "Pixels":
            # the color times factor, plus luma times the rest
            matrix = self.factor * np.eye(3) + (1 - self.factor) * np.array([LUMA] * 3)
            result = np.empty_like(pixels)
            rows = max(1, _BAND // pixels.shape[1])
            for top in range(0, pixels.shape[0], rows):
                band = pixels[top : top + rows]
                mixed = sum(band[..., [channel]] * matrix[:, channel] for channel in range(3))
                result[top : top + rows] = np.rint(mixed).clip(0, raster.white)
            return result

        return change_colours(raster, saturated)

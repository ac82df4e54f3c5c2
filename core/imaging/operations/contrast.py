"""Local contrast: contrast-limited adaptive histogram equalisation (CLAHE)."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class Contrast(Operation, frozen=True, tag="contrast", kw_only=True):
    """Spread the luminance (Y of Rec. 601) of each tile of the image (CLAHE, Zuiderveld 1994). Hue and alpha stay."""

    #: The limit of the spread of a histogram: 1 has little effect, 4 a strong one.
    limit: Annotated[float, Meta(ge=1, le=40)] = 2.0
    #: The number of tiles along each side of the image.
    tiles: Annotated[int, Meta(ge=1, le=64)] = 8

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import change_colours

        def spread(pixels: "Pixels") -> "Pixels":
            equaliser = cv2.createCLAHE(self.limit, (self.tiles, self.tiles))
            if pixels.shape[2] == 1:
                return equaliser.apply(np.ascontiguousarray(pixels[..., 0]))
            parts = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
            parts[..., 0] = equaliser.apply(np.ascontiguousarray(parts[..., 0]))
            return cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB)

        return change_colours(raster, spread)

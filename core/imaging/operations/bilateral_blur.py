"""A bilateral filter."""

from math import ceil
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class BilateralBlur(Operation, frozen=True, tag="bilateral-blur", kw_only=True):
    """Blur similar colors and keep edges: each color becomes the mean of those near it in place and in color.

    Both weights are Gaussians (Tomasi and Manduchi 1998); that of place is cut off at one and a half standard
    deviations. The distance of two colors is the sum over their channels. Alpha stays.
    """

    #: The standard deviation in place, in pixels.
    sigma_space: Annotated[float, Meta(ge=0.5, le=20)] = 3.0
    #: The standard deviation in color, in steps of 255. Larger differences are edges.
    sigma_color: Annotated[float, Meta(gt=0, le=255)] = 25.0

    @property
    def radius(self) -> int:
        return ceil(1.5 * self.sigma_space)

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import bilateral_filter, change_colours

        def blurred(pixels: "Pixels") -> "Pixels":
            if pixels.itemsize == 1 and pixels.shape[2] > 1:  # IPP rounds bands of 8-bit grey differently
                size = 2 * self.radius + 1
                return cv2.bilateralFilter(
                    pixels, size, self.sigma_color, self.sigma_space, borderType=cv2.BORDER_REPLICATE
                )
            soft = bilateral_filter(
                pixels.astype(np.float32), raster.white, self.sigma_color, self.sigma_space, self.radius
            )
            return np.rint(soft).astype(pixels.dtype)

        return change_colours(raster, blurred)

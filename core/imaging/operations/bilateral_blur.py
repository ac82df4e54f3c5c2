"""Bilateral filter."""

from math import ceil
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class BilateralBlur(Operation, frozen=True, tag="bilateral-blur", kw_only=True):
    """Blur what is alike and leave edges: each color becomes the mean of those near it in place and in color.

    Both weights are Gaussians (Tomasi and Manduchi 1998), that of place cut off at one and a half standard
    deviations; colors are apart by the sum over their channels. Alpha stays.
    """

    #: The standard deviation in place, in pixels.
    sigma_space: Annotated[float, Meta(ge=0.5, le=20)] = 3.0
    #: The standard deviation in color, in steps of 255: what is farther apart is an edge.
    sigma_color: Annotated[float, Meta(gt=0, le=255)] = 25.0

    @property
    def radius(self) -> int:
        return ceil(1.5 * self.sigma_space)

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import on_colours, smoothed

        def blurred(pixels: "Pixels") -> "Pixels":
            if pixels.itemsize == 1 and pixels.shape[2] > 1:  # IPP's, for 8-bit grey, rounds bands another way
                size = 2 * self.radius + 1
                return cv2.bilateralFilter(
                    pixels, size, self.sigma_color, self.sigma_space, borderType=cv2.BORDER_REPLICATE
                )
            soft = smoothed(pixels.astype(np.float32), raster.white, self.sigma_color, self.sigma_space, self.radius)
            return np.rint(soft).astype(pixels.dtype)

        return on_colours(raster, blurred)

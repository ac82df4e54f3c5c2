"""A Gaussian blur."""

from math import ceil
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class Blur(Operation, frozen=True, tag="blur", kw_only=True):
    """Blur by a Gaussian, cut off at three standard deviations. Beyond the image's edge, its pixels are repeated."""

    #: The standard deviation, in pixels.
    sigma: Annotated[float, Meta(ge=0.3, le=250)]

    @property
    def radius(self) -> int:
        return ceil(3 * self.sigma)

    def apply(self, raster: "Raster") -> "Raster":
        import cv2

        from core.imaging.operations.pixels import filter_premultiplied
        from core.imaging.raster import Raster

        size = (2 * self.radius + 1,) * 2
        return Raster(
            filter_premultiplied(
                raster,
                lambda pixels: cv2.GaussianBlur(
                    pixels, size, self.sigma, sigmaY=self.sigma, borderType=cv2.BORDER_REPLICATE
                ),
            )
        )

"""An unsharp mask."""

from math import ceil
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class Sharpen(Operation, frozen=True, tag="sharpen", kw_only=True):
    """Add to each colour `amount` times its difference from a Gaussian blur. Alpha stays."""

    #: The standard deviation of the blur, in pixels: the width of the edges that become sharper.
    sigma: Annotated[float, Meta(ge=0.3, le=50)] = 1.0
    #: The share of the difference that is added.
    amount: Annotated[float, Meta(gt=0, le=10)] = 0.6

    @property
    def radius(self) -> int:
        return ceil(3 * self.sigma)

    def apply(self, raster: "Raster") -> "Raster":
        import cv2

        from core.imaging.operations.pixels import change_colours

        def sharpen(pixels: "Pixels") -> "Pixels":
            size = (2 * self.radius + 1,) * 2
            soft = cv2.GaussianBlur(pixels, size, self.sigma, sigmaY=self.sigma, borderType=cv2.BORDER_REPLICATE)
            return cv2.addWeighted(pixels, 1 + self.amount, soft, -self.amount, 0)

        return change_colours(raster, sharpen)

"""Detail brought out, edges left alone."""

from math import ceil
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class Detail(Operation, frozen=True, tag="detail", kw_only=True):
    """Strengthen texture without halos: luma is split by a bilateral filter, and what it took away is added again.

    Every channel gets the same, so that hue stays; alpha too (Durand and Dorsey 2002, without their log scale).
    """

    #: How much of the detail is added: 0 nothing, 1 as much again.
    amount: Annotated[float, Meta(ge=0, le=5)] = 1.0
    #: How large detail is, in pixels.
    sigma_space: Annotated[float, Meta(ge=0.5, le=20)] = 4.0
    #: In steps of 255: what differs by more is an edge, and no detail.
    sigma_color: Annotated[float, Meta(gt=0, le=255)] = 25.0

    @property
    def radius(self) -> int:
        return ceil(1.5 * self.sigma_space)

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import grey, on_colours, smoothed

        def detailed(pixels: "Pixels") -> "Pixels":
            luma = grey(raster).astype(np.float32)
            soft = smoothed(luma, raster.white, self.sigma_color, self.sigma_space, self.radius)
            more = (luma - soft) * np.float32(self.amount)
            result: Pixels = np.rint(pixels + more[..., np.newaxis]).clip(0, raster.white).astype(pixels.dtype)
            return result

        return on_colours(raster, detailed)

"""Strengthening detail without changing edges."""

from math import ceil
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class Detail(Operation, frozen=True, tag="detail", kw_only=True):
    """Strengthen texture without halos: the detail that a bilateral filter removes from luma is added again.

    Every channel receives the same amount, so that hue stays. Alpha stays (Durand and Dorsey 2002, without log scale).
    """

    #: The share of the detail that is added: 0 nothing, 1 all of it once more.
    amount: Annotated[float, Meta(ge=0, le=5)] = 1.0
    #: The size of detail, in pixels.
    sigma_space: Annotated[float, Meta(ge=0.5, le=20)] = 4.0
    #: In steps of 255: larger differences are edges, not detail.
    sigma_color: Annotated[float, Meta(gt=0, le=255)] = 25.0

    @property
    def radius(self) -> int:
        return ceil(1.5 * self.sigma_space)

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import bilateral_filter, change_colours, to_luma

        def detailed(pixels: "Pixels") -> "Pixels":
            luma = to_luma(raster).astype(np.float32)
            soft = bilateral_filter(luma, raster.white, self.sigma_color, self.sigma_space, self.radius)
            more = (luma - soft) * np.float32(self.amount)
            result: Pixels = np.rint(pixels + more[..., np.newaxis]).clip(0, raster.white).astype(pixels.dtype)
            return result

        return change_colours(raster, detailed)

"""Making midtones lighter or darker; black and white stay."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class Gamma(Operation, frozen=True, tag="gamma", kw_only=True):
    """Raise each color value, as a share of white, to the power of 1 / `gamma`. Alpha stays."""

    #: Above 1 lightens the midtones, below 1 darkens them.
    gamma: Annotated[float, Meta(ge=0.1, le=10)]

    @property
    def radius(self) -> int:
        return 0

    def apply(self, raster: "Raster") -> "Raster":
        from core.imaging.operations.pixels import change_by_table

        return change_by_table(raster, lambda values: (values / raster.white) ** (1 / self.gamma) * raster.white)

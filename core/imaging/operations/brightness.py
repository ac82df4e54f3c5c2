"""Brightness, multiplied by a factor."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class Brightness(Operation, frozen=True, tag="brightness", kw_only=True):
    """Multiply each color value by `factor`, as CSS's brightness() does. Values are clipped at white. Alpha stays."""

    #: 1 changes nothing, 0 is black.
    factor: Annotated[float, Meta(ge=0, le=10)]

    @property
    def radius(self) -> int:
        return 0

    def apply(self, raster: "Raster") -> "Raster":
        from core.imaging.operations.pixels import change_by_table

        return change_by_table(raster, lambda values: values * self.factor)

"""Cutting out a part of the image."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Gravity, Operation, Side

if TYPE_CHECKING:
    from core.imaging.raster import Raster

Offset = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Crop(Operation, frozen=True, tag="crop", kw_only=True):
    """Cut out `width` x `height` pixels at `x`, `y`; if these are not given, towards `gravity`.

    The part stays inside the image: it is no larger than the image, and is moved if it would exceed an edge.
    """

    #: Pixels.
    width: Side
    #: Pixels.
    height: Side
    #: Pixels from the left.
    x: Offset | None = None
    #: Pixels from the top.
    y: Offset | None = None
    #: The part to keep if x and y are not given.
    gravity: Gravity = Gravity.CENTER

    def __post_init__(self) -> None:
        if (self.x is None) != (self.y is None):
            raise ValueError("give both x and y, or neither")

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return min(self.width, width), min(self.height, height)

    def apply(self, raster: "Raster") -> "Raster":
        from core.imaging.raster import Raster

        outer = raster.width, raster.height
        width, height = self.output_size(*outer)
        x, y = self.gravity.place(outer, (width, height))
        if self.x is not None and self.y is not None:
            x, y = min(self.x, outer[0] - width), min(self.y, outer[1] - height)
        return Raster(raster.pixels[y : y + height, x : x + width].copy())

"""Adding space around the image."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.domain.outputs import Colour
from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster

Space = Annotated[int, Meta(ge=0, le=65_536)]


class Padding(StrEnum):
    """The filling of the space around an image."""

    COLOR = "color"
    REFLECT = "reflect"
    REPLICATE = "replicate"


class Pad(Operation, frozen=True, tag="pad", kw_only=True):
    """Add space around the image: the same on `all` sides, or a value for each side.

    color: filled with `background`.
    reflect: the image mirrored at its edges, as often as necessary.
    replicate: the pixels of the edge, repeated.
    """

    #: Pixels at the top.
    top: Space = 0
    #: Pixels on the right.
    right: Space = 0
    #: Pixels at the bottom.
    bottom: Space = 0
    #: Pixels on the left.
    left: Space = 0
    #: Pixels on every side, instead of the four values.
    all: Space | None = None
    #: The filling of the space.
    mode: Padding = Padding.COLOR
    #: The colour of the mode `color`. The default is white, and transparent if the image has alpha.
    background: Colour = "#ffffff00"

    def __post_init__(self) -> None:
        sides = any((self.top, self.right, self.bottom, self.left))
        if sides and self.all is not None:
            raise ValueError("give either all, or top, right, bottom and left")
        if not sides and not self.all:
            raise ValueError("give all, or one or more of top, right, bottom and left, more than 0")

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        top, right, bottom, left = self._spaces
        return left + width + right, top + height + bottom

    def apply(self, raster: "Raster") -> "Raster":
        import cv2

        from core.imaging.operations.pixels import fill_value, three_axes
        from core.imaging.raster import Raster

        top, right, bottom, left = self._spaces
        border = {
            Padding.COLOR: cv2.BORDER_CONSTANT,
            Padding.REFLECT: cv2.BORDER_REFLECT,
            Padding.REPLICATE: cv2.BORDER_REPLICATE,
        }[self.mode]
        fill = [float(part) for part in fill_value(raster, self.background)]
        return Raster(three_axes(cv2.copyMakeBorder(raster.pixels, top, bottom, left, right, border, value=fill)))

    @property
    def _spaces(self) -> tuple[int, int, int, int]:
        if self.all is not None:
            return self.all, self.all, self.all, self.all
        return self.top, self.right, self.bottom, self.left

"""Another size, by one of five fits."""

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from core.model import Raster
from core.operations.base import Gravity, Operation, Side
from core.output import Colour

if TYPE_CHECKING:
    from core.operations.pixels import Pixels


class Fit(StrEnum):
    """How an image meets a box of another shape; `contain` to `fill` as CSS's object-fit has them."""

    CONTAIN = "contain"
    COVER = "cover"
    FILL = "fill"
    INSIDE = "inside"
    OUTSIDE = "outside"


class Resize(Operation, frozen=True, tag="resize", kw_only=True):
    """Fit the image to a box of `width` x `height`.

    inside: as large as fits into the box, the shape kept; one of the two sides may be left out.
    outside: as small as covers the box, the shape kept; one of the two sides may be left out.
    cover: covers the box, the shape kept, then what hangs over is cut off, the part towards `gravity` kept.
    contain: fits into the box, the shape kept, then is padded with `background` to exactly the box.
    fill: exactly the box, the shape given up.
    """

    #: Pixels.
    width: Side | None = None
    #: Pixels.
    height: Side | None = None
    #: How the image meets the box.
    fit: Fit = Fit.INSIDE
    #: Whether pixels may be made up: without it no side grows, save by the padding of `contain`.
    enlarge: bool = False
    #: Which part `cover` keeps, and where `contain` puts the image.
    gravity: Gravity = Gravity.CENTER
    #: The padding of `contain`: white, and transparent where the image has alpha.
    background: Colour = "#ffffff00"

    def __post_init__(self) -> None:
        if self.width is None and self.height is None:
            raise ValueError("give width, height or both")
        if self.fit in {Fit.COVER, Fit.CONTAIN, Fit.FILL} and (self.width is None or self.height is None):
            raise ValueError(f"the fit {self.fit.value} needs both width and height")

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        scaled = self.scaled(width, height)
        if self.fit is Fit.COVER:
            return min(scaled[0], self.width or scaled[0]), min(scaled[1], self.height or scaled[1])
        if self.fit is Fit.CONTAIN:
            return self.width or scaled[0], self.height or scaled[1]
        return scaled

    def apply(self, raster: Raster) -> Raster:
        return self.apply_to_reduced(raster, (raster.width, raster.height))

    def apply_to_reduced(self, raster: Raster, original: tuple[int, int]) -> Raster:
        """`apply`, where `raster` is already a smaller version of an image of `original` (width, height)."""
        import numpy as np

        from core.operations.pixels import fill_value, premultiplied

        size = self.scaled(*original)
        target = self.output_size(*original)
        pixels = premultiplied(raster, lambda pixels: _resampled(pixels, size))
        if self.fit is Fit.COVER:
            x, y = self.gravity.place(size, target)
            pixels = pixels[y : y + target[1], x : x + target[0]]
        elif self.fit is Fit.CONTAIN and size != target:
            x, y = self.gravity.place(target, size)
            padded = np.empty((target[1], target[0], raster.channels), pixels.dtype)
            padded[:] = fill_value(raster, self.background)
            padded[y : y + size[1], x : x + size[0]] = pixels
            pixels = padded
        return Raster(np.ascontiguousarray(pixels))

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """The size after resampling, before cutting or padding."""
        limit = None if self.enlarge else Fraction(1)
        factors = [Fraction(self.width, width)] if self.width else []
        factors += [Fraction(self.height, height)] if self.height else []
        if self.fit is Fit.FILL:
            across, down = (factor if limit is None else min(factor, limit) for factor in factors)
        else:
            factor = min(factors) if self.fit in {Fit.INSIDE, Fit.CONTAIN} else max(factors)
            across = down = factor if limit is None else min(factor, limit)
        return _rounded(width * across), _rounded(height * down)


def _rounded(side: Fraction) -> int:
    return max(1, (2 * side.numerator + side.denominator) // (2 * side.denominator))


def _resampled(pixels: "Pixels", size: tuple[int, int]) -> "Pixels":
    """By area where a side shrinks, which is free of aliases; by cubic where it grows."""
    import cv2

    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels
    shrunk = min(size[0], width), min(size[1], height)
    if shrunk != (width, height):
        pixels = cv2.resize(pixels, shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != size:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    return pixels

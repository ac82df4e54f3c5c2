"""Resizing by one of five fits."""

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from core.domain.outputs import Colour
from core.imaging.operations.base import Gravity, Operation, Side
from core.imaging.raster import Raster

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels

# `cover` resamples the whole image before it cuts, up to this many pixels, or multiples of the image's or the result's.
_MOST_DRAWN_PIXELS, _MOST_DRAWN_RATIO = 1 << 20, 4
# OpenCV's slope of cubic interpolation (Keys 1981).
_CUBIC = -0.75


class Fit(StrEnum):
    """How an image fits a box of another aspect ratio; `contain`, `cover` and `fill` are those of CSS's object-fit."""

    CONTAIN = "contain"
    COVER = "cover"
    FILL = "fill"
    INSIDE = "inside"
    OUTSIDE = "outside"


class Resize(Operation, frozen=True, tag="resize", kw_only=True):
    """Fit the image to a box of `width` x `height`.

    inside: the largest size inside the box that keeps the aspect ratio; one of the two sides may be omitted.
    outside: the smallest size that covers the box and keeps the aspect ratio; one of the two sides may be omitted.
    cover: as `outside`, then cut to exactly the box; the part towards `gravity` is kept.
    contain: as `inside`, then padded with `background` to exactly the box.
    fill: exactly the box; the aspect ratio is not kept.
    """

    #: Pixels.
    width: Side | None = None
    #: Pixels.
    height: Side | None = None
    #: How the image fits the box.
    fit: Fit = Fit.INSIDE
    #: Whether the image may be enlarged. If not, no side grows, except by the padding of `contain`.
    enlarge: bool = False
    #: The part that `cover` keeps, and the place of the image in `contain`.
    gravity: Gravity = Gravity.CENTER
    #: The padding of `contain`. The default is white, and transparent if the image has alpha.
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
        """As `apply`, for a raster that was decoded at a reduced size. `original` is its full size (width, height)."""
        import numpy as np

        from core.imaging.operations.pixels import fill_value, filter_premultiplied

        size = self.scaled(*original)
        target = self.output_size(*original)
        if self.fit is Fit.COVER:
            return resample_part(raster, size, self.gravity.place(size, target), target)
        pixels = filter_premultiplied(raster, lambda pixels: _resample(pixels, size))
        if self.fit is Fit.CONTAIN and size != target:
            x, y = self.gravity.place(target, size)
            padded = np.empty((target[1], target[0], raster.channels), pixels.dtype)
            padded[:] = fill_value(raster, self.background)
            padded[y : y + size[1], x : x + size[0]] = pixels
            pixels = padded
        return Raster(np.ascontiguousarray(pixels))

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """The size (width, height) after resampling, before cutting or padding."""
        limit = None if self.enlarge else Fraction(1)
        factors = [Fraction(self.width, width)] if self.width else []
        factors += [Fraction(self.height, height)] if self.height else []
        if self.fit is Fit.FILL:
            across, down = (factor if limit is None else min(factor, limit) for factor in factors)
        else:
            factor = min(factors) if self.fit in {Fit.INSIDE, Fit.CONTAIN} else max(factors)
            across = down = factor if limit is None else min(factor, limit)
        return _round_side(width * across), _round_side(height * down)


def _round_side(side: Fraction) -> int:
    return max(1, (2 * side.numerator + side.denominator) // (2 * side.denominator))


def resample_part(raster: Raster, size: tuple[int, int], place: tuple[int, int], part: tuple[int, int]) -> Raster:
    """Resample to `size` and cut the box at `place` (x, y) of the size `part`; sizes are (width, height) in pixels."""
    import numpy as np

    from core.imaging.operations.pixels import filter_premultiplied

    (x, y), (width, height) = place, part

    def change(pixels: "Pixels") -> "Pixels":
        if size[0] * size[1] <= max(
            _MOST_DRAWN_PIXELS, _MOST_DRAWN_RATIO * max(raster.width * raster.height, width * height)
        ):
            return _resample(pixels, size)[y : y + height, x : x + width]
        if width < size[0]:  # enlarging the side that is cut first leaves less work for the other side
            result = _enlarge_rows(
                _enlarge_rows(pixels.swapaxes(0, 1), size[0], x, width).swapaxes(0, 1), size[1], y, height
            )
        else:
            result = _enlarge_rows(
                _enlarge_rows(pixels, size[1], y, height).swapaxes(0, 1), size[0], x, width
            ).swapaxes(0, 1)
        if np.issubdtype(pixels.dtype, np.integer):
            np.rint(result, out=result).clip(0, np.iinfo(pixels.dtype).max, out=result)
        return result.astype(pixels.dtype)

    return Raster(np.ascontiguousarray(filter_premultiplied(raster, change)))


def _enlarge_rows(pixels: "Pixels", length: int, start: int, count: int) -> "Pixels":
    """Rows `start` to `start + count` of `pixels`, enlarged to `length` rows by cubic interpolation: float32."""
    import numpy as np

    rows = pixels.shape[0]
    at = (np.arange(start, start + count) + 0.5) * (rows / length) - 0.5
    low = np.floor(at).astype(np.intp)
    near = at - low
    result = np.zeros((count, *pixels.shape[1:]), np.float32)
    for tap in range(-1, 3):
        d = np.abs(near - tap)
        weight = np.where(
            d <= 1,
            ((_CUBIC + 2) * d - (_CUBIC + 3)) * d * d + 1,
            ((_CUBIC * d - 5 * _CUBIC) * d + 8 * _CUBIC) * d - 4 * _CUBIC,
        )
        result += weight[:, np.newaxis, np.newaxis].astype(np.float32) * pixels[(low + tap).clip(0, rows - 1)]
    return result


def _resample(pixels: "Pixels", size: tuple[int, int]) -> "Pixels":
    """Resample to `size` (width, height): by area if a side shrinks, which avoids aliases; by cubic if it grows."""
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

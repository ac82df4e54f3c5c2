"""Straightening a quadrilateral, such as a photographed page, into a rectangle."""

from math import dist, sqrt
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.imaging.operations.base import Operation, Side

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

Coordinate = Annotated[float, Meta(ge=-65_536, le=131_072)]
Point = tuple[Coordinate, Coordinate]

# Pixels: a shorter edge has no direction. The sine of half a degree: a flatter corner is almost a straight line.
_SHORTEST, _FLATTEST = 1.0, 0.01
# The most pixels, in multiples of the image's, that are drawn before shrinking. Corners inside the image need fewer.
_MOST_DRAWN = 4


class Perspective(Operation, frozen=True, tag="perspective", kw_only=True):
    """Straighten the area between four corners into a rectangle.

    If `width` and `height` are not given, its width is the longer of the top and the bottom edge, and its height the
    longer of the left and the right one. If one of them is given, the other keeps the aspect ratio. The area is
    resampled by bicubic interpolation, then by area averaging if the result is smaller. Corners may lie outside the
    image: beyond its edge, its pixels are repeated. If all of the area is outside, the image fails.
    """

    #: Left top, right top, right bottom and left bottom, each [x, y] in pixels from the image's left top corner:
    #: [0, 0] to [width, height] is the whole image.
    corners: tuple[Point, Point, Point, Point]
    #: Pixels.
    width: Side | None = None
    #: Pixels.
    height: Side | None = None

    def __post_init__(self) -> None:
        for at, corner in enumerate(self.corners):
            before, after = self.corners[at - 1], self.corners[(at + 1) % 4]
            lengths = dist(before, corner), dist(corner, after)
            if min(lengths) < _SHORTEST:
                raise ValueError("corners must be a pixel or more from each other")
            turn = (corner[0] - before[0]) * (after[1] - corner[1]) - (corner[1] - before[1]) * (after[0] - corner[0])
            if turn < _FLATTEST * lengths[0] * lengths[1]:
                raise ValueError(
                    "corners must form a convex quadrilateral, none on a line with its neighbours, in this order: left "
                    "top, right top, right bottom, left bottom"
                )

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        del width, height
        across, down = self._edges
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, max(1, round(self.width * down / across))
        if self.height:
            return max(1, round(self.height * across / down)), self.height
        return round(across), round(down)

    def apply(self, raster: "Raster") -> "Raster":
        from core.imaging.operations.pixels import filter_premultiplied
        from core.imaging.raster import Raster

        (left, top), (right, bottom) = (
            tuple(side(axis) for axis in zip(*self.corners, strict=True)) for side in (min, max)
        )
        if left >= raster.width or top >= raster.height or right <= 0 or bottom <= 0:
            message = f"The corners of perspective lie outside the image's {raster.width} x {raster.height} pixels."
            raise ImageFailure(Code.OPERATION_FAILED, message)
        size = self.output_size(raster.width, raster.height)
        # To avoid aliases, a smaller result is first drawn at the size that it has in the image.
        longest = max(raster.width, raster.height)
        edges = [min(edge, longest) for edge in self._edges]
        scale = min(1, sqrt(_MOST_DRAWN * raster.width * raster.height / (edges[0] * edges[1])))
        drawn = tuple(max(side, round(edge * scale)) for side, edge in zip(size, edges, strict=True))
        return Raster(
            filter_premultiplied(raster, lambda pixels: _straighten(pixels, self.corners, (drawn[0], drawn[1]), size))
        )

    @property
    def _edges(self) -> tuple[float, float]:
        """The longer of the top and the bottom edge, and of the left and the right one, in pixels."""
        left_top, right_top, right_bottom, left_bottom = self.corners
        return (
            max(dist(left_top, right_top), dist(left_bottom, right_bottom)),
            max(dist(left_top, left_bottom), dist(right_top, right_bottom)),
        )


def _straighten(
    pixels: "Pixels", corners: tuple[Point, ...], drawn: tuple[int, int], size: tuple[int, int]
) -> "Pixels":
    """The area between the corners, drawn at the size `drawn`, then shrunk to `size`, both (width, height)."""
    import cv2
    import numpy as np

    rectangle = np.array([(0, 0), (drawn[0], 0), drawn, (0, drawn[1])], np.float32)
    # The centre of a pixel lies at a half: the matrix maps corners to corners, and centres to centres.
    to_corner, to_centre = (np.array([(1, 0, half), (0, 1, half), (0, 0, 1)]) for half in (0.5, -0.5))
    matrix = to_centre @ cv2.getPerspectiveTransform(rectangle, np.array(corners, np.float32)) @ to_corner
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    straight = cv2.warpPerspective(pixels, matrix, drawn, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return straight if drawn == size else cv2.resize(straight, size, interpolation=cv2.INTER_AREA)

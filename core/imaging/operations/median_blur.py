"""A median filter."""

from typing import TYPE_CHECKING, Literal

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class MedianBlur(Operation, frozen=True, tag="median-blur", kw_only=True):
    """Replace each color by the median of the square around it: specks vanish, edges and alpha stay.

    Beyond the image's edge, its pixels are repeated.
    """

    #: The square's side in pixels: 3 or 5, since OpenCV has no others for 16 bits.
    size: Literal[3, 5] = 3

    @property
    def radius(self) -> int:
        return self.size // 2

    def apply(self, raster: "Raster") -> "Raster":
        import cv2

        from core.imaging.operations.pixels import change_colours

        return change_colours(raster, lambda pixels: cv2.medianBlur(pixels, self.size))

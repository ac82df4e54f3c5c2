"""Black and white."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class ThresholdMethod(StrEnum):
    """Where the line between black and white comes from."""

    VALUE = "value"
    OTSU = "otsu"
    ADAPTIVE = "adaptive"


class Threshold(Operation, frozen=True, tag="threshold", kw_only=True):
    """Make white what has more luma (Rec. 601) than the threshold, and black the rest; alpha stays.

    value: the threshold is `value`.
    otsu: it is where the image's two classes of luma are the farthest apart (Otsu 1979).
    adaptive: each pixel's own, the mean of the square around it, less `offset`: for pages in uneven light.
    """

    #: Where the line comes from.
    by: ThresholdMethod = ThresholdMethod.OTSU
    #: In steps of 255, for `value`.
    value: Annotated[float, Meta(ge=0, le=255)] = 127.5
    #: The square's side in pixels, an odd number, for `adaptive`.
    size: Annotated[int, Meta(ge=3, le=1001)] = 51
    #: In steps of 255, for `adaptive`: how much darker than its surroundings black is.
    offset: Annotated[float, Meta(ge=-255, le=255)] = 10.0

    def __post_init__(self) -> None:
        if self.size % 2 == 0:
            raise ValueError("size must be odd: the square has a pixel in its middle")

    @property
    def radius(self) -> int | None:
        return {ThresholdMethod.VALUE: 0, ThresholdMethod.ADAPTIVE: self.size // 2, ThresholdMethod.OTSU: None}[self.by]

    def settled(self, raster: "Raster") -> "Threshold":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import grey

        if self.by is not ThresholdMethod.OTSU:
            return self
        luma = np.ascontiguousarray(grey(raster))
        found, _ = cv2.threshold(luma, 0, raster.white, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        return Threshold(by=ThresholdMethod.VALUE, value=found * 255 / raster.white)

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import grey, on_colours

        if self.by is ThresholdMethod.OTSU:
            return self.settled(raster).apply(raster)
        step = raster.white / 255
        luma = grey(raster)
        line = self.value * step if self.by is ThresholdMethod.VALUE else self._means(luma) - self.offset * step
        decided = np.where(luma > line, raster.white, 0).astype(raster.pixels.dtype)[..., np.newaxis]
        return on_colours(raster, lambda pixels: np.repeat(decided, pixels.shape[2], axis=2))

    def _means(self, luma: "Pixels") -> "Pixels":
        """Sums of whole numbers are exact in floating point of 64 bits, in whatever order they are made."""
        import cv2

        square = (self.size, self.size)
        sums = cv2.boxFilter(luma, cv2.CV_64F, square, normalize=False, borderType=cv2.BORDER_REPLICATE)
        return sums / self.size**2

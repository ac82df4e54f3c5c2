"""Converting luma to black and white."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class ThresholdMethod(StrEnum):
    """The source of the threshold between black and white."""

    VALUE = "value"
    OTSU = "otsu"
    ADAPTIVE = "adaptive"


class Threshold(Operation, frozen=True, tag="threshold", kw_only=True):
    """Make pixels with more luma (Rec. 601) than the threshold white, and the others black. Alpha stays.

    value: the threshold is `value`.
    otsu: the threshold separates the image's two classes of luma best (Otsu 1979).
    adaptive: each pixel has its own threshold, the mean of the square around it minus `offset`: for uneven light.
    """

    #: The source of the threshold.
    by: ThresholdMethod = ThresholdMethod.OTSU
    #: The threshold for `value`, in steps of 255.
    value: Annotated[float, Meta(ge=0, le=255)] = 127.5
    #: The square's side for `adaptive`, in pixels; an odd number.
    size: Annotated[int, Meta(ge=3, le=1001)] = 51
    #: The offset for `adaptive`, in steps of 255: how much darker than its surroundings a black pixel is.
    offset: Annotated[float, Meta(ge=-255, le=255)] = 10.0

    def __post_init__(self) -> None:
        if self.size % 2 == 0:
            raise ValueError("size must be odd, so that the square has a pixel in its middle")

    @property
    def radius(self) -> int | None:
        return {ThresholdMethod.VALUE: 0, ThresholdMethod.ADAPTIVE: self.size // 2, ThresholdMethod.OTSU: None}[self.by]

    def settled(self, raster: "Raster") -> "Threshold":
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import to_luma

        if self.by is not ThresholdMethod.OTSU:
            return self
        luma = np.ascontiguousarray(to_luma(raster))
        threshold, _ = cv2.threshold(luma, 0, raster.white, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        return Threshold(by=ThresholdMethod.VALUE, value=threshold * 255 / raster.white)

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import change_colours, to_luma

        if self.by is ThresholdMethod.OTSU:
            return self.settled(raster).apply(raster)
        step = raster.white / 255
        luma = to_luma(raster)
        threshold = self.value * step if self.by is ThresholdMethod.VALUE else self._means(luma) - self.offset * step
        decided = np.where(luma > threshold, raster.white, 0).astype(raster.pixels.dtype)[..., np.newaxis]
        return change_colours(raster, lambda pixels: np.repeat(decided, pixels.shape[2], axis=2))

    def _means(self, luma: "Pixels") -> "Pixels":
        """The mean around each pixel. In 64-bit floats, sums of integers are exact in any order."""
        import cv2

        square = (self.size, self.size)
        sums = cv2.boxFilter(luma, cv2.CV_64F, square, normalize=False, borderType=cv2.BORDER_REPLICATE)
        return sums / self.size**2

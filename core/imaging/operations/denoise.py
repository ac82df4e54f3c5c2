"""Noise removal by non-local means."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels a side: the sizes that Buades, Coll and Morel recommend (IPOL 2011), and OpenCV's defaults.
_PATCH, _SEARCH = 7, 21


class Denoise(Operation, frozen=True, tag="denoise", kw_only=True):
    """Replace each pixel by the mean of pixels with similar surroundings. Alpha stays.

    In 8-bit colour, luminance and chroma are processed separately, so that colour noise can be removed more strongly
    than detail. In 16-bit colour, all channels are processed together, with `strength` alone.
    """

    #: The difference up to which two surroundings count as similar, in steps of 255: about the standard deviation of
    #: the noise, or a little less if detail matters more.
    strength: Annotated[float, Meta(gt=0, le=50)] = 3.0
    #: The same for chroma; `strength` if not given.
    color_strength: Annotated[float, Meta(ge=0, le=50)] | None = None

    @property
    def radius(self) -> int:
        return _PATCH // 2 + _SEARCH // 2

    def apply(self, raster: "Raster") -> "Raster":
        import cv2

        from core.imaging.operations.pixels import change_colours

        deep = raster.pixels.itemsize > 1
        colour = self.strength if self.color_strength is None else self.color_strength

        def denoised(pixels: "Pixels") -> "Pixels":
            if deep:
                strengths = [self.strength * 257] * pixels.shape[2]
                return cv2.fastNlMeansDenoising(pixels, strengths, None, _PATCH, _SEARCH, cv2.NORM_L1)
            if pixels.shape[2] == 1:
                return cv2.fastNlMeansDenoising(pixels, None, self.strength, _PATCH, _SEARCH)
            swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
            result = cv2.fastNlMeansDenoisingColored(swapped, None, self.strength, colour, _PATCH, _SEARCH)
            return cv2.cvtColor(result, cv2.COLOR_BGR2RGB)

        return change_colours(raster, denoised)

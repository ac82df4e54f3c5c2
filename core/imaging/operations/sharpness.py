"""Measuring the sharpness of an image."""

from typing import TYPE_CHECKING

from core.imaging.operations.base import Measurement

if TYPE_CHECKING:
    from core.imaging.raster import Raster

_SIDE = 1024  # pixels of the longer side that is measured, so that larger copies of a picture get equal values


class Sharpness(Measurement, frozen=True, tag="sharpness", kw_only=True):
    """Measure the sharpness: the variance of the Laplacian (Pech-Pacheco 2000), which is small for blurred images.

    It is taken of luma on white, 0 to 255, reduced to at most 1,024 pixels a side. The value also depends on the
    subject, so compare pictures of one kind: a blur of one pixel (standard deviation) leaves a photograph less than a
    tenth.
    """

    @property
    def side(self) -> int:
        return 2 * _SIDE

    def measure(self, raster: "Raster") -> float:
        import cv2

        from core.imaging.operations.pixels import luma_on_white

        luma = luma_on_white(raster)
        factor = _SIDE / max(luma.shape)
        if factor < 1:
            size = max(1, round(luma.shape[1] * factor)), max(1, round(luma.shape[0] * factor))
            luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        edges = cv2.Laplacian(luma, cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REPLICATE)
        return round(float(edges.var(dtype="float64")), 2)

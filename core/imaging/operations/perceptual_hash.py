"""What an image looks like, in 64 bits."""

from typing import TYPE_CHECKING

from core.imaging.operations.base import Measurement

if TYPE_CHECKING:
    from core.imaging.raster import Raster

_SIDE, _KEPT = 32, 8  # pixels a side, and the lowest frequencies of them along each axis (Zauner 2010, pHash)


class PerceptualHash(Measurement, frozen=True, tag="perceptual-hash", kw_only=True):
    """Measure a 64-bit hash of how the image looks, as 16 hexadecimal digits: near-duplicates differ in few bits.

    Luma on white, reduced to 32 x 32, its 8 x 8 lowest frequencies (a cosine transform), each above their median or
    not, row by row. Resizing and compressing change some bits of it, up to 10; other pictures differ in about 32.
    """

    @property
    def side(self) -> int:
        return 2 * _SIDE

    def measure(self, raster: "Raster") -> str:
        import cv2
        import numpy as np

        from core.imaging.operations.pixels import luma_on_white

        small = cv2.resize(luma_on_white(raster), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
        order, place = np.arange(_KEPT)[:, np.newaxis], np.arange(_SIDE)
        cosines = np.cos(np.pi * order * (2 * place + 1) / (2 * _SIDE))
        # Sums one after another, and rounded: a library's order of summing may differ between machines.
        across = (small[:, np.newaxis, :] * cosines).sum(axis=2)
        low = np.round((across[np.newaxis] * cosines[..., np.newaxis]).sum(axis=1), 3)
        bits = (low > np.median(low)).flatten()
        return f"{int(''.join('01'[int(bit)] for bit in bits), 2):016x}"

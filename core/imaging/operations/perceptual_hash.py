"""A perceptual hash of 64 bits."""

from typing import TYPE_CHECKING

from core.imaging.operations.base import Measurement

if TYPE_CHECKING:
    from core.imaging.raster import Raster

_SIDE, _KEPT = 32, 8  # pixels a side, and the number of lowest frequencies along each axis (Zauner 2010, pHash)


class PerceptualHash(Measurement, frozen=True, tag="perceptual-hash", kw_only=True):
    """Measure a 64-bit hash of the image's appearance, as 16 hexadecimal digits. Near-duplicates differ in few bits.

    Luma on white is reduced to 32 x 32 pixels. Each of the 8 x 8 lowest frequencies of its cosine transform gives one
    bit, row by row: whether it exceeds their median. Resizing and compressing change up to 10 bits; other pictures
    differ in about 32.
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
        # Plain sums, rounded: the order in which a library adds may differ between machines.
        across = (small[:, np.newaxis, :] * cosines).sum(axis=2)
        low = np.round((across[np.newaxis] * cosines[..., np.newaxis]).sum(axis=1), 3)
        bits = (low > np.median(low)).flatten()
        return f"{int(''.join('01'[int(bit)] for bit in bits), 2):016x}"

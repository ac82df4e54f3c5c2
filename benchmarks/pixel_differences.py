"""The difference of two results: PSNR for pixels, relative difference for measurements."""

from dataclasses import dataclass
from math import inf, log10
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Difference:
    """`psnr` in dB, infinite for equal pixels; `largest` difference of a value, in steps of 255.

    `share` is for measurements, which have no PSNR: the relative difference of two numbers, or 1 for two texts.
    """

    psnr: float = inf
    largest: float = 0.0
    share: float = 0.0

    @property
    def is_none(self) -> bool:
        return self.psnr == inf and not self.share

    def worst(self, other: "Difference") -> "Difference":
        """The worse value of the two in every field."""
        return Difference(min(self.psnr, other.psnr), max(self.largest, other.largest), max(self.share, other.share))


def difference(first: "NDArray[Any]", second: "NDArray[Any]") -> Difference:
    """The difference of two rasters, or of two numbers or texts as arrays without axes.

    Rasters of different sizes have a PSNR of 0. Colors are weighted by alpha, since those of transparent pixels are
    arbitrary.
    """
    if np.array_equal(first, second) and first.dtype == second.dtype:
        return Difference()
    if first.ndim == 0:
        if first.dtype.kind != "f":
            return Difference(share=1.0)
        return Difference(share=float(abs(first - second) / max(abs(first), abs(second))))
    if first.shape != second.shape or first.dtype != second.dtype:
        return Difference(psnr=0.0, largest=255.0)
    white = np.iinfo(first.dtype).max
    distance = np.abs(_weighted_by_alpha(first, white) - _weighted_by_alpha(second, white))
    error = float(np.mean(distance**2))
    return Difference(10 * log10(white**2 / error) if error else inf, float(distance.max()) * 255 / white)


def _weighted_by_alpha(pixels: "NDArray[Any]", white: int) -> "NDArray[Any]":
    wide = pixels.astype(np.float64)
    if pixels.shape[-1] in (2, 4):
        wide[..., :-1] *= wide[..., -1:] / white
    return wide

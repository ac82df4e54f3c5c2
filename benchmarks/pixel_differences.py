"""How far two results are apart: pixels by their peak signal to noise ratio, what was measured by its share."""

from dataclasses import dataclass
from math import inf, log10
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Difference:
    """`psnr` in dB, infinite where the two are equal; `largest` of any value, in steps of 255.

    What was measured has no PSNR: `share` is by what part of itself a number differs; a text does by all of it.
    """

    psnr: float = inf
    largest: float = 0.0
    share: float = 0.0

    @property
    def is_none(self) -> bool:
        return self.psnr == inf and not self.share

    def worst(self, other: "Difference") -> "Difference":
        """The worse of either in each."""
        return Difference(min(self.psnr, other.psnr), max(self.largest, other.largest), max(self.share, other.share))


def difference(first: "NDArray[Any]", second: "NDArray[Any]") -> Difference:
    """Of two rasters, or of two numbers or texts as arrays without axes. Other sizes have a PSNR of 0.

    With alpha as it is seen: colours weighted by it, for below what is almost transparent they are anything's.
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
    apart = np.abs(_seen(first, white) - _seen(second, white))
    error = float(np.mean(apart**2))
    return Difference(10 * log10(white**2 / error) if error else inf, float(apart.max()) * 255 / white)


def _seen(pixels: "NDArray[Any]", white: int) -> "NDArray[Any]":
    wide = pixels.astype(np.float64)
    if pixels.shape[-1] in (2, 4):
        wide[..., :-1] *= wide[..., -1:] / white
    return wide

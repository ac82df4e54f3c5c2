"""Removing a color cast of the light."""

import operator
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

_BRIGHTEST = 0.99  # the quantile that is taken for white: a few lamps and specks are brighter


class Light(StrEnum):
    """The assumption about the light."""

    GRAY_WORLD = "gray-world"
    WHITE_PATCH = "white-patch"


class WhiteBalance(Operation, frozen=True, tag="white-balance", kw_only=True):
    """Scale red, green and blue so that the light looks white. Grey images and alpha stay.

    gray-world: the means of the three become equal (Buchsbaum 1980).
    white-patch: the brightest hundredths of the three become equal (Land 1977).
    Fully transparent pixels are ignored.
    """

    #: The assumption about the light.
    method: Light = Light.GRAY_WORLD
    #: The strength of the correction: 0 none, 1 all of it.
    strength: Annotated[float, Meta(ge=0, le=1)] = 1.0

    def apply(self, raster: "Raster") -> "Raster":
        return self.settled(raster).apply(raster)

    def settled(self, raster: "Raster") -> "Gains":
        import numpy as np

        if raster.channels < 3:  # noqa: PLR2004 - grey has no color
            return Gains(red=1.0, green=1.0, blue=1.0)
        colours = raster.pixels[..., :3]
        seen = colours[raster.pixels[..., 3] > 0] if raster.has_alpha else colours.reshape(-1, 3)
        if not seen.size:
            return Gains(red=1.0, green=1.0, blue=1.0)
        if self.method is Light.GRAY_WORLD:
            levels = seen.sum(axis=0, dtype=np.uint64) / len(seen)
        else:
            levels = np.array([_brightest(seen[:, channel], raster.white) for channel in range(3)], np.float64)
        gains = np.where(levels > 0, levels.mean() / np.maximum(levels, 1e-9), 1.0)
        red, green, blue = (float(gain) for gain in 1 + self.strength * (gains - 1))
        return Gains(red=red, green=green, blue=blue)


class Gains(Operation, frozen=True, tag="gains", kw_only=True):
    """The operation that a white balance settles to: a factor for each color. Pipelines cannot name it."""

    red: float
    green: float
    blue: float

    def apply(self, raster: "Raster") -> "Raster":
        from core.imaging.operations.pixels import lookup_table
        from core.imaging.raster import Raster

        if raster.channels < 3:  # noqa: PLR2004 - grey has no color
            return raster
        result = raster.pixels.copy()
        for channel, gain in enumerate((self.red, self.green, self.blue)):
            scaled = lookup_table(raster, partial(operator.mul, gain))
            result[..., channel] = scaled[raster.pixels[..., channel]]
        return Raster(result)


def _brightest(values: "Pixels", white: int) -> int:
    """The 99 % quantile of `values`, by a histogram, which needs no sorting."""
    import numpy as np

    counts = np.bincount(values, minlength=white + 1).cumsum()
    return int(np.searchsorted(counts, _BRIGHTEST * counts[-1]))

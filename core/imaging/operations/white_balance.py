"""The color of the light taken out."""

import operator
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

_BRIGHTEST = 0.99  # of the values lie below what is taken for white: a few lamps and specks are brighter


class Light(StrEnum):
    """What is known of the light."""

    GRAY_WORLD = "gray-world"
    WHITE_PATCH = "white-patch"


class WhiteBalance(Operation, frozen=True, tag="white-balance", kw_only=True):
    """Scale red, green and blue so that the light looks white; grey images and alpha stay.

    gray-world: the means of the three become one (Buchsbaum 1980).
    white-patch: their brightest hundredths become one (Land 1977).
    Pixels that are wholly transparent have no say.
    """

    #: What is known of the light.
    method: Light = Light.GRAY_WORLD
    #: How far to go: 0 not at all, 1 all the way.
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
    """What a white balance settles for: a factor for each color. Of no catalogue: pipelines cannot name it."""

    red: float
    green: float
    blue: float

    def apply(self, raster: "Raster") -> "Raster":
        from core.imaging.operations.pixels import table
        from core.imaging.raster import Raster

        if raster.channels < 3:  # noqa: PLR2004 - grey has no color
            return raster
        result = raster.pixels.copy()
        for channel, gain in enumerate((self.red, self.green, self.blue)):
            scaled = table(raster, partial(operator.mul, gain))
            result[..., channel] = scaled[raster.pixels[..., channel]]
        return Raster(result)


def _brightest(values: "Pixels", white: int) -> int:
    """The value that all but the brightest hundredth stay below or at, from a histogram: no sorting."""
    import numpy as np

    counts = np.bincount(values, minlength=white + 1).cumsum()
    return int(np.searchsorted(counts, _BRIGHTEST * counts[-1]))

"""Runs a step over a raster in bands of rows, so that a neighbourhood operation's temporary memory stays small.

The result in bands equals the result at once exactly: a property test checks every operation that declares a radius.
"""

import numpy as np

from core.imaging.operations.base import BAND_PIXELS, Operation, band_rows
from core.imaging.raster import Raster


def apply(step: Operation, raster: Raster, pixels: int = BAND_PIXELS) -> Raster:
    """`step` over `raster`: in bands of about `pixels` if the step declares a radius and the raster is larger."""
    radius = step.radius
    if radius is None or raster.width * raster.height <= pixels:
        return step.apply(raster)
    return in_bands(step, raster, band_rows(raster.width, radius, pixels), radius)


def in_bands(step: Operation, raster: Raster, height: int, radius: int) -> Raster:
    """`step` over `raster`, `height` rows at a time; each band is read with `radius` rows more above and below."""
    result, opaque = None, raster.is_opaque
    for top in range(0, raster.height, height):
        bottom = min(top + height, raster.height)
        first, last = max(0, top - radius), min(raster.height, bottom + radius)
        band = step.apply(Raster(raster.pixels[first:last], opaque=opaque)).pixels
        if result is None:
            result = np.empty((raster.height, *band.shape[1:]), band.dtype)
        result[top:bottom] = band[top - first : bottom - first]
    assert result is not None  # noqa: S101 - a raster has a row
    return Raster(result)

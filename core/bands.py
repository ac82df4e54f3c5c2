"""A step over a raster, band by band: what a neighbourhood operation needs besides input and output stays small.

Band by band equals all at once, exactly; a property test says so of every operation that declares a radius.
"""

import numpy as np

from core.model import Raster
from core.operations.base import Operation

#: Pixels in a band: intermediate values of 16 bytes a pixel, as colours weighted by alpha take, are then 64 MB.
PIXELS = 4 * 2**20
_OVERLAPS = 4  # bands are at least so many radii high: at most half of the work is done twice


def apply(step: Operation, raster: Raster, pixels: int = PIXELS) -> Raster:
    """`step` over `raster`, in bands of about `pixels` where the step declares its radius and there are so many."""
    radius = step.radius
    if radius is None or raster.width * raster.height <= pixels:
        return step.apply(raster)
    rows = max(1, pixels // raster.width, _OVERLAPS * radius)
    return in_bands(step, raster, rows, radius)


def in_bands(step: Operation, raster: Raster, rows: int, radius: int) -> Raster:
    """`step` over `raster`, `rows` at a time, each band with `radius` rows above and below."""
    result, opaque = None, raster.is_opaque
    for top in range(0, raster.height, rows):
        bottom = min(top + rows, raster.height)
        first, last = max(0, top - radius), min(raster.height, bottom + radius)
        band = step.apply(Raster(raster.pixels[first:last], opaque=opaque)).pixels
        if result is None:
            result = np.empty((raster.height, *band.shape[1:]), band.dtype)
        result[top:bottom] = band[top - first : bottom - first]
    assert result is not None  # noqa: S101 - a raster has a row
    return Raster(result)

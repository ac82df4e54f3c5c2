"""Straightening a page that was scanned at an angle."""

from math import atan2, ceil, cos, degrees, radians, sin
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.domain.outputs import Colour
from core.imaging.operations.base import Operation
from core.imaging.operations.resize import Resize
from core.imaging.operations.rotate import Rotate

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels: the longest side of the copy that is measured.
_MEASURED_SIDE = 1000
# Pixels over the whole side of this copy: rotating by less would lose sharpness and gain nothing visible.
_STRAIGHT_PIXELS = 2
# Degrees: the range of angles for the usual sharpness; the coarse and then the fine steps of the search.
_USUAL_RANGE, _COARSE_STEP, _FINE_STEP = 45, 0.25, 0.05
# The least ratio of the sharpest profile to the usual one. Pages of text reach 60 to 90, and 20 in heavy noise;
# photographs among sharp's fixtures at most 10; noise alone less than 4.
_LEAST_EVIDENCE = 12


class Deskew(Operation, frozen=True, tag="deskew", kw_only=True):
    """Measure the angle of lines of text, rules and edges to the horizontal or vertical, and rotate the page back.

    As in `rotate`, the image grows so that no corner is lost. The angle is that of the sharpest projection profile
    (Postl 1986) of a copy of at most 1,000 pixels a side, to a twentieth of a degree. A page stays as it is if there
    is too little evidence for an angle, or if the angle moves its edge by at most two pixels of the copy. Pages
    that lie on a side or upside down are not recognised.
    """

    #: Degrees: a page with a larger angle stays as it is.
    max_angle: Annotated[float, Meta(gt=0, le=45)] = 15
    #: The colour of the new corners. The default is white, and transparent if the image has alpha.
    background: Colour = "#ffffff00"

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return _largest_side(width, height, self.max_angle), _largest_side(height, width, self.max_angle)

    def apply(self, raster: "Raster") -> "Raster":
        settled = self.settled(raster)
        return settled.apply(raster) if settled.angle else raster

    def settled(self, raster: "Raster") -> Rotate:
        return Rotate(angle=-_skew(raster, self.max_angle), background=self.background)


def _largest_side(along: int, across: int, angle: float) -> int:
    """The longest side that `rotate` returns, in pixels, for any angle up to `angle` degrees."""
    worst = min(atan2(across, along), radians(angle))
    return ceil(along * cos(worst) + across * sin(worst) - 1e-6)


def _skew(raster: "Raster", limit: float) -> float:
    """The clockwise angle of the page in degrees; 0 if there is too little evidence. `limit` is the largest angle."""
    page = _page(raster)
    least = degrees(_STRAIGHT_PIXELS / max(page.shape))
    (rows, row_evidence), (columns, column_evidence) = (_sharpest(lines, limit) for lines in (page, page.T))
    angle, evidence = (rows, row_evidence) if row_evidence >= column_evidence else (-columns, column_evidence)
    return angle if evidence >= _LEAST_EVIDENCE and abs(angle) > least else 0.0


def _page(raster: "Raster") -> "Pixels":
    """A reduced copy in grey on white, (h, w) int32 of 0 to 255."""
    import numpy as np

    small = Resize(width=_MEASURED_SIDE, height=_MEASURED_SIDE).apply(raster)
    pixels = small.pixels.astype(np.int32) >> (8 * (small.pixels.itemsize - 1))
    colours = pixels[..., :3] if raster.channels > 2 else pixels[..., :1]  # noqa: PLR2004 - RGB
    luma = colours @ np.array([299, 587, 114] if raster.channels > 2 else [1000]) // 1000  # noqa: PLR2004 - Rec. 601
    if raster.has_alpha:
        luma = (luma * pixels[..., -1] + 255 * (255 - pixels[..., -1])) // 255
    page: Pixels = luma.astype(np.int32)
    return page


def _sharpest(page: "Pixels", limit: float) -> tuple[float, float]:
    """The clockwise angle in degrees of the sharpest profile, and the ratio of its sharpness to the usual one.

    At each change of light from one row to the next, a pixel counts 1 if it becomes lighter, else -1. Summed along
    lines of text, these values add up, and the sum of squares is large; at other angles they cancel out. For random
    values, the sum of squares is the number of pixels.
    """
    import numpy as np

    steps = np.diff(page, axis=0)
    y, x = (at.astype(np.int32) for at in np.nonzero(np.abs(steps) > max(8, int(np.ptp(page)) // 8)))
    if not len(y):
        return 0.0, 0.0
    signs = np.sign(steps[y, x]).astype(np.float64)

    def sharpness(angle: float) -> float:
        across, along = round(cos(radians(angle)) * 65536), round(sin(radians(angle)) * 65536)
        lines = (y * across - x * along + 32768) >> 16  # integers, so that all CPUs agree
        profile = np.bincount(lines - lines.min(), weights=signs)
        return float(profile @ profile)

    usual = max(float(np.median([sharpness(angle) for angle in range(-_USUAL_RANGE, _USUAL_RANGE + 1)])), float(len(y)))
    count = int(limit / _COARSE_STEP)
    coarse = {step * _COARSE_STEP: sharpness(step * _COARSE_STEP) for step in range(-count, count + 1)}
    middle = max(coarse, key=lambda angle: (coarse[angle], -abs(angle)))
    near = [middle + step * _FINE_STEP for step in range(-6, 7)]
    fine = {angle: sharpness(angle) for angle in near if abs(angle) <= limit}
    best = max(fine, key=lambda angle: (fine[angle], -abs(angle)))
    return best, fine[best] / usual

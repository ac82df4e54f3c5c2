"""A page that was scanned askew, set straight."""

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
_MEASURED = 1000
# Pixels over the whole of this copy: turning by less would cost more sharpness than it mends.
_STRAIGHT = 2
# Degrees: what is usual is measured up to here; the search goes in coarse steps, then in fine ones around the best.
_SEARCHED, _COARSE, _FINE = 45, 0.25, 0.05
# How often the sharpest profile must exceed the usual one. Pages of text reach 60 to 90, and 20 in heavy noise;
# photographs, of sharp's fixtures, at most 10; noise alone less than 4.
_EVIDENCE = 12


class Deskew(Operation, frozen=True, tag="deskew", kw_only=True):
    """Measure by what angle lines of text, rules and edges are off the horizontal or vertical, and turn it back.

    As `rotate`, the image grows so that no corner is lost. The angle is that of the sharpest projection profile
    (Postl 1986) of a copy of at most 1,000 pixels a side, to a twentieth of a degree. A page with too little
    evidence for an angle, or off by no more than two pixels of this copy, stays as it is; pages lying on a side or
    upside down are not told apart.
    """

    #: Degrees: a page further askew stays as it is.
    max_angle: Annotated[float, Meta(gt=0, le=45)] = 15
    #: What fills the corners: white, and transparent where the image has alpha.
    background: Colour = "#ffffff00"

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return _largest(width, height, self.max_angle), _largest(height, width, self.max_angle)

    def apply(self, raster: "Raster") -> "Raster":
        settled = self.settled(raster)
        return settled.apply(raster) if settled.angle else raster

    def settled(self, raster: "Raster") -> Rotate:
        return Rotate(angle=-_skew(raster, self.max_angle), background=self.background)


def _largest(along: int, across: int, angle: float) -> int:
    """The side of what `rotate` makes, at the worst of all angles up to one."""
    worst = min(atan2(across, along), radians(angle))
    return ceil(along * cos(worst) + across * sin(worst) - 1e-6)


def _skew(raster: "Raster", limit: float) -> float:
    """By how many degrees the page is turned clockwise; 0 where nothing says so, or it is more than `limit`."""
    page = _page(raster)
    least = degrees(_STRAIGHT / max(page.shape))
    (rows, row_evidence), (columns, column_evidence) = (_sharpest(lines, limit) for lines in (page, page.T))
    angle, evidence = (rows, row_evidence) if row_evidence >= column_evidence else (-columns, column_evidence)
    return angle if evidence >= _EVIDENCE and abs(angle) > least else 0.0


def _page(raster: "Raster") -> "Pixels":
    """A reduced copy as it looks on white paper, in grey, (h, w) int32 of 0 to 255."""
    import numpy as np

    small = Resize(width=_MEASURED, height=_MEASURED).apply(raster)
    pixels = small.pixels.astype(np.int32) >> (8 * (small.pixels.itemsize - 1))
    colours = pixels[..., :3] if raster.channels > 2 else pixels[..., :1]  # noqa: PLR2004 - RGB
    luma = colours @ np.array([299, 587, 114] if raster.channels > 2 else [1000]) // 1000  # noqa: PLR2004 - Rec. 601
    if raster.has_alpha:
        luma = (luma * pixels[..., -1] + 255 * (255 - pixels[..., -1])) // 255
    page: Pixels = luma.astype(np.int32)
    return page


def _sharpest(page: "Pixels", limit: float) -> tuple[float, float]:
    """The angle in degrees along which lines are sharpest, clockwise, and how much sharper than along others.

    Where light changes from a row to the next, each pixel counts 1 if it becomes lighter, else -1. Summed along
    lines of text these add up, and the sum of squares is large; along other angles they cancel out. Chance alone
    gives as many as there are pixels.
    """
    import numpy as np

    steps = np.diff(page, axis=0)
    y, x = (at.astype(np.int32) for at in np.nonzero(np.abs(steps) > max(8, int(np.ptp(page)) // 8)))
    if not len(y):
        return 0.0, 0.0
    signs = np.sign(steps[y, x]).astype(np.float64)

    def sharpness(angle: float) -> float:
        across, along = round(cos(radians(angle)) * 65536), round(sin(radians(angle)) * 65536)
        lines = (y * across - x * along + 32768) >> 16  # whole numbers, so that no CPU differs
        profile = np.bincount(lines - lines.min(), weights=signs)
        return float(profile @ profile)

    usual = max(float(np.median([sharpness(angle) for angle in range(-_SEARCHED, _SEARCHED + 1)])), float(len(y)))
    count = int(limit / _COARSE)
    found = {step * _COARSE: sharpness(step * _COARSE) for step in range(-count, count + 1)}
    middle = max(found, key=lambda angle: (found[angle], -abs(angle)))
    near = [middle + step * _FINE for step in range(-6, 7)]
    fine = {angle: sharpness(angle) for angle in near if abs(angle) <= limit}
    best = max(fine, key=lambda angle: (fine[angle], -abs(angle)))
    return best, fine[best] / usual

"""The part of the image that draws the eye, in the shape that is asked for."""

from typing import TYPE_CHECKING

from core.imaging.operations.base import Operation, Side
from core.imaging.operations.resize import Fit, Resize, resampled_part

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels: the longest side of the copy that is looked at. Fine texture is averaged out, and shapes are left.
_LOOKED_AT = 256
# What libvips' `smartcrop` counts as skin (a* and b* of CIELAB, L* from 15) and as saturated (chroma from 60).
_SKIN_A, _SKIN_B, _SKIN_L, _SATURATED = (3, 22), (4, 31), 15, 60
# What skin or saturation is worth to a pixel, where an edge as strong as black to white is worth 400; libvips too.
_NOTABLE = 255
# What a pixel is worth that is none of these, and what a colour that all the image has adds to its contrast. Chosen
# on the photographs among sharp's fixtures: a larger _PLAIN loses small subjects, a smaller one large subjects.
_PLAIN, _COMMON = 100, 8


class AttentionCrop(Operation, frozen=True, tag="attention-crop", kw_only=True):
    """Scale the image to cover `width` x `height`, then keep the part that draws the eye.

    As `resize` with the fit `cover`, the part chosen by what is in the image: edges, skin, saturated colours, and
    colours unlike the rest of it. What lies in the middle of the part counts most. An image that says nothing is
    cut around its middle.
    """

    #: Pixels.
    width: Side
    #: Pixels.
    height: Side
    #: Whether pixels may be made up: without it no side grows, and a smaller image gives a smaller part.
    enlarge: bool = False

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return self._cover.output_size(width, height)

    def apply(self, raster: "Raster") -> "Raster":
        return self.settled(raster).apply(raster)

    def settled(self, raster: "Raster") -> "_Settled":
        size = self._cover.scaled(raster.width, raster.height)
        width, height = self.output_size(raster.width, raster.height)
        # An image that covers a box, its shape kept, hangs over along one side only.
        x, y = 0, 0
        if size[0] > width:
            x = _best(_interest(raster).sum(axis=0), size[0], width)
        elif size[1] > height:
            y = _best(_interest(raster).sum(axis=1), size[1], height)
        return _Settled(size, (x, y), (width, height))

    @property
    def _cover(self) -> Resize:
        return Resize(width=self.width, height=self.height, fit=Fit.COVER, enlarge=self.enlarge)


class _Settled(Operation, frozen=True, tag="attention-crop"):
    """The same part of every image."""

    size: tuple[int, int]
    place: tuple[int, int]
    part: tuple[int, int]

    def apply(self, raster: "Raster") -> "Raster":
        return resampled_part(raster, self.size, self.place, self.part)


def _interest(raster: "Raster") -> "Pixels":
    """How much each pixel of a reduced copy draws the eye, (h, w) int64. Whole numbers, so that no CPU differs."""
    import cv2
    import numpy as np

    small = Resize(width=_LOOKED_AT, height=_LOOKED_AT).apply(raster).pixels
    if small.itemsize > 1:
        small = (small >> 8).astype(np.uint8)
    colours = small[..., :3] if small.shape[2] > 2 else np.repeat(small[..., :1], 3, axis=2)  # noqa: PLR2004 - RGB
    lab = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2LAB)
    opacity = small[..., -1].astype(np.int64) if raster.has_alpha else np.full(lab.shape[:2], 255, np.int64)
    interest: Pixels = (_PLAIN + _notable(lab)) * (_COMMON + _contrast(lab, opacity)) ** 2 * opacity // 255
    return interest


def _notable(lab: "Pixels") -> "Pixels":
    """Edges, skin and saturation, as libvips' `smartcrop` weighs them. 8 bits hold L* times 2.55, a* and b* + 128."""
    import cv2
    import numpy as np

    light, a, b = (lab[..., channel].astype(np.int64) for channel in range(3))
    grey = np.ascontiguousarray(lab[..., 0])
    across, down = (cv2.Sobel(grey, cv2.CV_16S, *order, borderType=cv2.BORDER_REPLICATE) for order in ((1, 0), (0, 1)))
    edges = (np.abs(across.astype(np.int64)) + np.abs(down)) * 100 // 255
    a, b = a - 128, b - 128
    skin = (
        (a >= _SKIN_A[0]) & (a <= _SKIN_A[1]) & (b >= _SKIN_B[0]) & (b <= _SKIN_B[1]) & (light * 100 >= _SKIN_L * 255)
    )
    notable: Pixels = edges + _NOTABLE * skin + _NOTABLE * (a * a + b * b > _SATURATED**2)
    return notable


def _contrast(lab: "Pixels", opacity: "Pixels") -> "Pixels":
    """How far each colour is from those of all pixels, on the mean (histogram contrast, Cheng 2011, by city blocks)."""
    import numpy as np

    levels = np.arange(256)
    distances = np.abs(levels[:, np.newaxis] - levels)
    contrast = np.zeros(lab.shape[:2], np.int64)
    for channel in (lab[..., at] for at in range(3)):
        counts = np.zeros(256, np.int64)
        np.add.at(counts, channel, opacity)
        contrast += (distances @ counts // max(1, int(opacity.sum())))[channel]
    return contrast


def _best(profile: "Pixels", side: int, part: int) -> int:
    """Where, in `side` pixels, `part` pixels see most of `profile`, which runs along the same side, reduced."""
    import numpy as np

    length = len(profile)
    seen = min(length, max(1, (2 * part * length + side) // (2 * side)))
    free = length - seen
    if not free:
        return (side - part) // 2
    steps = np.arange(1, seen + 1)
    scores = np.correlate(profile, steps * (seen + 1 - steps), "valid")  # a parabola: nothing at the part's edges
    best = np.flatnonzero(scores == scores.max())
    start = int(best[np.abs(2 * best - free).argmin()])
    return (2 * start * (side - part) + free) // (2 * free)

"""A crop around the part of the image that draws the eye."""

from typing import TYPE_CHECKING

from core.imaging.operations.base import Operation, Side
from core.imaging.operations.resize import Fit, Resize, resample_part

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels: the longest side of the copy that is analysed. It averages out fine texture and keeps shapes.
_ANALYSED_SIDE = 256
# Skin (a* and b* of CIELAB, L* from 15) and saturated colours (chroma from 60), as in libvips' `smartcrop`.
_SKIN_A, _SKIN_B, _SKIN_L, _SATURATED = (3, 22), (4, 31), 15, 60
# The weight of skin or saturation; an edge from black to white weighs 400. As in libvips.
_NOTABLE_WEIGHT = 255
# The weight of every other pixel, and the least contrast of a colour. Chosen on the photographs of sharp's fixtures:
# a larger _BASE_WEIGHT loses small subjects, a smaller one loses large subjects.
_BASE_WEIGHT, _BASE_CONTRAST = 100, 8


class AttentionCrop(Operation, frozen=True, tag="attention-crop", kw_only=True):
    """Scale the image to cover `width` x `height`, then keep the part that draws the eye.

    As `resize` with the fit `cover`, but the part is chosen by edges, skin, saturated colours, and colours that are
    rare in the image. Pixels in the middle of the part count most. A uniform image is cut around its middle.
    """

    #: Pixels.
    width: Side
    #: Pixels.
    height: Side
    #: Whether the image may be enlarged. If not, no side grows, and a smaller image gives a smaller part.
    enlarge: bool = False

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return self._cover.output_size(width, height)

    def apply(self, raster: "Raster") -> "Raster":
        return self.settled(raster).apply(raster)

    def settled(self, raster: "Raster") -> "_SettledCrop":
        size = self._cover.scaled(raster.width, raster.height)
        width, height = self.output_size(raster.width, raster.height)
        # An image that covers the box with its aspect ratio exceeds it along one side only.
        x, y = 0, 0
        if size[0] > width:
            x = _best_start(_weights(raster).sum(axis=0), size[0], width)
        elif size[1] > height:
            y = _best_start(_weights(raster).sum(axis=1), size[1], height)
        return _SettledCrop(size, (x, y), (width, height))

    @property
    def _cover(self) -> Resize:
        return Resize(width=self.width, height=self.height, fit=Fit.COVER, enlarge=self.enlarge)


class _SettledCrop(Operation, frozen=True, tag="attention-crop"):
    """A crop of a fixed part: resampled to `size`, cut at `place` (x, y) to `part` (width, height)."""

    size: tuple[int, int]
    place: tuple[int, int]
    part: tuple[int, int]

    def apply(self, raster: "Raster") -> "Raster":
        return resample_part(raster, self.size, self.place, self.part)


def _weights(raster: "Raster") -> "Pixels":
    """The weight of each pixel of a reduced copy, (h, w) int64: integers, so that all CPUs agree."""
    import cv2
    import numpy as np

    small = Resize(width=_ANALYSED_SIDE, height=_ANALYSED_SIDE).apply(raster).pixels
    if small.itemsize > 1:
        small = (small >> 8).astype(np.uint8)
    colours = small[..., :3] if small.shape[2] > 2 else np.repeat(small[..., :1], 3, axis=2)  # noqa: PLR2004 - RGB
    lab = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2LAB)
    opacity = small[..., -1].astype(np.int64) if raster.has_alpha else np.full(lab.shape[:2], 255, np.int64)
    weights: Pixels = (_BASE_WEIGHT + _notable(lab)) * (_BASE_CONTRAST + _contrast(lab, opacity)) ** 2 * opacity // 255
    return weights


def _notable(lab: "Pixels") -> "Pixels":
    """The weight of edges, skin and saturation. 8-bit `lab` holds L* times 2.55, and a* and b* plus 128."""
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
    notable: Pixels = edges + _NOTABLE_WEIGHT * skin + _NOTABLE_WEIGHT * (a * a + b * b > _SATURATED**2)
    return notable


def _contrast(lab: "Pixels", opacity: "Pixels") -> "Pixels":
    """The mean distance of each colour to those of all pixels (histogram contrast, Cheng 2011, city-block distance)."""
    import numpy as np

    levels = np.arange(256)
    distances = np.abs(levels[:, np.newaxis] - levels)
    contrast = np.zeros(lab.shape[:2], np.int64)
    for channel in (lab[..., at] for at in range(3)):
        counts = np.zeros(256, np.int64)
        np.add.at(counts, channel, opacity)
        contrast += (distances @ counts // max(1, int(opacity.sum())))[channel]
    return contrast


def _best_start(profile: "Pixels", side: int, part: int) -> int:
    """The start of the best `part` pixels of `side` pixels. `profile` holds the weights along that side, reduced."""
    import numpy as np

    length = len(profile)
    window = min(length, max(1, (2 * part * length + side) // (2 * side)))
    free = length - window
    if not free:
        return (side - part) // 2
    steps = np.arange(1, window + 1)
    scores = np.correlate(profile, steps * (window + 1 - steps), "valid")  # a parabola, 0 at the edges of the part
    best = np.flatnonzero(scores == scores.max())
    start = int(best[np.abs(2 * best - free).argmin()])
    return (2 * start * (side - part) + free) // (2 * free)

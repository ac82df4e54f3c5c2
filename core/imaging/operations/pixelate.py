"""Making a part of the image unreadable by blocks of one colour."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.imaging.operations.base import Operation, Side
from core.imaging.operations.crop import Offset

if TYPE_CHECKING:
    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster


class Pixelate(Operation, frozen=True, tag="pixelate", kw_only=True):
    """Replace each block of `size` x `size` pixels by its mean, in a box or in the whole image.

    Blocks begin at the left top corner of the box, and are cut at its right and bottom. The part of the box outside the
    image is ignored. Colours are weighted by their opacity.
    """

    #: The box's left side, in pixels from the image's left.
    x: Offset = 0
    #: The box's top side, in pixels from the image's top.
    y: Offset = 0
    #: The box's width in pixels; if not given, it reaches the image's right side.
    width: Side | None = None
    #: The box's height in pixels; if not given, it reaches the image's bottom.
    height: Side | None = None
    #: A block's side, in pixels.
    size: Annotated[int, Meta(ge=2, le=4096)] = 16

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.raster import Raster

        right = min(raster.width, self.x + (self.width or raster.width))
        bottom = min(raster.height, self.y + (self.height or raster.height))
        if self.x >= right:
            return raster
        result = raster.pixels.copy()
        for top in range(self.y, bottom, self.size):
            band = result[top : min(top + self.size, bottom), self.x : right]
            means = _means(band, self.size, alpha=raster.has_alpha)
            band[...] = np.repeat(means, self.size, axis=0)[: right - self.x]
        return Raster(result)


def _means(band: "Pixels", size: int, *, alpha: bool) -> "Pixels":
    """The mean of each `size` columns of a band (h, w, c): (blocks, c), rounded half up once, at the end."""
    import numpy as np

    # 4096 x 4096 pixels of 16 bits, weighted by 16 bits, sum to 56 bits.
    starts = np.arange(0, band.shape[1], size)
    counts = np.diff(starts, append=band.shape[1])[:, np.newaxis].astype(np.uint64) * np.uint64(band.shape[0])
    sums = np.add.reduceat(band.sum(axis=0, dtype=np.uint64), starts, axis=0)
    if not alpha:
        return _divide_rounded(sums, counts)
    weighted = np.einsum("hwc,hw->wc", band[..., :-1], band[..., -1], dtype=np.uint64)
    opacity = sums[:, -1:]
    colours = _divide_rounded(np.add.reduceat(weighted, starts, axis=0), np.maximum(opacity, np.uint64(1)))
    return np.concatenate([colours, _divide_rounded(opacity, counts)], axis=1)


def _divide_rounded(sums: "Pixels", counts: "Pixels") -> "Pixels":
    return (sums + counts // 2) // counts  # type: ignore[no-any-return]  # an array of Any gives Any

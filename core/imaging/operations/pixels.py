"""What operations share of pixel arithmetic: alpha, backgrounds, laying one picture on another.

Imported inside `apply` only: it loads NumPy.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.outputs import rgba
from core.imaging.raster import Raster

Pixels = NDArray[Any]

#: Rec. 601, section 2.5.1: the shares of red, green and blue in luma.
LUMA = (0.299, 0.587, 0.114)


def three_axes(pixels: Pixels) -> Pixels:
    """(h, w, c) again: OpenCV drops the last axis of one channel."""
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]  # noqa: PLR2004


def fill_value(raster: Raster, colour: str) -> tuple[int, ...]:
    """A colour as this raster's channels hold it: grey as Rec. 601 luma, alpha only where there is alpha."""
    red, green, blue, alpha = (value * raster.white // 255 for value in rgba(colour))
    colours = (red, green, blue) if raster.channels > 2 else ((299 * red + 587 * green + 114 * blue + 500) // 1000,)  # noqa: PLR2004
    return (*colours, alpha) if raster.has_alpha else colours


def premultiplied(raster: Raster, change: Callable[[Pixels], Pixels], *, always: bool = False) -> Pixels:
    """`change`, a linear filter, done on colours weighted by their alpha, so that no hidden colour bleeds.

    `change` gets (h, w, c) of uint8, uint16 or float32, and returns the same kind, of any size. An opaque image
    is spared the weighting, unless `always`, for a change that brings transparency in.
    """
    pixels, white = raster.pixels, raster.white
    if not raster.has_alpha or (not always and raster.is_opaque):
        return three_axes(change(pixels))
    # The product of two 8-bit numbers is exact in 16 bits: half the memory of floating point.
    wide: type[np.generic] = np.uint16 if white == 255 else np.float32  # noqa: PLR2004
    alpha = pixels[..., -1:].astype(wide)
    product = np.empty(pixels.shape, wide)
    np.multiply(pixels[..., :-1], alpha, out=product[..., :-1], casting="unsafe")
    np.multiply(alpha, white, out=product[..., -1:], casting="unsafe")
    changed = three_axes(change(product))
    weight = changed[..., -1:].astype(np.float32) / white
    colours = np.divide(changed[..., :-1], weight, out=np.zeros_like(changed[..., :-1], np.float32), where=weight > 0)
    result = np.concatenate([colours, weight], axis=2)
    whole: Pixels = np.rint(result, out=result).clip(0, white).astype(pixels.dtype)
    return whole


def on_colours(raster: Raster, change: Callable[[Pixels], Pixels]) -> Raster:
    """`change` done on the colours alone, contiguous, the size kept; alpha goes by."""
    if not raster.has_alpha:
        return Raster(np.ascontiguousarray(three_axes(change(raster.pixels))))
    colours = np.ascontiguousarray(raster.pixels[..., :-1])
    return Raster(np.concatenate([three_axes(change(colours)), raster.pixels[..., -1:]], axis=2))


def laid_over(raster: Raster, colours: Pixels, coverage: Pixels, place: tuple[int, int]) -> Raster:
    """A picture laid over a raster at `place` (x, y): Porter and Duff's "over", straight alpha.

    `colours` is (h, w, c) or one colour (c,), in the raster's range; `coverage` is (h, w, 1), 0 to 1.
    """
    x, y = place
    height, width = coverage.shape[:2]
    result = raster.pixels.copy()
    region = result[y : y + height, x : x + width]
    below = region.astype(np.float32)
    if raster.has_alpha:
        alpha = below[..., -1:] / raster.white
        total = coverage + alpha * (1 - coverage)
        share = np.divide(coverage, total, out=np.zeros_like(total), where=total > 0)
        mixed = np.concatenate([below[..., :-1] + (colours - below[..., :-1]) * share, total * raster.white], axis=2)
    else:
        mixed = below + (colours - below) * coverage
    region[...] = np.rint(mixed).clip(0, raster.white)
    return Raster(result)


def table(raster: Raster, change: Callable[[Pixels], Pixels]) -> Pixels:
    """`change` of every value that a channel can have, 0 to white, rounded and clipped: shape (white + 1,)."""
    values = np.arange(raster.white + 1, dtype=np.float64)
    return np.asarray(np.rint(change(values)).clip(0, raster.white), raster.pixels.dtype)


def by_table(raster: Raster, change: Callable[[Pixels], Pixels]) -> Raster:
    """Each color value replaced by what `change` makes of it; alpha stays."""
    values = table(raster, change)
    return on_colours(raster, lambda pixels: values[pixels])


def grey(raster: Raster) -> Pixels:
    """Luma (Rec. 601) in the raster's own depth, (h, w); alpha is not looked at."""
    if raster.channels < 3:  # noqa: PLR2004
        return raster.pixels[..., 0]
    return cv2.cvtColor(np.ascontiguousarray(raster.pixels[..., :3]), cv2.COLOR_RGB2GRAY)


def luma_on_white(raster: Raster) -> Pixels:
    """Luma (Rec. 601) of the image laid on white, 0 to 255: float32, (h, w)."""
    luma = grey(raster) * np.float32(255 / raster.white)
    if not raster.has_alpha:
        return luma
    alpha = raster.pixels[..., -1] * np.float32(1 / raster.white)
    return luma * alpha + 255 * (1 - alpha)


def smoothed(values: Pixels, white: int, sigma_color: float, sigma_space: float, radius: int) -> Pixels:
    """A bilateral filter over float32 of (h, w) or (h, w, 3), 0 to `white`; `sigma_color` in steps of 255.

    OpenCV tabulates the weights between the smallest and the largest value that it sees: two rows that no pixel's
    neighbourhood reaches show it the whole range, so that a part of an image is filtered as the whole is.
    """
    padded = cv2.copyMakeBorder(values, 0, radius + 1, 0, 0, cv2.BORDER_REPLICATE)
    padded[-1] = white
    padded[-1, 0] = 0
    padded = cv2.copyMakeBorder(padded, 0, 0, 1, 0, cv2.BORDER_REPLICATE) if values.shape[1] == 1 else padded
    padded[-1, -1] = white
    soft = cv2.bilateralFilter(
        padded, 2 * radius + 1, sigma_color * white / 255, sigma_space, borderType=cv2.BORDER_REPLICATE
    )
    return soft[: values.shape[0], -values.shape[1] :]

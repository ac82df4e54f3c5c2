"""The pixel arithmetic that operations share: alpha, backgrounds, drawing one picture over another.

Operations import this module inside `apply`, since it loads NumPy.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.outputs import to_rgba
from core.imaging.raster import Raster

Pixels = NDArray[Any]

#: The shares of red, green and blue in luma (Rec. 601, section 2.5.1).
LUMA = (0.299, 0.587, 0.114)


def three_axes(pixels: Pixels) -> Pixels:
    """Pixels as (h, w, c): OpenCV drops the last axis of images with one channel."""
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]  # noqa: PLR2004


def fill_value(raster: Raster, colour: str) -> tuple[int, ...]:
    """A Colour in the channels of `raster`: grey as Rec. 601 luma, alpha only if the raster has alpha."""
    red, green, blue, alpha = (value * raster.white // 255 for value in to_rgba(colour))
    colours = (red, green, blue) if raster.channels > 2 else ((299 * red + 587 * green + 114 * blue + 500) // 1000,)  # noqa: PLR2004
    return (*colours, alpha) if raster.has_alpha else colours


def filter_premultiplied(raster: Raster, change: Callable[[Pixels], Pixels], *, always: bool = False) -> Pixels:
    """Apply `change`, a linear filter, to colours weighted by their alpha, so that transparent colours do not bleed.

    `change` receives (h, w, c) of uint8, uint16 or float32, and returns the same type in any size. Opaque images are
    not weighted, unless `always` is set, for changes that introduce transparency.
    """
    pixels, white = raster.pixels, raster.white
    if not raster.has_alpha or (not always and raster.is_opaque):
        return three_axes(change(pixels))
    # The product of two 8-bit numbers fits 16 bits, which take half the memory of floating point.
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


def change_colours(raster: Raster, change: Callable[[Pixels], Pixels]) -> Raster:
    """Apply `change`, which keeps the size, to contiguous pixels of the colours alone. Alpha stays."""
    if not raster.has_alpha:
        return Raster(np.ascontiguousarray(three_axes(change(raster.pixels))))
    colours = np.ascontiguousarray(raster.pixels[..., :-1])
    return Raster(np.concatenate([three_axes(change(colours)), raster.pixels[..., -1:]], axis=2))


def draw_over(raster: Raster, colours: Pixels, coverage: Pixels, place: tuple[int, int]) -> Raster:
    """Draw a picture over a raster at `place` (x, y): Porter and Duff's "over" with straight alpha.

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


def lookup_table(raster: Raster, change: Callable[[Pixels], Pixels]) -> Pixels:
    """The result of `change` for every value of a channel, 0 to white, rounded and clipped: shape (white + 1,)."""
    values = np.arange(raster.white + 1, dtype=np.float64)
    return np.asarray(np.rint(change(values)).clip(0, raster.white), raster.pixels.dtype)


def change_by_table(raster: Raster, change: Callable[[Pixels], Pixels]) -> Raster:
    """Apply `change` to each color value by a lookup table. Alpha stays."""
    values = lookup_table(raster, change)
    return change_colours(raster, lambda pixels: values[pixels])


def to_luma(raster: Raster) -> Pixels:
    """Luma (Rec. 601) in the raster's own depth, (h, w). Alpha is ignored."""
    if raster.channels < 3:  # noqa: PLR2004
        return raster.pixels[..., 0]
    return cv2.cvtColor(np.ascontiguousarray(raster.pixels[..., :3]), cv2.COLOR_RGB2GRAY)


def luma_on_white(raster: Raster) -> Pixels:
    """Luma (Rec. 601) of the image on a white background, 0 to 255: float32, (h, w)."""
    luma = to_luma(raster) * np.float32(255 / raster.white)
    if not raster.has_alpha:
        return luma
    alpha = raster.pixels[..., -1] * np.float32(1 / raster.white)
    return luma * alpha + 255 * (1 - alpha)


def bilateral_filter(values: Pixels, white: int, sigma_color: float, sigma_space: float, radius: int) -> Pixels:
    """Filter float32 values, (h, w) or (h, w, 3), from 0 to `white`. `sigma_color` is in steps of 255.

    `radius` and `sigma_space` are in pixels. OpenCV tabulates weights between the smallest and the largest value. Rows
    out of reach of every pixel add both extremes, so that a band is filtered exactly as the whole image is.
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

"""Converting the layout of pixels: channels and their order, depth, orientation, alpha. Pure."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """(h, w, c) with `channels` channels: OpenCV returns more of them for grey with alpha and some palettes."""
    if pixels.ndim == 2:  # noqa: PLR2004
        pixels = pixels[..., np.newaxis]
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if channels == 1:
        return pixels[..., :1]
    if channels == 2:  # noqa: PLR2004
        if have == 4:  # noqa: PLR2004
            return pixels[..., [0, 3]]
        return np.concatenate([pixels[..., :1], np.full_like(pixels[..., :1], np.iinfo(pixels.dtype).max)], axis=2)
    if have == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif have == 2:  # noqa: PLR2004
        pixels = pixels[..., [0, 0, 0, 1]]
    if channels == 4 and pixels.shape[2] == 3:  # noqa: PLR2004
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    opaque = pixels.shape[2] == 3 or pixels[..., 3].min() == np.iinfo(pixels.dtype).max  # noqa: PLR2004
    return pixels[..., :channels] if opaque else pixels


def unpremultiply(pixels: Pixels) -> Pixels:
    """Undo premultiplication: divide colours by their alpha."""
    white = np.iinfo(pixels.dtype).max
    alpha = pixels[..., -1:].astype(np.float32)
    colours = pixels[..., :-1] * np.float32(white)
    np.divide(colours, alpha, out=colours, where=alpha > 0)
    result = np.concatenate([np.rint(colours).clip(0, white), alpha], axis=2)
    return result.astype(pixels.dtype)


def make_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo one of EXIF's eight orientations (CIPA DC-008, tag 274)."""
    if orientation >= 5:  # noqa: PLR2004
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return pixels


def to_rgb(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:  # noqa: PLR2004
        return pixels
    order = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(pixels.shape[2])
    return pixels if order is None else cv2.cvtColor(pixels, order)


def to_bgr(pixels: Pixels) -> Pixels:
    """BGR order for OpenCV's encoders. None of them takes grey with alpha, which becomes RGB with alpha."""
    channels = pixels.shape[2]
    if channels == 1:
        return pixels
    if channels == 2:  # noqa: PLR2004
        return np.ascontiguousarray(pixels[..., [0, 0, 0, 1]])
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA)  # noqa: PLR2004


def to_8_bits(pixels: Pixels) -> Pixels:
    """Divide by 257 and round: 65,535 becomes 255, and no value lies halfway between two."""
    return cv2.convertScaleAbs(pixels, alpha=1 / 257).reshape(pixels.shape)


def flatten(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """8-bit pixels blended with `background` (red, green, blue), without alpha."""
    alpha = pixels[..., -1:].astype(np.uint16)
    colours = pixels[..., :-1]
    if colours.shape[2] == 1 and len(set(background)) > 1:
        colours = np.repeat(colours, 3, axis=2)
    behind = np.array(background[: colours.shape[2]], np.uint16)
    mixed = colours * alpha + behind * (255 - alpha) + 127
    return (mixed // 255).astype(np.uint8)

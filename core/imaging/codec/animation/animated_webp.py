"""Writing animated WebPs: of each frame the box that changed, encoded like a still picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.imaging.codec.animation.boxes import Box, align_to_even, bounding_box
from core.imaging.codec.animation.frame_clock import FrameClock
from core.imaging.formats.webp_animation import WebpAnimation

Pixels = NDArray[Any]


class AnimatedWebp:
    """A WebP that is written frame by frame to `path`. It holds two frames in memory."""

    def __init__(self, path: Path, plays: int, encode: Callable[[Pixels], bytes]) -> None:
        """`plays` is how often the animation is shown, 0 for ever; `encode` encodes pixels as a still WebP."""
        self._file = path.open("wb")
        self._plays = plays
        self._encode = encode
        self._clock = FrameClock()
        self._animation: WebpAnimation | None = None
        self._shown: Pixels | None = None

    def add(self, pixels: Pixels, milliseconds: float) -> None:
        """Add a frame of 8-bit RGB or RGB with alpha, of the same size and channels as the first."""
        height, width = pixels.shape[:2]
        if self._animation is None:
            self._animation = WebpAnimation(self._file, width, height, self._plays)
        changed: Box | None = Box(0, 0, width, height)
        if self._shown is not None:
            changed = bounding_box((pixels != self._shown).any(axis=2))
        duration = self._clock.units(milliseconds)
        if changed is None:
            self._animation.add(_transparent_pixel(), (0, 0), (1, 1), duration, blend=True)
        else:
            box = align_to_even(changed)
            picture = self._encode(np.ascontiguousarray(pixels[box.rows, box.columns]))
            self._animation.add(picture, (box.left, box.top), (box.width, box.height), duration, blend=False)
        self._shown = pixels

    def finish(self) -> None:
        if self._animation is not None:
            self._animation.finish()
        self.close()

    def close(self) -> None:
        self._file.close()


def _transparent_pixel() -> bytes:
    """A WebP of one transparent pixel: the content of a frame that equals its predecessor."""
    settings = [cv2.IMWRITE_WEBP_LOSSLESS_MODE, cv2.IMWRITE_WEBP_LOSSLESS_ON]
    return cv2.imencode(".webp", np.zeros((1, 1, 4), np.uint8), settings)[1].tobytes()

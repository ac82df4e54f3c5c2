"""Frames → an animated WebP: of each frame the box that changed, encoded as a still picture is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.imaging.codec.boxes import Box, box_of, from_even
from core.imaging.codec.frame_clock import Clock
from core.imaging.formats.webp_animation import WebpAnimation

Pixels = NDArray[Any]


class AnimatedWebp:
    """A WebP written frame by frame into the file at `path`; two frames are in memory, whatever there is to come."""

    def __init__(self, path: Path, plays: int, encode: Callable[[Pixels], bytes]) -> None:
        """`plays` is how often the frames are shown in all, 0 for ever; `encode` makes pixels a still WebP."""
        self._file = path.open("wb")
        self._plays = plays
        self._encode = encode
        self._clock = Clock()
        self._animation: WebpAnimation | None = None
        self._shown: Pixels | None = None

    def add(self, pixels: Pixels, milliseconds: float) -> None:
        """One frame more, 8-bit RGB or RGB with alpha, as large and of the same channels as the first."""
        height, width = pixels.shape[:2]
        if self._animation is None:
            self._animation = WebpAnimation(self._file, width, height, self._plays)
        changed: Box | None = Box(0, 0, width, height)
        if self._shown is not None:
            changed = box_of((pixels != self._shown).any(axis=2))
        time = self._clock.units(milliseconds)
        if changed is None:
            self._animation.add(_nothing(), (0, 0), (1, 1), time, blend=True)
        else:
            box = from_even(changed)
            picture = self._encode(np.ascontiguousarray(pixels[box.rows, box.columns]))
            self._animation.add(picture, (box.left, box.top), (box.width, box.height), time, blend=False)
        self._shown = pixels

    def finish(self) -> None:
        if self._animation is not None:
            self._animation.finish()
        self.close()

    def close(self) -> None:
        self._file.close()


def _nothing() -> bytes:
    """One transparent pixel: what a frame like the one before it adds."""
    settings = [cv2.IMWRITE_WEBP_LOSSLESS_MODE, cv2.IMWRITE_WEBP_LOSSLESS_ON]
    return cv2.imencode(".webp", np.zeros((1, 1, 4), np.uint8), settings)[1].tobytes()

"""Frames → an animated GIF: of each frame what changed, in a palette of its own.

Pillow's writer merges frames that are alike; here every frame that comes in stays, for as long as it is shown.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from core.imaging.codec import palette
from core.imaging.codec.boxes import Box, around, box_of
from core.imaging.codec.frame_clock import Clock
from core.imaging.formats import gif

Pixels = NDArray[Any]

_COLOURS = 256
_VISIBLE = 128  # alpha from here on is opaque: GIF knows no degrees


def still(pixels: Pixels, colors: int | None) -> bytes:
    """8-bit RGB or RGB with alpha, (h, w, 3 or 4), as a GIF of one frame."""
    file = io.BytesIO()
    _Frames(file, 1, colors or _COLOURS).add(pixels, 0).finish()
    return file.getvalue()


class AnimatedGif:
    """A GIF written frame by frame into the file at `path`; two frames are in memory, whatever there is to come."""

    def __init__(self, path: Path, plays: int, colors: int | None = None) -> None:
        """`plays` is how often the frames are shown in all, 0 for ever."""
        self._file = path.open("wb")
        self._frames = _Frames(self._file, plays, colors or _COLOURS)
        self._clock = Clock(10)

    def add(self, pixels: Pixels, milliseconds: float) -> None:
        """One frame more, 8-bit RGB or RGB with alpha, as large as the first."""
        self._frames.add(pixels, self._clock.units(milliseconds))

    def finish(self) -> None:
        self._frames.finish()
        self.close()

    def close(self) -> None:
        self._file.close()


@dataclass
class _Waiting:
    """A frame whose end is not known before the next one is: where that lets pixels vanish, `clear` is set."""

    colours: Pixels
    chosen: Pixels
    box: Box
    hundredths: int
    clear: bool = False


class _Frames:
    def __init__(self, file: BinaryIO, plays: int, colors: int) -> None:
        self._file = file
        self._plays = plays
        self._most = colors
        self._waiting: _Waiting | None = None
        self._shown: tuple[Pixels, Pixels] | None = None  # the canvas: colours, and which of them are visible

    def add(self, pixels: Pixels, hundredths: int) -> "_Frames":
        colours = np.ascontiguousarray(pixels[..., :3])
        visible = pixels[..., 3] >= _VISIBLE if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], bool)  # noqa: PLR2004
        if self._shown is None:
            height, width = visible.shape
            self._file.write(gif.head(width, height, self._plays))
            changed, box = visible, Box(0, 0, width, height)
        else:
            there = self._after_waiting(visible)
            changed = visible & (~there | (colours != self._shown[0]).any(axis=2))
            box = box_of(changed) or Box(0, 0, 1, 1)
            self._write()
        self._waiting = _Waiting(colours, changed, box, hundredths)
        self._shown = colours, visible
        return self

    def finish(self) -> None:
        self._write()
        self._file.write(gif.TRAILER)

    def _after_waiting(self, visible: Pixels) -> Pixels:
        """Which pixels are there when the waiting frame has ended: none in its box, where some must vanish."""
        assert self._waiting is not None  # noqa: S101 - a frame that was shown waits for its successor
        assert self._shown is not None  # noqa: S101
        there = self._shown[1]
        vanishing = box_of(there & ~visible)
        if vanishing is None:
            return there
        self._waiting.clear = True
        self._waiting.box = box = around(self._waiting.box, vanishing)
        there = there.copy()
        there[box.rows, box.columns] = False
        return there

    def _write(self) -> None:
        frame = self._waiting
        if frame is None:
            return
        box = frame.box
        chosen = frame.chosen[box.rows, box.columns]
        colours = frame.colours[box.rows, box.columns]
        clear_index = None
        # Some decoders empty a box to a colour where its frame names no transparent one: it does, if it is emptied.
        if chosen.all() and not frame.clear:
            indices, table = palette.indexed(colours, self._most)
        elif chosen.any():
            indices, table = palette.indexed(colours, self._most - 1, chosen)
            clear_index = len(table)
            indices = np.where(chosen, indices, clear_index).astype(np.uint8)
        else:
            clear_index, indices, table = 0, np.zeros(chosen.shape, np.uint8), np.zeros((1, 3), np.uint8)
        self._file.write(
            gif.frame(
                (box.left, box.top),
                (box.width, box.height),
                table.tobytes() + (b"\0\0\0" if clear_index else b""),
                _compressed(indices),
                hundredths=frame.hundredths,
                clear=frame.clear,
                clear_index=clear_index,
            )
        )


def _compressed(indices: Pixels) -> bytes:
    """LZW, as the blocks that follow a frame's palette."""
    image = Image.fromarray(indices).convert("L")
    image.putpalette(bytes(768))
    return b"".join(GifImagePlugin.getdata(image, interlace=0)[1:])

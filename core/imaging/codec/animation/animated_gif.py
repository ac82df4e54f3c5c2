"""Writing animated GIFs: of each frame the box that changed, with a palette of its own.

Pillow's writer merges equal frames; this one keeps every frame and its duration.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from core.imaging.codec import palette
from core.imaging.codec.animation.boxes import Box, bounding_box, enclosing_box
from core.imaging.codec.animation.frame_clock import FrameClock
from core.imaging.formats import gif

Pixels = NDArray[Any]

_COLOURS = 256
_VISIBLE = 128  # the least alpha that counts as opaque: a pixel of a GIF is opaque or absent


def encode_still(pixels: Pixels, colors: int | None) -> bytes:
    """Encode 8-bit RGB or RGB with alpha, (h, w, 3 or 4), as a GIF of one frame with at most `colors` colours."""
    file = io.BytesIO()
    _FrameWriter(file, 1, colors or _COLOURS).add(pixels, 0).finish()
    return file.getvalue()


class AnimatedGif:
    """A GIF that is written frame by frame to `path`. It holds two frames in memory."""

    def __init__(self, path: Path, plays: int, colors: int | None = None) -> None:
        """`plays` is how often the animation is shown, 0 for ever; `colors` is the limit for each frame."""
        self._file = path.open("wb")
        self._frames = _FrameWriter(self._file, plays, colors or _COLOURS)
        self._clock = FrameClock(10)

    def add(self, pixels: Pixels, milliseconds: float) -> None:
        """Add a frame of 8-bit RGB or RGB with alpha, of the same size as the first."""
        self._frames.add(pixels, self._clock.units(milliseconds))

    def finish(self) -> None:
        self._frames.finish()
        self.close()

    def close(self) -> None:
        self._file.close()


@dataclass
class _PendingFrame:
    """A frame that is written once its successor is known: if pixels vanish there, `clear` empties its box."""

    colours: Pixels
    changed: Pixels
    box: Box
    hundredths: int
    clear: bool = False


class _FrameWriter:
    def __init__(self, file: BinaryIO, plays: int, colors: int) -> None:
        self._file = file
        self._plays = plays
        self._most_colours = colors
        self._pending: _PendingFrame | None = None
        self._shown: tuple[Pixels, Pixels] | None = None  # the canvas: colours, and a mask of the visible pixels

    def add(self, pixels: Pixels, hundredths: int) -> "_FrameWriter":
        colours = np.ascontiguousarray(pixels[..., :3])
        visible = pixels[..., 3] >= _VISIBLE if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], bool)  # noqa: PLR2004
        if self._shown is None:
            height, width = visible.shape
            self._file.write(gif.encode_head(width, height, self._plays))
            changed, box = visible, Box(0, 0, width, height)
        else:
            remaining = self._visible_after_pending(visible)
            changed = visible & (~remaining | (colours != self._shown[0]).any(axis=2))
            box = bounding_box(changed) or Box(0, 0, 1, 1)
            self._write()
        self._pending = _PendingFrame(colours, changed, box, hundredths)
        self._shown = colours, visible
        return self

    def finish(self) -> None:
        self._write()
        self._file.write(gif.TRAILER)

    def _visible_after_pending(self, visible: Pixels) -> Pixels:
        """The mask of pixels that remain after the pending frame. If some must vanish, its whole box is emptied."""
        assert self._pending is not None  # noqa: S101 - a frame that was shown is pending
        assert self._shown is not None  # noqa: S101
        remaining = self._shown[1]
        vanishing = bounding_box(remaining & ~visible)
        if vanishing is None:
            return remaining
        self._pending.clear = True
        self._pending.box = box = enclosing_box(self._pending.box, vanishing)
        remaining = remaining.copy()
        remaining[box.rows, box.columns] = False
        return remaining

    def _write(self) -> None:
        frame = self._pending
        if frame is None:
            return
        box = frame.box
        changed = frame.changed[box.rows, box.columns]
        colours = frame.colours[box.rows, box.columns]
        clear_index = None
        # A frame that is cleared names a transparent colour: some decoders would clear its box to another colour.
        if changed.all() and not frame.clear:
            indices, table = palette.quantise(colours, self._most_colours)
        elif changed.any():
            indices, table = palette.quantise(colours, self._most_colours - 1, changed)
            clear_index = len(table)
            indices = np.where(changed, indices, clear_index).astype(np.uint8)
        else:
            clear_index, indices, table = 0, np.zeros(changed.shape, np.uint8), np.zeros((1, 3), np.uint8)
        self._file.write(
            gif.encode_frame(
                (box.left, box.top),
                (box.width, box.height),
                table.tobytes() + (b"\0\0\0" if clear_index else b""),
                _lzw_blocks(indices),
                hundredths=frame.hundredths,
                clear=frame.clear,
                clear_index=clear_index,
            )
        )


def _lzw_blocks(indices: Pixels) -> bytes:
    """The LZW blocks that follow a frame's palette."""
    image = Image.fromarray(indices).convert("L")
    image.putpalette(bytes(768))
    return b"".join(GifImagePlugin.getdata(image, interlace=0)[1:])

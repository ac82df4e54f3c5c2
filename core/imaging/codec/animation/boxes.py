"""Boxes of pixels: the parts of frames that change."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """The pixels from (left, top) to (right, bottom); `right` and `bottom` are excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.right)


def bounding_box(mask: NDArray[Any]) -> Box | None:
    """The smallest box that encloses all true values of `mask`, (h, w) bool; None if none is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def enclosing_box(first: Box, second: Box) -> Box:
    """The smallest box that encloses both."""
    low = (min(pair) for pair in zip(first[:2], second[:2], strict=True))
    high = (max(pair) for pair in zip(first[2:], second[2:], strict=True))
    return Box(*low, *high)


def align_to_even(box: Box) -> Box:
    """The box with its left top corner moved outwards to even coordinates: WebP stores halves."""
    return Box(box.left & ~1, box.top & ~1, box.right, box.bottom)

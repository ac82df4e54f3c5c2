"""Durations of frames, rounded to the time units of a format."""

from math import floor

_SHORTEST = 2  # units of GIF: browsers show shorter frames for 100 milliseconds


class FrameClock:
    """Converts milliseconds to whole units, so that each frame ends as close as possible to its exact end.

    The next frame receives the time that rounding takes from a frame, so that the total duration is kept.
    """

    def __init__(self, unit: int = 1) -> None:
        """`unit` is in milliseconds: 1 for WebP, 10 for GIF."""
        self._unit = unit
        self._exact_end = 0.0
        self._units_given = 0

    def units(self, milliseconds: float) -> int:
        """The duration of the next frame in units. In a GIF, a frame of more than 10 milliseconds gets 20 or more."""
        self._exact_end += milliseconds
        count = max(0, floor(self._exact_end / self._unit + 0.5) - self._units_given)
        if self._unit > 1 and milliseconds > self._unit:
            count = max(count, _SHORTEST)
        self._units_given += count
        return count

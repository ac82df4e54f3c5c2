"""The durations of frames in the units that a format has."""

from math import floor

_SHORTEST = 2  # of GIF's units: what is shown shorter, browsers show for 100 milliseconds


class Clock:
    """Milliseconds, as they come, into whole units: every frame ends as near as can be to when it should.

    What rounding takes from one frame the next one gets, so that the whole lasts as long as it did.
    """

    def __init__(self, unit: int = 1) -> None:
        """`unit` is in milliseconds: 1 for WebP, 10 for GIF."""
        self._unit = unit
        self._should = 0.0
        self._is = 0

    def units(self, milliseconds: float) -> int:
        """How long the next frame is shown. In GIF one of more than 10 milliseconds lasts 20 or more."""
        self._should += milliseconds
        count = max(0, floor(self._should / self._unit + 0.5) - self._is)
        if self._unit > 1 and milliseconds > self._unit:
            count = max(count, _SHORTEST)
        self._is += count
        return count

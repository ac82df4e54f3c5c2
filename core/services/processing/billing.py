"""What a place costs, divided among the images that are worked on there at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Meter:
    """A clock that n images at once make n times as slow: what it shows of each of them adds up to the time there was.

    So a second of a function is paid for once, by whoever was in it, however many threads it has.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._images = 0
        self._shown = 0.0
        self._looked_at = clock()

    @contextmanager
    def image(self) -> Iterator[Callable[[], float]]:
        """While it lasts, one more image is worked on; what it yields says the seconds of it so far."""
        since = self._show(1)
        try:
            yield lambda: self._show() - since
        finally:
            self._show(-1)

    def _show(self, more: int = 0) -> float:
        with self._lock:
            now = self._clock()
            if self._images:
                self._shown += (now - self._looked_at) / self._images
            self._looked_at = now
            self._images += more
            return self._shown

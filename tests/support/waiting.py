"""Waiting for a condition, without a say in how fast the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which a condition is taken to hang: a broken test ends, a slow machine does not make a test fail.
HANGS_AFTER = 240.0


def until(
    condition: Callable[[], T], seconds: float = HANGS_AFTER, pause: Callable[[], object] = lambda: time.sleep(0.05)
) -> T:
    """Evaluate `condition` until it is true, with `pause` in between; returns its value.

    Raises AssertionError after `seconds`, which is more than the default for work of many minutes only.
    """
    end = time.monotonic() + max(seconds, HANGS_AFTER)
    while not (value := condition()):
        assert time.monotonic() < end, f"still not true after {max(seconds, HANGS_AFTER):.0f} s"
        pause()
    return value

"""Waiting for what another process or thread does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 60.0, interval: float = 0.05) -> T:
    """Call `condition` every `interval` seconds until its answer is true, and return it.

    Fails after `seconds`: long enough for a busy machine, so that it ends only what hangs.
    """
    give_up = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < give_up, f"The condition was not met within {seconds:g} seconds."
        time.sleep(interval)
    return answer

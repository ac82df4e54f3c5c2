"""The bill of an image: its share of the machine's time, and the machine's size."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from core.domain.model import Billed, Route
from core.routing.batch_tiers import tier_by_name
from core.routing.prices import MIN_BILLED_SECONDS


class Meter:
    """Charges each of n concurrent images 1/n of the wall time, so that charges sum to the wall time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._images = 0
        self._charged = 0.0
        self._updated_at = clock()

    @contextmanager
    def image(self) -> Iterator[Callable[[], float]]:
        """Count one more concurrent image; yields a function that returns the seconds charged to it so far."""
        charged_before = self._update(1)
        try:
            yield lambda: self._update() - charged_before
        finally:
            self._update(-1)

    def _update(self, more_images: int = 0) -> float:
        with self._lock:
            now = self._clock()
            if self._images:
                self._charged += (now - self._updated_at) / self._images
            self._updated_at = now
            self._images += more_images
            return self._charged


def billed(
    seconds: float, *, route: Route, tier: str, memory_mb: int, vcpus: float, images_in_job: int
) -> Billed | None:
    """The bill for `seconds` of a machine; None if the machine is not billed (`memory_mb` is 0 and `tier` empty).

    A Batch tier is billed for its memory and vCPUs, and for at least MIN_BILLED_SECONDS, shared by `images_in_job`.
    """
    batch_tier = tier_by_name(tier)
    if batch_tier:
        memory_mb, vcpus = batch_tier.memory_mb, float(batch_tier.vcpus)
    if not memory_mb:
        return None
    least = MIN_BILLED_SECONDS / images_in_job if route is Route.BATCH else 0.0
    return Billed(
        seconds=round(max(least, seconds), 6),
        memory_mb=memory_mb,
        vcpus=vcpus,
        machine=os.uname().machine,
        tier=tier,
    )

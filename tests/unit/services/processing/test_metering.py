"""An image is charged its share of the wall time."""

from contextlib import ExitStack

import pytest

from core.services.processing.billing import Meter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_image_alone_pays_for_its_time() -> None:
    clock = Clock()
    meter = Meter(clock)
    clock.now += 5  # charged to no image
    with meter.image() as seconds:
        clock.now += 2
        assert seconds() == 2
        clock.now += 1
        assert seconds() == 3


def test_images_at_once_share_the_time_and_pay_for_all_of_it() -> None:
    """The first alone for 2 s, both for 4 s, the second alone for 3 s: 4 s and 5 s of 9 s."""
    clock = Clock()
    meter = Meter(clock)
    with ExitStack() as first:
        one = first.enter_context(meter.image())
        clock.now += 2
        with ExitStack() as second:
            other = second.enter_context(meter.image())
            clock.now += 4
            paid = one()
            first.pop_all().close()
            clock.now += 3
            assert paid == pytest.approx(4)
            assert other() == pytest.approx(5)

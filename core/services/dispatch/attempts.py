"""The count of an image's submissions to Batch, as (generation, is_retry). Pure.

A generation is a first submission and, if that is lost for no fault of the image, one retry. A new generation begins
when the image was not even tried. On the wire, in `HandOver.attempt` and in keys, it is 2 * generation + is_retry.
"""

from typing import NamedTuple

import msgspec

from core.domain.model import HandOver


class DispatchAttempt(NamedTuple):
    """Ordered: a later attempt is greater."""

    generation: int = 0
    is_retry: bool = False

    @classmethod
    def from_number(cls, number: int) -> "DispatchAttempt":
        """The attempt that `number` stands for on the wire."""
        generation, is_retry = divmod(number, 2)
        return cls(generation, bool(is_retry))

    @property
    def number(self) -> int:
        """The attempt as it is written on the wire."""
        return 2 * self.generation + self.is_retry

    def following(self) -> "DispatchAttempt":
        """The retry of this generation, and after it the next generation."""
        return self.next_generation() if self.is_retry else DispatchAttempt(self.generation, is_retry=True)

    def next_generation(self) -> "DispatchAttempt":
        """A first submission, which has a retry of its own."""
        return DispatchAttempt(self.generation + 1)


def attempt_of(image: HandOver) -> DispatchAttempt:
    """The attempt of a hand-over."""
    return DispatchAttempt.from_number(image.attempt)


def with_attempt(image: HandOver, attempt: DispatchAttempt) -> HandOver:
    """The hand-over with another attempt."""
    return msgspec.structs.replace(image, attempt=attempt.number)

"""The sizes that a Batch job can have: what Fargate offers, in five steps.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
"""

from core.domain.model import Value

_MB = 2**20
_PARENT_MB = 192  # as core.bootstrap leaves it to the parent


class Tier(Value, frozen=True, kw_only=True):
    """One size. `memory_mb` is the container's; the job definition is named by `name`."""

    name: str
    vcpus: int
    memory_mb: int

    @property
    def worker_bytes(self) -> int:
        """What the worker's child may use."""
        return (self.memory_mb - _PARENT_MB) * _MB


#: From the smallest to the largest.
TIERS = (
    Tier(name="1x2", vcpus=1, memory_mb=2 * 1024),
    Tier(name="2x8", vcpus=2, memory_mb=8 * 1024),
    Tier(name="4x30", vcpus=4, memory_mb=30 * 1024),
    Tier(name="8x60", vcpus=8, memory_mb=60 * 1024),
    Tier(name="16x120", vcpus=16, memory_mb=120 * 1024),
)


def named(name: str) -> Tier | None:
    """The tier of that name."""
    return next((tier for tier in TIERS if tier.name == name), None)


def above(tier: Tier) -> Tier | None:
    """The next larger; None above the largest."""
    larger = [other for other in TIERS if other.memory_mb > tier.memory_mb]
    return larger[0] if larger else None

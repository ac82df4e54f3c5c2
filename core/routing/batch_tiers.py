"""The five tiers of Batch jobs. Each is a combination of vCPUs and memory that Fargate offers.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
"""

from core.domain.model import Value

_MB = 2**20
_PARENT_MB = 192  # peak of the parent process: boto3's clients, an event of 6 MB and its answer


def worker_bytes(memory_mb: int) -> int:
    """Bytes of memory for the worker's child in a container (or Lambda function) of `memory_mb`."""
    return (memory_mb - _PARENT_MB) * _MB


class Tier(Value, frozen=True, kw_only=True):
    """One tier. `memory_mb` is the whole container's; `name` is the end of the job definition's name."""

    name: str
    vcpus: int
    memory_mb: int

    @property
    def worker_bytes(self) -> int:
        """Bytes of memory for the worker's child."""
        return worker_bytes(self.memory_mb)


#: From the smallest to the largest.
TIERS = (
    Tier(name="1x2", vcpus=1, memory_mb=2 * 1024),
    Tier(name="2x8", vcpus=2, memory_mb=8 * 1024),
    Tier(name="4x30", vcpus=4, memory_mb=30 * 1024),
    Tier(name="8x60", vcpus=8, memory_mb=60 * 1024),
    Tier(name="16x120", vcpus=16, memory_mb=120 * 1024),
)


def tier_by_name(name: str) -> Tier | None:
    """The tier called `name`; None if there is none."""
    return next((tier for tier in TIERS if tier.name == name), None)


def next_tier(tier: Tier) -> Tier | None:
    """The next larger tier; None above the largest."""
    return next((larger for larger in TIERS if larger.memory_mb > tier.memory_mb), None)

"""What AWS asks for, dated, out of core/routing/prices.json: seconds become dollars."""

from functools import cache
from pathlib import Path

import msgspec

from core.domain.model import Value
from core.routing.batch_tiers import Tier

_FILE = Path(__file__).parent / "prices.json"
_HOUR = 3600.0
#: Fargate bills each task for a minute at least: https://aws.amazon.com/fargate/pricing/
LEAST_SECONDS = 60.0
_MB_OF_A_GB = 1024.0
_BYTES_OF_A_GB = 2.0**30
_DAYS_OF_A_MONTH = 365 / 12


class LambdaPrice(Value, frozen=True, kw_only=True):
    """US dollars."""

    gb_second: float
    request: float


class FargatePrice(Value, frozen=True, kw_only=True):
    """US dollars."""

    vcpu_hour: float
    gb_hour: float


class S3Price(Value, frozen=True, kw_only=True):
    """US dollars."""

    put: float
    get: float
    gb_month: float


class CloudWatchPrice(Value, frozen=True, kw_only=True):
    """US dollars: a metric for a month, one metric of a GetMetricData, a GB of log."""

    metric_month: float
    metric_read: float
    log_gb: float


class Prices(Value, frozen=True, kw_only=True):
    """On-demand prices of one region, before any free tier or plan, by architecture; `uname -m` names those.

    `fargate_spot_discount` is what Spot is said to save, 0 to 1: its price moves.
    """

    region: str
    date: str
    sources: tuple[str, ...]
    functions: dict[str, LambdaPrice] = msgspec.field(name="lambda")
    fargate: dict[str, FargatePrice]
    fargate_spot_discount: float
    s3: S3Price
    cloudwatch: CloudWatchPrice
    #: What was asked for earlier, from the oldest on; it stays here when prices change, with their own dates.
    before: "tuple[Prices, ...]" = ()

    def lambda_usd(self, seconds: float, memory_mb: float, machine: str = "x86_64") -> float:
        """One invocation of so many seconds."""
        price = self.functions.get(machine) or self.functions["x86_64"]
        return price.request + seconds * memory_mb / _MB_OF_A_GB * price.gb_second

    def batch_usd(self, seconds: float, tier: Tier, machine: str = "x86_64", *, spot: bool = False) -> float:
        """So many seconds of a child of that tier, which has it to itself: a minute at least."""
        price = self.fargate.get(machine) or self.fargate["x86_64"]
        hourly = tier.vcpus * price.vcpu_hour + tier.memory_mb / _MB_OF_A_GB * price.gb_hour
        discount = self.fargate_spot_discount if spot else 0.0
        return max(LEAST_SECONDS, seconds) * hourly / _HOUR * (1 - discount)

    def storage_usd(self, size: float, days: float) -> float:
        """So many bytes kept in S3 for so many days."""
        return size / _BYTES_OF_A_GB * self.s3.gb_month * days / _DAYS_OF_A_MONTH

    def requests_usd(self, renditions: int) -> float:
        """S3's requests for one image: its source put and read, its renditions, its result; the check for one."""
        return (renditions + 2) * self.s3.put + 3 * self.s3.get


@cache
def load() -> Prices:
    """The file that comes with this release."""
    return msgspec.json.decode(_FILE.read_bytes(), type=Prices)


def history() -> tuple[Prices, ...]:
    """What was ever asked for, from the oldest on: each holds from its date to the next one's."""
    now = load()
    return (*now.before, now)

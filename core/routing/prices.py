"""AWS prices with their dates, from core/routing/prices.json, and the arithmetic from usage to US dollars."""

from functools import cache
from pathlib import Path

import msgspec

from core.domain.model import Value
from core.routing.batch_tiers import Tier

_FILE = Path(__file__).parent / "prices.json"
_SECONDS_PER_HOUR = 3600.0
#: Fargate bills at least a minute for each task: https://aws.amazon.com/fargate/pricing/
MIN_BILLED_SECONDS = 60.0
_MB_PER_GB = 1024.0
_BYTES_PER_GB = 2.0**30
_DAYS_PER_MONTH = 365 / 12


class LambdaPrice(Value, frozen=True, kw_only=True):
    """US dollars per GB-second and per request."""

    gb_second: float
    request: float


class FargatePrice(Value, frozen=True, kw_only=True):
    """US dollars per vCPU-hour and per GB-hour of memory."""

    vcpu_hour: float
    gb_hour: float


class S3Price(Value, frozen=True, kw_only=True):
    """US dollars per PUT, per GET, and per GB stored for a month."""

    put: float
    get: float
    gb_month: float


class CloudWatchPrice(Value, frozen=True, kw_only=True):
    """US dollars per metric and month, per metric read by GetMetricData, and per GB of log."""

    metric_month: float
    metric_read: float
    log_gb: float


class Prices(Value, frozen=True, kw_only=True):
    """On-demand prices of one region, before any free tier or plan.

    The keys of `functions` (Lambda) and `fargate` are architectures as `uname -m` prints them. `date` is the day on
    which the prices were read from the pages in `sources`. `fargate_spot_discount`, 0 to 1, is an average: the Spot
    price changes.
    """

    region: str
    date: str
    sources: tuple[str, ...]
    functions: dict[str, LambdaPrice] = msgspec.field(name="lambda")
    fargate: dict[str, FargatePrice]
    fargate_spot_discount: float
    s3: S3Price
    cloudwatch: CloudWatchPrice
    #: Earlier prices with their own dates, oldest first.
    before: "tuple[Prices, ...]" = ()

    def lambda_usd(self, seconds: float, memory_mb: float, machine: str = "x86_64") -> float:
        """US dollars of one invocation of `seconds` in a function of `memory_mb`. `machine` as `uname -m` prints it."""
        price = self.functions.get(machine) or self.functions["x86_64"]
        return price.request + seconds * memory_mb / _MB_PER_GB * price.gb_second

    def batch_usd(self, seconds: float, tier: Tier, machine: str = "x86_64", *, spot: bool = False) -> float:
        """US dollars of a Batch job in `tier` that runs `seconds`; less than a minute costs a minute."""
        price = self.fargate.get(machine) or self.fargate["x86_64"]
        hourly = tier.vcpus * price.vcpu_hour + tier.memory_mb / _MB_PER_GB * price.gb_hour
        discount = self.fargate_spot_discount if spot else 0.0
        return max(MIN_BILLED_SECONDS, seconds) * hourly / _SECONDS_PER_HOUR * (1 - discount)

    def storage_usd(self, size: float, days: float) -> float:
        """US dollars of `size` bytes stored in S3 for `days`."""
        return size / _BYTES_PER_GB * self.s3.gb_month * days / _DAYS_PER_MONTH

    def requests_usd(self, renditions: int) -> float:
        """US dollars of S3's requests for one image: a PUT for source, each rendition and result, and three GETs."""
        return (renditions + 2) * self.s3.put + 3 * self.s3.get


@cache
def load() -> Prices:
    """The current prices, from the file of this release."""
    return msgspec.json.decode(_FILE.read_bytes(), type=Prices)


def price_history() -> tuple[Prices, ...]:
    """All prices, oldest first. Each holds from its date to the date of the next."""
    current = load()
    return (*current.before, current)

"""Seconds become dollars, and dollars a route where that is asked for."""

import pytest

from core.domain.model import Estimate, ImageHeader, Route
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from core.routing import prices
from core.routing.batch_tiers import TIERS
from core.routing.plan import MB_PER_VCPU, Capacity, Limits, Policy, plan

PRICES = prices.load()
HEADER = ImageHeader(format="jpeg", width=1000, height=1000, channels=3, depth=8)
FUNCTION = Capacity(route=Route.LAMBDA, memory_bytes=1 << 31, vcpus=2048 / MB_PER_VCPU, seconds=900, can_hand_over=True)


def of(seconds: float) -> Estimate:
    return Estimate(
        cpu_seconds=seconds, cpu_seconds_upper=seconds, parallel=0, peak_bytes=1 << 28, peak_bytes_upper=1 << 29
    )


def planned(seconds: float, policy: Policy) -> tuple[str, str]:
    limits = Limits(max_megapixels=100, max_bytes=1 << 30, policy=policy)
    made = plan(HEADER, load_folder(SHIPPED_FOLDER)["thumbnail"], limits, FUNCTION, of(seconds))
    return made.route.value, made.reason


def test_the_file_says_its_date_its_region_and_where_the_figures_are_from() -> None:
    assert (len(PRICES.date), PRICES.region) == (10, "us-east-1")
    assert all(source.startswith("https://aws.amazon.com/") for source in PRICES.sources)


def test_a_function_is_paid_for_by_its_memory_and_a_request() -> None:
    assert PRICES.lambda_usd(10, 2048) == pytest.approx(10 * 2 * 0.0000166667 + 0.0000002)
    assert PRICES.lambda_usd(10, 2048, "aarch64") < PRICES.lambda_usd(10, 2048)


def test_a_batch_child_is_paid_for_a_minute_at_least() -> None:
    tier = TIERS[0]
    minute = (0.04048 + 2 * 0.004445) / 60
    assert PRICES.batch_usd(1, tier) == PRICES.batch_usd(60, tier) == pytest.approx(minute)
    assert PRICES.batch_usd(120, tier) == pytest.approx(2 * minute)
    assert PRICES.batch_usd(120, tier, spot=True) == pytest.approx(0.6 * minute)


@pytest.mark.parametrize(
    ("seconds", "policy", "route"),
    [
        (1, Policy.LATENCY, "lambda"),
        (300, Policy.LATENCY, "lambda"),
        (1, Policy.COST, "lambda"),
        (300, Policy.COST, "batch"),
    ],
)
def test_what_is_cheaper_on_batch_goes_there_where_cost_decides(seconds: float, policy: Policy, route: str) -> None:
    assert planned(seconds, policy)[0] == route


def test_the_reason_says_both_prices() -> None:
    assert planned(300, Policy.COST)[1] == "The image costs $0.01 in Lambda and $0.0041 in Batch."


def test_where_nothing_takes_it_cost_decides_nothing() -> None:
    limits = Limits(max_megapixels=100, max_bytes=1 << 30, policy=Policy.COST)
    alone = Capacity(route=Route.LAMBDA, memory_bytes=1 << 31, vcpus=1.0, seconds=900)
    assert plan(HEADER, load_folder(SHIPPED_FOLDER)["thumbnail"], limits, alone, of(300)).route is Route.LAMBDA

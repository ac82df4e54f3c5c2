"""Prices turn seconds into dollars, and the policy `cost` turns dollars into a route."""

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


def estimate(seconds: float) -> Estimate:
    return Estimate(
        cpu_seconds=seconds, cpu_seconds_upper=seconds, parallel=0, peak_bytes=1 << 28, peak_bytes_upper=1 << 29
    )


def route_and_reason(seconds: float, policy: Policy) -> tuple[str, str]:
    limits = Limits(max_megapixels=100, max_bytes=1 << 30, policy=policy)
    made = plan(HEADER, load_folder(SHIPPED_FOLDER)["thumbnail"], limits, FUNCTION, estimate(seconds))
    return made.route.value, made.reason


def test_the_price_file_has_date_region_and_sources() -> None:
    assert (len(PRICES.date), PRICES.region) == (10, "us-east-1")
    assert all(source.startswith("https://aws.amazon.com/") for source in PRICES.sources)


def test_lambda_costs_its_memory_and_a_request() -> None:
    assert PRICES.lambda_usd(10, 2048) == pytest.approx(10 * 2 * 0.0000166667 + 0.0000002)
    assert PRICES.lambda_usd(10, 2048, "aarch64") < PRICES.lambda_usd(10, 2048)


def test_a_batch_job_costs_at_least_a_minute() -> None:
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
def test_policy_cost_sends_an_image_to_batch_if_that_is_cheaper(seconds: float, policy: Policy, route: str) -> None:
    assert route_and_reason(seconds, policy)[0] == route


def test_the_reason_has_both_prices() -> None:
    assert route_and_reason(300, Policy.COST)[1] == "The image costs $0.01 in Lambda and $0.0041 in Batch."


def test_policy_cost_keeps_an_image_that_cannot_be_handed_over() -> None:
    limits = Limits(max_megapixels=100, max_bytes=1 << 30, policy=Policy.COST)
    alone = Capacity(route=Route.LAMBDA, memory_bytes=1 << 31, vcpus=1.0, seconds=900)
    assert plan(HEADER, load_folder(SHIPPED_FOLDER)["thumbnail"], limits, alone, estimate(300)).route is Route.LAMBDA

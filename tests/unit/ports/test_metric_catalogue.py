"""The monthly price of the metrics is bounded by the lists of dimension values, not by the number of customers."""

from itertools import product

from core.ports import metric_catalogue
from core.ports.metric_catalogue import METRICS
from core.routing import prices


def test_the_months_bill_is_that_of_every_combination_and_within_35_dollars() -> None:
    combinations = {
        (metric.name, *values)
        for metric in METRICS
        for dimensions in metric.sets
        for values in product(*[[(each.name, value) for value in each.values] for each in dimensions])
    }
    assert len(combinations) == metric_catalogue.MAX_BILLED
    dollars = metric_catalogue.month_usd(prices.load())
    assert dollars == len(combinations) * 0.30
    assert dollars <= 35

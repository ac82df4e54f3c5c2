"""docs/reference/metrics.md shows what core.ports.metric_catalogue declares, and what that can cost at most."""

import re

from core.ports import metric_catalogue
from core.ports.metric_catalogue import METRICS
from core.routing import prices
from tools.docs import metrics as metrics_document

DOCUMENT = metrics_document.DOCUMENT.read_text("utf-8")


def test_the_document_shows_what_is_declared() -> None:
    assert metrics_document.in_document(DOCUMENT) == DOCUMENT, "python -m tools.docs.metrics"


def test_every_metric_has_a_row_and_every_row_a_metric() -> None:
    table = DOCUMENT.partition("begin -->")[2].partition("| dimension |")[0]
    assert re.findall(r"^\| `(\w+)` ", table, flags=re.MULTILINE) == [metric.name for metric in METRICS]


def test_the_months_bill_is_bounded_by_the_lists_and_not_by_the_customers() -> None:
    combinations = {
        (metric.name, *values)
        for metric in METRICS
        for one in metric.sets
        for values in _combinations([[f"{each.name}={value}" for value in each.values] for each in one])
    }
    assert len(combinations) == metric_catalogue.MAX_BILLED
    dollars = metric_catalogue.month_usd(prices.load())
    assert dollars == len(combinations) * 0.30
    assert dollars <= 35
    assert f"| {dollars:.2f} |" in DOCUMENT


def _combinations(lists: list[list[str]]) -> list[tuple[str, ...]]:
    if not lists:
        return [()]
    return [(first, *rest) for first in lists[0] for rest in _combinations(lists[1:])]

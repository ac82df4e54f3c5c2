"""Panels that *Business* and *One customer* share: the same queries, over all customers or over one."""

from typing import Any, NamedTuple

from grafana_foundation_sdk.cog.builder import Builder

from dashboards import panels
from dashboards.names import POSTGRES
from dashboards.panels import Limits
from dashboards.postgres import Sql, series

#: Shares of failed images, and seconds from arrival to commit.
FAILED_LIMITS, WAIT_LIMITS = Limits(0.02, 0.1), Limits(60, 900)


class LedgerScope(NamedTuple):
    """The relations of the ledger that a dashboard reads, each with its condition in SQL."""

    #: Sums of days.
    days: str
    in_days: str
    #: Buckets of latencies.
    histogram: str
    in_histogram: str
    #: Sums by door and route.
    routes: str
    in_routes: str

    @property
    def fragments(self) -> dict[str, str]:
        return self._asdict()


_TIME = "$__timeFilter(day)"
ALL_CUSTOMERS = LedgerScope("days_by_source", _TIME, "histogram_days", _TIME, "days_by_source", _TIME)
ONE_CUSTOMER = LedgerScope(
    days="customer_days",
    in_days=f"{{{{ of_customer }}}} AND {_TIME}",
    histogram="customer_histogram_months",
    in_histogram="{{ of_customer }} AND {{ in_months }}",
    routes="customer_months_by_source",
    in_routes="{{ of_customer }} AND {{ in_months }}",
)


class _Total(NamedTuple):
    value: str
    meaning: str
    unit: str
    limits: Limits | None = None


_TOTALS = {
    "Images": _Total("sum(images) AS images", "Images that ended in the time range, each counted once.", "short"),
    "Failed": _Total(
        "{{ failed_share }} AS failed",
        "Share of the images that ended failed. *Failures by code* gives the codes.",
        "percentunit",
        FAILED_LIMITS,
    ),
    "Renditions": _Total("sum(outputs) AS renditions", "Files made in the time range.", "short"),
    "Bytes in": _Total('sum(bytes_in) AS "bytes in"', "Size of the sources.", "decbytes"),
    "Bytes saved": _Total(
        "sum(bytes_saved) AS saved",
        "Size of the sources, less the largest rendition of each: the saving each time a viewer fetches that "
        "rendition.",
        "decbytes",
    ),
    "Cost": _Total(
        "sum(usd) AS dollars",
        "Compute, requests and storage, at the prices of each day. docs/reference/ledger.md lists the costs that are "
        "not included; the bill of AWS decides.",
        "currencyUSD",
    ),
    "Cost of a thousand": _Total(
        "{{ usd_per_thousand }} AS dollars",
        "Cost of 1,000 images. If it rises: *Cost by day* gives the kind of cost, *Pipelines* of Business the "
        "pipeline.",
        "currencyUSD",
    ),
}


def total(scope: LedgerScope, title: str, decimals: int | None = None) -> Builder[Any]:
    """One figure over the time range. `title` is a key of _TOTALS."""
    definition = _TOTALS[title]
    return panels.figure(
        POSTGRES,
        title,
        definition.meaning,
        Sql("total", {"value": definition.value, **scope.fragments}),
        unit=definition.unit,
        span=3,
        limits=definition.limits,
        calc="lastNotNull",
        decimals=decimals,
    )


def wait(scope: LedgerScope) -> Builder[Any]:
    """The 95th percentile of the time from arrival to commit."""
    return panels.figure(
        POSTGRES,
        "Wait, p95",
        "From arrival to commit: 95 of 100 images were faster. Accurate to 26 %, the width of a histogram bucket.",
        Sql("wait_p95", scope.fragments),
        unit="s",
        span=3,
        calc="lastNotNull",
        limits=WAIT_LIMITS,
    )


def images_by_day(scope: LedgerScope, title: str, meaning: str, kind: str) -> Builder[Any]:
    """Images of each day; `kind` is the column that names the parts of a bar."""
    return panels.bars(
        POSTGRES, title, meaning, [series("images_by_day", {"kind": kind, **scope.fragments})], unit="short"
    )


def cost_by_day(scope: LedgerScope) -> Builder[Any]:
    """Dollars of each day, by kind."""
    return panels.bars(
        POSTGRES,
        "Cost by day",
        "compute: processing; requests: S3 puts and gets; storage: sources and renditions until they expire. If "
        "storage leads, shorten the retention.",
        [series("cost_by_day", scope.fragments)],
        unit="currencyUSD",
    )


def bytes_by_day(scope: LedgerScope, span: int) -> Builder[Any]:
    """Bytes of each day: in, out and saved."""
    return panels.lines(
        POSTGRES,
        "Bytes by day",
        "in: sources; out: all renditions; saved: sources less the largest rendition of each.",
        [series("bytes_by_day", scope.fragments)],
        unit="decbytes",
        span=span,
        signed=True,
    )


def images_by_door_and_route(scope: LedgerScope) -> Builder[Any]:
    """Images by door and route."""
    return panels.shares(
        POSTGRES,
        "Images by door and route",
        "The doors by which the images arrived, and the routes on which they were processed.",
        Sql("images_by_door_and_route", scope.fragments),
        unit="short",
        span=6,
    )

"""A year of 500 customers' images: every sum is the generator's own count, and reading sums touches few rows.

10,000 images; `make test-year` says YEAR_IMAGES=1000000.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.ledger.conftest import CUSTOMERS, IMAGES
from tests.support.ledger.year import (  # fmt: skip
    CODES,
    DAYS,
    FIRST_DAY,
    FORMATS,
    MACHINES,
    PIPELINES,
    PRICES_CHANGE,
    ROUTES,
    SOURCES,
    Year,
    rows_touched,
)

#: Of the year's last quarter, as a panel would ask for it.
QUARTER = FIRST_DAY + timedelta(days=DAYS - 90)


@pytest.fixture(scope="module")
def connection(year_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(year_url) as one:
        yield one


def _sums(connection: psycopg.Connection[Any], view: str, keys: str, what: str) -> dict[tuple[Any, ...], int]:
    query = f"SELECT {keys}, sum({what}) FROM {view} GROUP BY {keys}"
    return {tuple(key): round(total) for *key, total in connection.execute(query.encode()) if total}


@pytest.mark.parametrize(
    ("view", "keys", "dimensions"),
    [
        ("days_by_source", "day, source, route, machine", ("day", "source", "route", "machine")),
        ("days_by_format", "day, format, route", ("day", "format", "route")),
        ("days_by_code", "day, coalesce(code, ''), route", ("day", "code", "route")),
        ("days_by_pipeline", "day, pipeline, route", ("day", "pipeline", "route")),
        ("customer_days", "customer, day, format, route", ("customer", "day", "format", "route")),
        ("customer_months", "customer, month", ("customer", "month")),
        ("customer_months_by_source", "customer, month, source, route", ("customer", "month", "source", "route")),
        ("customer_months_by_code", "customer, month, coalesce(code, '')", ("customer", "month", "code")),
        ("customer_months_by_pipeline", "customer, month, pipeline", ("customer", "month", "pipeline")),
    ],
)
def test_every_sum_is_the_generators_own(
    connection: psycopg.Connection[Any], year: Year, view: str, keys: str, dimensions: tuple[str, ...]
) -> None:
    """Cell by cell, to the byte and the microsecond."""
    own = [year.sums(*dimensions, of=column) for column in _COUNTED.values()]
    query = f"SELECT {keys}, {', '.join(f'sum({what})' for what in _COUNTED)} FROM {view} GROUP BY {keys}"
    rows = connection.execute(query.encode()).fetchall()
    kept = {tuple(row[: len(dimensions)]): [round(total) for total in row[len(dimensions) :]] for row in rows}
    assert kept == {key: [one[key] for one in own] for key in own[0]}


#: What the views call it, in the generator's units, and what the generator does.
_COUNTED = {
    "images": "images",
    "failed": "failed",
    "outputs": "outputs",
    "bytes_in": "bytes_in",
    "bytes_out": "bytes_out",
    "bytes_saved": "bytes_saved",
    "1000000 * seconds": "seconds",
    "1000000 * cpu_seconds": "cpu_seconds",
    "1000000 * latency_seconds": "latency_seconds",
}


def test_histograms_hold_every_image(connection: psycopg.Connection[Any], year: Year) -> None:
    own = {"Latency": {}, "Duration": {}, "CpuTimeRatio": {"code": ""}}
    for name, where in own.items():
        kept = _sums(connection, f"histogram_days WHERE name = '{name}'", "day, route", "images")
        assert kept == year.sums("day", "route", where=where), name
    assert _sums(connection, "customer_histogram_months", "customer, month", "images") == year.sums("customer", "month")


def _dollars(connection: psycopg.Connection[Any], query: str) -> float:
    found = connection.execute(query.encode()).fetchone()
    assert found
    return float(found[0])


def test_dollars_are_the_same_by_whatever_they_are_summed_up(connection: psycopg.Connection[Any]) -> None:
    each = _dollars(connection, "SELECT sum(total) FROM dollars")
    assert each > 0
    for view in (
        "days_by_source",
        "days_by_format",
        "days_by_code",
        "days_by_pipeline",
        "customer_days",
        "customer_months",
    ):
        assert _dollars(connection, f"SELECT sum(usd) FROM {view}") == pytest.approx(each, rel=1e-6), view


#: Cells that one value of one dimension has a day: for each route and architecture.
_CELLS = len(ROUTES) * len(MACHINES)
_BUCKETS = 111
#: A customer's month in which prices changed is priced by its days.
_BY_DAYS = 31 * len(FORMATS) * _CELLS
_MOST = {
    "SELECT day, source, sum(images) FROM days_by_source GROUP BY 1, 2": DAYS * len(SOURCES) * _CELLS,
    "SELECT format, sum(bytes_saved) FROM days_by_format GROUP BY 1": DAYS * len(FORMATS) * _CELLS,
    "SELECT code, sum(images) FROM days_by_code GROUP BY 1": DAYS * len(CODES) * _CELLS,
    "SELECT day, sum(usd) FROM days_by_pipeline GROUP BY 1": DAYS * len(PIPELINES) * _CELLS,
    f"SELECT day, sum(images) FROM days_by_source WHERE day >= '{QUARTER}' GROUP BY 1": 90 * len(SOURCES) * _CELLS,
    "SELECT day, sum(usd) FROM customer_days WHERE customer = 'customer-000' GROUP BY 1": DAYS * len(FORMATS) * _CELLS,
    "SELECT * FROM customer_months WHERE customer = 'customer-000'": 12 * len(SOURCES) * _CELLS + _BY_DAYS,
    "SELECT customer, sum(usd) FROM customer_months GROUP BY 1 ORDER BY 2 DESC": (
        12 * CUSTOMERS * len(SOURCES) * _CELLS + CUSTOMERS * _BY_DAYS
    ),
    f"SELECT sum(usd) FROM customer_days WHERE day = '{QUARTER}'": CUSTOMERS * len(FORMATS) * _CELLS,
    f"SELECT customer, images FROM customer_months WHERE month >= '{FIRST_DAY.year}-11-01'": (
        2 * CUSTOMERS * len(SOURCES) * _CELLS
    ),
    "SELECT day, p95 FROM latency_days": DAYS * len(ROUTES) * _BUCKETS,
    "SELECT p95 FROM customer_latency_months WHERE customer = 'customer-000'": 12 * len(ROUTES) * _BUCKETS,
    "SELECT pipeline, sum(cpu_seconds) / sum(estimated_cpu_seconds) FROM estimate_days GROUP BY 1": (
        DAYS * len(PIPELINES) * _CELLS
    ),
}
#: What prices and the retention take besides, read once for each row at the worst of plans.
_PRICES = 200


@pytest.mark.parametrize("query", _MOST)
def test_reading_sums_touches_no_more_rows_than_days_and_closed_lists_have(
    connection: psycopg.Connection[Any], query: str
) -> None:
    """However many images there are: the bound knows nothing of them."""
    touched = rows_touched(connection, query)
    assert 0 < touched <= _MOST[query] + _PRICES, f"{touched:,} rows"


@pytest.mark.parametrize("whose", ["", "WHERE customer = 'customer-000'", "WHERE month >= '2025-05-01'"])
def test_where_prices_change_within_a_month_that_month_alone_is_read_by_its_days(
    connection: psycopg.Connection[Any], whose: str
) -> None:
    """The days of all other months stay unread, however many customers have how many of them."""
    first = PRICES_CHANGE.replace(day=1)
    count = "SELECT count(*) FROM rollup_days WHERE dimension = 'customer' AND day >= %s AND day < %s + 30"
    found = connection.execute(count.encode(), [first, first]).fetchone()
    touched = rows_touched(connection, f"SELECT * FROM customer_months {whose}", "rollup_days")
    assert found
    assert 0 < touched <= found[0]


def test_one_day_of_everybody_is_read_without_the_others(connection: psycopg.Connection[Any]) -> None:
    query = f"SELECT * FROM customer_days WHERE day = '{PRICES_CHANGE}'"
    kept = connection.execute(query.encode()).fetchall()
    assert 0 < len(kept) <= rows_touched(connection, query, "rollup_days") < 2 * len(kept) + 10


def test_looking_at_images_themselves_is_seen_by_the_count_of_rows(connection: psycopg.Connection[Any]) -> None:
    assert rows_touched(connection, "SELECT count(*) FROM image_facts WHERE width > 5") >= IMAGES


def test_days_of_images_are_looked_at_without_the_other_days(connection: psycopg.Connection[Any]) -> None:
    query = f"SELECT sum(images) FROM image_days WHERE day BETWEEN '{QUARTER}' AND '{QUARTER + timedelta(days=1)}'"
    found = connection.execute(query.encode()).fetchone()
    assert found
    assert rows_touched(connection, query, "images") <= found[0]


def test_pictures_like_one_are_looked_for_among_its_customers(connection: psycopg.Connection[Any]) -> None:
    """And those of a customer in a time, among those of that time, where both are asked for."""
    one = connection.execute(
        "SELECT image_id, count(*) OVER () FROM images WHERE customer = 'customer-007' LIMIT 1"
    ).fetchone()
    assert one
    query = f"SELECT * FROM near_duplicates WHERE image_id = '{one[0]}'"
    assert rows_touched(connection, query, "images") <= 1 + one[1]
    week = f"BETWEEN '{QUARTER}' AND '{QUARTER + timedelta(days=7)}'"
    found = connection.execute(
        f"SELECT count(*) FROM images WHERE customer = 'customer-007' AND committed_at {week}".encode()
    ).fetchone()
    assert found
    query = f"customer = 'customer-007' AND committed_at {week} AND other_committed_at {week}"
    touched = rows_touched(connection, f"SELECT * FROM near_duplicates WHERE {query}", "images")
    assert touched <= found[0] * (1 + found[0])


def test_a_customers_page_of_images_touches_a_page(connection: psycopg.Connection[Any]) -> None:
    query = (
        "SELECT * FROM images WHERE customer = 'customer-000' "
        "AND (committed_at, image_id) < ('2025-11-01', '00000000-0000-0000-0000-000000000000') "
        "ORDER BY committed_at DESC, image_id DESC LIMIT 20"
    )
    assert 20 <= rows_touched(connection, query) <= 40

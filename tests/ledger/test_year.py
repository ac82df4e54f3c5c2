"""A year of 500 customers' images: sums equal the generator's counts, and reading sums touches few rows.

`make test` has 10,000 images, `make test-year` sets YEAR_IMAGES=1000000.
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
    rows_read,
)

#: The first day of the year's last 90 days.
QUARTER = FIRST_DAY + timedelta(days=DAYS - 90)


@pytest.fixture(scope="module")
def connection(year_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(year_url) as connected:
        yield connected


def _sums(connection: psycopg.Connection[Any], view: str, keys: str, column: str) -> dict[tuple[Any, ...], int]:
    query = f"SELECT {keys}, sum({column}) FROM {view} GROUP BY {keys}"
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
def test_every_sum_equals_the_generators_count(
    connection: psycopg.Connection[Any], year: Year, view: str, keys: str, dimensions: tuple[str, ...]
) -> None:
    """Cell by cell, to the byte and the microsecond."""
    expected = [year.sums(*dimensions, of=column) for column in _COUNTED.values()]
    query = f"SELECT {keys}, {', '.join(f'sum({column})' for column in _COUNTED)} FROM {view} GROUP BY {keys}"
    rows = connection.execute(query.encode()).fetchall()
    sums = {tuple(row[: len(dimensions)]): [round(total) for total in row[len(dimensions) :]] for row in rows}
    assert sums == {key: [by_key[key] for by_key in expected] for key in expected[0]}


#: Columns of the views, in the generator's units, and the generator's columns.
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
    filters = {"Latency": {}, "Duration": {}, "CpuTimeRatio": {"code": ""}}
    for name, where in filters.items():
        sums = _sums(connection, f"histogram_days WHERE name = '{name}'", "day, route", "images")
        assert sums == year.sums("day", "route", where=where), name
    assert _sums(connection, "customer_histogram_months", "customer, month", "images") == year.sums("customer", "month")


def _dollars(connection: psycopg.Connection[Any], query: str) -> float:
    found = connection.execute(query.encode()).fetchone()
    assert found
    return float(found[0])


def test_dollars_are_the_same_in_every_view(connection: psycopg.Connection[Any]) -> None:
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


#: Rows a day of one value of a dimension: one for each route and architecture.
_CELLS = len(ROUTES) * len(MACHINES)
_BUCKETS = 111
#: Rows of a customer's month in which prices changed, which is priced day by day.
_BY_DAYS = 31 * len(FORMATS) * _CELLS
_MAX_ROWS = {
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
#: Rows of prices and retention in addition.
_PRICES = 200


@pytest.mark.parametrize("query", _MAX_ROWS)
def test_reading_sums_touches_rows_by_days_and_closed_lists_only(
    connection: psycopg.Connection[Any], query: str
) -> None:
    """The bound does not depend on the number of images."""
    rows = rows_read(connection, query).total()
    assert 0 < rows <= _MAX_ROWS[query] + _PRICES, f"{rows:,} rows"


@pytest.mark.parametrize("condition", ["", "WHERE customer = 'customer-000'", "WHERE month >= '2025-05-01'"])
def test_only_the_month_of_a_price_change_is_read_by_days(connection: psycopg.Connection[Any], condition: str) -> None:
    """The days of all other months stay unread."""
    first = PRICES_CHANGE.replace(day=1)
    count = "SELECT count(*) FROM rollup_days WHERE dimension = 'customer' AND day >= %s AND day < %s + 30"
    found = connection.execute(count.encode(), [first, first]).fetchone()
    rows = rows_read(connection, f"SELECT * FROM customer_months {condition}")["rollup_days"]
    assert found
    assert 0 < rows <= found[0]


def test_one_day_of_all_customers_is_read_without_the_other_days(connection: psycopg.Connection[Any]) -> None:
    query = f"SELECT * FROM customer_days WHERE day = '{PRICES_CHANGE}'"
    day = connection.execute(query.encode()).fetchall()
    assert 0 < len(day) <= rows_read(connection, query)["rollup_days"] < 2 * len(day) + 10


def test_the_row_count_includes_the_images_that_a_query_reads(connection: psycopg.Connection[Any]) -> None:
    assert rows_read(connection, "SELECT count(*) FROM image_facts WHERE width > 5").total() >= IMAGES


def test_some_days_of_images_are_read_without_the_other_days(connection: psycopg.Connection[Any]) -> None:
    query = f"SELECT sum(images) FROM image_days WHERE day BETWEEN '{QUARTER}' AND '{QUARTER + timedelta(days=1)}'"
    found = connection.execute(query.encode()).fetchone()
    assert found
    assert rows_read(connection, query)["images"] <= found[0]


def test_near_duplicates_are_searched_among_the_customers_images_only(connection: psycopg.Connection[Any]) -> None:
    """And within a period, among the images of that period."""
    one = connection.execute(
        "SELECT image_id, count(*) OVER () FROM images WHERE customer = 'customer-007' LIMIT 1"
    ).fetchone()
    assert one
    query = f"SELECT * FROM near_duplicates WHERE image_id = '{one[0]}'"
    assert rows_read(connection, query)["images"] <= 1 + one[1]
    week = f"BETWEEN '{QUARTER}' AND '{QUARTER + timedelta(days=7)}'"
    found = connection.execute(
        f"SELECT count(*) FROM images WHERE customer = 'customer-007' AND committed_at {week}".encode()
    ).fetchone()
    assert found
    query = f"customer = 'customer-007' AND committed_at {week} AND other_committed_at {week}"
    rows = rows_read(connection, f"SELECT * FROM near_duplicates WHERE {query}")["images"]
    assert rows <= found[0] * (1 + found[0])


def test_a_page_of_images_reads_about_a_page_of_rows(connection: psycopg.Connection[Any]) -> None:
    query = (
        "SELECT * FROM images WHERE customer = 'customer-000' "
        "AND (committed_at, image_id) < ('2025-11-01', '00000000-0000-0000-0000-000000000000') "
        "ORDER BY committed_at DESC, image_id DESC LIMIT 20"
    )
    assert 20 <= rows_read(connection, query).total() <= 40

"""Every panel that queries the ledger, run as Grafana's database user and compared with the generator's counts.

`make test` has 10,000 images of 500 customers, `make test-year` a million.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.grafana import counts
from tests.support.grafana.counts import Selection
from tests.support.grafana.sql import substituted
from tests.support.ledger.year import FORMATS, MACHINES, PIPELINES, ROUTES, SOURCES, Year, rows_read

GRAFANA = Path(__file__).parents[2] / "dashboards"
SINCE, UNTIL = datetime(2025, 3, 10, 12, 30, tzinfo=UTC), datetime(2025, 8, 20, 6, 0, tzinfo=UTC)
DAYS, MONTHS = (date(2025, 3, 10), date(2025, 8, 20)), (date(2025, 3, 1), date(2025, 8, 1))
#: A medium customer: it has images in a small year, and in a large one few enough to compare in pairs.
CUSTOMER = "customer-007"
BOARDS = ("business", "customer", "image")
CHECKS = {"business": counts.BUSINESS, "customer": counts.CUSTOMER}
#: Upper bounds of the rows of sums: of all closed lists in a year, …
_LIST_ROWS = 366 * len(ROUTES) * len(MACHINES) * (len(SOURCES) + len(FORMATS) + len(PIPELINES) + 20)
#: … of the days of a month in which prices changed, …
_MONTH_ROWS = 500 * 31 * len(FORMATS) * len(ROUTES) * len(MACHINES)
#: … of all customers in the months, and of histograms.
_CUSTOMER_ROWS = 500 * 6 * len(SOURCES) * len(ROUTES) * len(MACHINES)
_BUCKETS = 366 * len(ROUTES) * 3 * 111
_CUSTOMER_BUCKETS = 12 * len(ROUTES) * 111


@dataclass(frozen=True)
class Panel:
    """A panel of a dashboard that queries the ledger."""

    board: str
    title: str
    sql: str
    refreshes: bool

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


def _panels(board: str) -> Iterator[Panel]:
    dashboard = json.loads((GRAFANA / "generated" / f"{board}.json").read_text("utf-8"))
    for panel in (panel for outer in dashboard["panels"] for panel in (outer, *outer.get("panels", []))):
        for target in panel.get("targets", []):
            if "rawSql" in target:
                yield Panel(board, panel["title"], target["rawSql"], bool(dashboard["refresh"]))


PANELS = [panel for board in BOARDS for panel in _panels(board)]
COUNTED = [panel for panel in PANELS if panel.board in CHECKS]


@dataclass(frozen=True)
class Ledger:
    """A generated year, and a connection to its database as the analyst."""

    year: Year
    connection: psycopg.Connection[Any]

    def statement(self, panel: Panel) -> bytes:
        variables = {"customer": CUSTOMER, "pipeline": PIPELINES, "image": ""}
        return substituted(panel.sql, SINCE, UNTIL, variables).encode()


@pytest.fixture(scope="module")
def ledger(year: Year, year_url: str) -> Iterator[Ledger]:
    with psycopg.connect(year_url, autocommit=True) as connection:
        connection.execute("SET ROLE picture_perfect_analyst")
        yield Ledger(year, connection)


def test_every_panel_has_a_check_and_every_check_a_panel() -> None:
    for board, checks in CHECKS.items():
        titles = [panel.title for panel in COUNTED if panel.board == board]
        assert len(set(titles)) == len(titles)
        assert set(titles) == set(checks)


@pytest.mark.parametrize("panel", COUNTED, ids=str)
def test_a_panel_shows_the_generated_numbers(ledger: Ledger, panel: Panel) -> None:
    rows = ledger.connection.execute(ledger.statement(panel)).fetchall()
    selection = Selection(ledger.year, DAYS, MONTHS, CUSTOMER if panel.board == "customer" else "", (SINCE, UNTIL))
    CHECKS[panel.board][panel.title](rows, selection)


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.refreshes], ids=str)
def test_a_panel_that_refreshes_reads_sums_and_no_images(ledger: Ledger, panel: Panel) -> None:
    """The number of sums depends on days, customers and closed lists, not on images."""
    tables = rows_read(ledger.connection, ledger.statement(panel))
    assert not set(tables) & {"images", "renditions"}
    assert tables.get("rollup_days", 0) <= 2 * _LIST_ROWS + _MONTH_ROWS  # one panel reads them twice
    assert tables.get("rollup_months", 0) <= _CUSTOMER_ROWS
    assert tables.get("rollup_histograms", 0) <= _BUCKETS
    assert tables.get("rollup_customer_latencies", 0) <= _CUSTOMER_BUCKETS
    assert sum(tables.values()) > 0


def test_the_variables_list_all_their_values(ledger: Ledger) -> None:
    for board, expected in (("business", sorted(PIPELINES)), ("customer", None)):
        found = json.loads((GRAFANA / "generated" / f"{board}.json").read_text("utf-8"))
        (query,) = (one["query"] for one in found["templating"]["list"] if one["type"] == "query")
        rows = ledger.connection.execute(substituted(query, SINCE, UNTIL, {}).encode()).fetchall()
        selection = Selection(ledger.year, DAYS, MONTHS)
        assert [row[0] for row in rows] == (expected or sorted(selection.by("customer", selection.in_months)))


def test_alert_rules_run_as_the_same_user(ledger: Ledger) -> None:
    rules = json.loads((GRAFANA / "provisioning" / "alerting" / "rules.json").read_text("utf-8"))
    statements = [
        data["model"]["rawSql"]
        for group in rules["groups"]
        for rule in group["rules"]
        for data in rule["data"]
        if "rawSql" in data["model"]
    ]
    assert statements
    for statement in statements:
        ledger.connection.execute(statement.encode())
        assert not set(rows_read(ledger.connection, statement.encode())) & {"images", "renditions"}

"""Every panel that asks the ledger: run as Grafana runs it, as the user that it is, and counted without it.

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
from tests.support.ledger.year import FORMATS, MACHINES, PIPELINES, ROUTES, SOURCES, Year

GRAFANA = Path(__file__).parents[2] / "dashboards"
SINCE, UNTIL = datetime(2025, 3, 10, 12, 30, tzinfo=UTC), datetime(2025, 8, 20, 6, 0, tzinfo=UTC)
DAYS, MONTHS = (date(2025, 3, 10), date(2025, 8, 20)), (date(2025, 3, 1), date(2025, 8, 1))
#: Not the largest, so that a small year has images of it, and a large one can be judged in pairs.
CUSTOMER = "customer-007"
BOARDS = ("business", "customer", "image")
CHECKS = {"business": counts.BUSINESS, "customer": counts.CUSTOMER}
#: The most rows of sums that there can be for one of the closed lists in a year, and for all customers in the months.
_OF_A_LIST = 366 * len(ROUTES) * len(MACHINES) * (len(SOURCES) + len(FORMATS) + len(PIPELINES) + 20)
#: And where prices changed within a month, it is priced by its days.
_OF_THAT_MONTH = 500 * 31 * len(FORMATS) * len(ROUTES) * len(MACHINES)
_OF_CUSTOMERS = 500 * 6 * len(SOURCES) * len(ROUTES) * len(MACHINES)
_BUCKETS = 366 * len(ROUTES) * 3 * 111
_BUCKETS_OF_A_CUSTOMER = 12 * len(ROUTES) * 111


@dataclass(frozen=True)
class Panel:
    """A panel of a dashboard that asks the ledger."""

    board: str
    title: str
    sql: str
    refreshes: bool

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


def _panels(board: str) -> Iterator[Panel]:
    found = json.loads((GRAFANA / "generated" / f"{board}.json").read_text("utf-8"))
    for one in (panel for outer in found["panels"] for panel in (outer, *outer.get("panels", []))):
        for target in one.get("targets", []):
            if "rawSql" in target:
                yield Panel(board, one["title"], target["rawSql"], bool(found["refresh"]))


PANELS = [panel for board in BOARDS for panel in _panels(board)]
COUNTED = [panel for panel in PANELS if panel.board in CHECKS]


@dataclass(frozen=True)
class Ledger:
    """A year in a database, and a connection of who may look at it."""

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


def test_every_panel_has_its_count_and_every_count_its_panel() -> None:
    for board, checks in CHECKS.items():
        titles = [panel.title for panel in COUNTED if panel.board == board]
        assert len(set(titles)) == len(titles)
        assert set(titles) == set(checks)


@pytest.mark.parametrize("panel", COUNTED, ids=str)
def test_a_panel_says_what_was_generated(ledger: Ledger, panel: Panel) -> None:
    rows = ledger.connection.execute(ledger.statement(panel)).fetchall()
    selection = Selection(ledger.year, DAYS, MONTHS, CUSTOMER if panel.board == "customer" else "", (SINCE, UNTIL))
    CHECKS[panel.board][panel.title](rows, selection)


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.refreshes], ids=str)
def test_a_panel_that_refreshes_reads_sums_and_no_images(ledger: Ledger, panel: Panel) -> None:
    """However many images there are, there is a row for each day, or customer and month, and value of a closed list."""
    tables = touched(ledger.connection, ledger.statement(panel))
    assert not set(tables) & {"images", "renditions"}
    assert tables.get("rollup_days", 0) <= 2 * _OF_A_LIST + _OF_THAT_MONTH  # one of them asks for a share of all
    assert tables.get("rollup_months", 0) <= _OF_CUSTOMERS
    assert tables.get("rollup_histograms", 0) <= _BUCKETS
    assert tables.get("rollup_customer_latencies", 0) <= _BUCKETS_OF_A_CUSTOMER
    assert sum(tables.values()) > 0


def touched(connection: psycopg.Connection[Any], statement: bytes) -> dict[str, int]:
    """How many rows of each table PostgreSQL looked at, those that it then left out too."""
    found = connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement).fetchone()
    assert found
    tables: dict[str, int] = {}
    waiting = [found[0][0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if "Relation Name" in node:
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            rows += node.get("Rows Removed by Index Recheck", 0)
            name = node["Relation Name"]
            tables[name] = tables.get(name, 0) + round(rows * node["Actual Loops"])
    return tables


def test_the_list_of_variables_is_whole(ledger: Ledger) -> None:
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
        assert not set(touched(ledger.connection, statement.encode())) & {"images", "renditions"}

"""The example in docs/explanation/costs.md agrees with its formulas, with the price file and with the ledger."""

import ast
import operator
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from core.adapters.postgres.ledger import PostgresLedger
from core.domain.model import Billed, ImageFormat, Rendition, Result, Route
from core.routing import prices
from core.routing.batch_tiers import tier_by_name
from tests.support.values import result

DOCUMENT = (Path(__file__).parents[2] / "docs" / "explanation" / "costs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| `([\d./*+() -]+)` \| ([\d.]+) \|$", DOCUMENT, re.MULTILINE)
#: Indexes into ROWS; the totals are rows too.
FUNCTION, PHOTO_REQUESTS, PHOTO_STORAGE, PHOTO, MINUTE, SCAN_REQUESTS, SCAN_STORAGE, SCAN, SPOT, LONG, LONG_SPOT = (
    range(11)
)
PRICES = prices.load()
_OPERATORS: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(formula: str) -> float:
    """The value of an arithmetic formula."""

    def value(node: ast.AST) -> float:
        match node:
            case ast.Expression(body=body):
                return value(body)
            case ast.BinOp(left=left, op=op, right=right):
                return float(_OPERATORS[type(op)](value(left), value(right)))
            case ast.Constant(value=int() | float() as number):
                return float(number)
        raise AssertionError(ast.dump(node))

    return value(ast.parse(formula, mode="eval"))


def four_digits(value: float) -> str:
    return f"{value:.3e}"


def documented(row: int) -> str:
    return four_digits(float(ROWS[row][2]))


def image(route: Route, billed: Billed, source_bytes: int, renditions: int, rendition_bytes: int) -> Result:
    standard = result(route=route, billed=billed, committed_at=datetime(2026, 11, 25, tzinfo=UTC))
    files = tuple(
        Rendition(
            name=f"r{number}",
            format=ImageFormat.JPEG,
            width=1,
            height=1,
            bytes=rendition_bytes // renditions,
            sha256="00",
            key=f"processed/{number}",
            url=f"https://images.example/{number}",
        )
        for number in range(renditions)
    )
    return msgspec.structs.replace(
        standard, source=msgspec.structs.replace(standard.source, bytes=source_bytes), renditions=files
    )


def test_every_row_of_the_example_is_right() -> None:
    assert len(ROWS) == 11
    for name, formula, dollars in ROWS:
        assert four_digits(evaluate(formula)) == four_digits(float(dollars)), name
        assert len(dollars.lstrip("0.")) == 4, f"{name} has not four digits"


def test_the_price_file_agrees() -> None:
    tier = tier_by_name("2x8")
    assert tier is not None
    assert four_digits(PRICES.lambda_usd(1.25, 3008)) == documented(FUNCTION)
    assert four_digits(PRICES.requests_usd(8)) == documented(PHOTO_REQUESTS)
    assert four_digits(PRICES.storage_usd(7_100_000, 30)) == documented(PHOTO_STORAGE)
    assert four_digits(PRICES.batch_usd(41, tier)) == documented(MINUTE)
    assert four_digits(PRICES.batch_usd(41, tier, spot=True)) == documented(SPOT)
    assert four_digits(PRICES.batch_usd(210, tier)) == documented(LONG)
    assert four_digits(PRICES.batch_usd(210, tier, spot=True)) == documented(LONG_SPOT)
    assert four_digits(PRICES.requests_usd(1)) == documented(SCAN_REQUESTS)
    assert four_digits(PRICES.storage_usd(127_000_000, 30)) == documented(SCAN_STORAGE)
    assert (PRICES.region, PRICES.date) == ("us-east-1", "2026-11-24")


@pytest.mark.parametrize(
    ("route", "billed", "sizes", "rows"),
    [
        (
            Route.LAMBDA,
            Billed(seconds=1.25, memory_mb=3008, vcpus=1.7, machine="x86_64"),
            (4_200_000, 8, 2_900_000),
            (FUNCTION, PHOTO_REQUESTS, PHOTO_STORAGE, PHOTO),
        ),
        (
            Route.BATCH,
            Billed(seconds=60, memory_mb=8192, vcpus=2, machine="x86_64", tier="2x8"),
            (96_000_000, 1, 31_000_000),
            (MINUTE, SCAN_REQUESTS, SCAN_STORAGE, SCAN),
        ),
    ],
)
def test_the_ledger_agrees_on_both_routes(
    database_url: str, route: Route, billed: Billed, sizes: tuple[int, int, int], rows: tuple[int, ...]
) -> None:
    ledger = PostgresLedger(database_url)
    ledger.migrate(retention_days=30)
    recorded = image(route, billed, *sizes)
    ledger.record([recorded], [])
    ledger.close()
    with psycopg.connect(database_url) as connection:
        dollars = connection.execute(
            "SELECT compute, requests, storage, total FROM dollars WHERE image_id = %s", [recorded.image_id]
        ).fetchone()
        day = connection.execute(
            "SELECT sum(usd) FROM days_by_source WHERE day = '2026-11-25' AND route = %s", [route]
        ).fetchone()
    assert dollars is not None
    assert day is not None
    assert tuple(four_digits(float(value)) for value in dollars) == tuple(map(documented, rows))
    assert four_digits(float(day[0])) == documented(rows[-1])

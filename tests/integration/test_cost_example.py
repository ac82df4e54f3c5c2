"""The example of docs/explanation/costs.md, worked out as it says, and the same by the price file and by the ledger."""

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
#: In the order of the rows; the sums of a table are rows too.
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


def worked_out(formula: str) -> float:
    """Arithmetic, and nothing else."""

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


def digits(value: float) -> str:
    """Four of them."""
    return f"{value:.3e}"


def said(row: int) -> str:
    return digits(float(ROWS[row][2]))


def image(route: Route, billed: Billed, source: int, renditions: int, made: int) -> Result:
    standard = result(route=route, billed=billed, committed_at=datetime(2026, 11, 25, tzinfo=UTC))
    files = tuple(
        Rendition(
            name=f"r{number}",
            format=ImageFormat.JPEG,
            width=1,
            height=1,
            bytes=made // renditions,
            sha256="00",
            key=f"processed/{number}",
            url=f"https://images.example/{number}",
        )
        for number in range(renditions)
    )
    return msgspec.structs.replace(
        standard, source=msgspec.structs.replace(standard.source, bytes=source), renditions=files
    )


def test_every_row_of_the_example_is_right() -> None:
    assert len(ROWS) == 11
    for what, formula, dollars in ROWS:
        assert digits(worked_out(formula)) == digits(float(dollars)), what
        assert len(dollars.lstrip("0.")) == 4, f"{what} has not four digits"


def test_the_price_file_comes_to_the_same() -> None:
    tier = tier_by_name("2x8")
    assert tier is not None
    assert digits(PRICES.lambda_usd(1.25, 3008)) == said(FUNCTION)
    assert digits(PRICES.requests_usd(8)) == said(PHOTO_REQUESTS)
    assert digits(PRICES.storage_usd(7_100_000, 30)) == said(PHOTO_STORAGE)
    assert digits(PRICES.batch_usd(41, tier)) == said(MINUTE)
    assert digits(PRICES.batch_usd(41, tier, spot=True)) == said(SPOT)
    assert digits(PRICES.batch_usd(210, tier)) == said(LONG)
    assert digits(PRICES.batch_usd(210, tier, spot=True)) == said(LONG_SPOT)
    assert digits(PRICES.requests_usd(1)) == said(SCAN_REQUESTS)
    assert digits(PRICES.storage_usd(127_000_000, 30)) == said(SCAN_STORAGE)
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
def test_the_ledger_comes_to_the_same_on_both_routes(
    database_url: str, route: Route, billed: Billed, sizes: tuple[int, int, int], rows: tuple[int, ...]
) -> None:
    ledger = PostgresLedger(database_url)
    ledger.migrate(retention_days=30)
    one = image(route, billed, *sizes)
    ledger.record([one], [])
    ledger.close()
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT compute, requests, storage, total FROM dollars WHERE image_id = %s", [one.image_id]
        ).fetchone()
        summed = connection.execute(
            "SELECT sum(usd) FROM days_by_source WHERE day = '2026-11-25' AND route = %s", [route]
        ).fetchone()
    assert found is not None
    assert summed is not None
    assert tuple(digits(float(value)) for value in found) == tuple(map(said, rows))
    assert digits(float(summed[0])) == said(rows[-1])

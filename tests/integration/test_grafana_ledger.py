"""Queries of dashboards and alert rules on a ledger with few images or none."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from core.adapters.postgres.ledger import PostgresLedger
from core.domain.model import Billed, Estimate, Result, Usage
from tests.support.grafana.sql import substituted
from tests.support.values import result

GRAFANA = Path(__file__).parents[2] / "dashboards"
PANELS = [
    pytest.param(target["rawSql"], id=f"{board}: {panel['title']}")
    for board in ("business", "customer", "image")
    for outer in json.loads((GRAFANA / "generated" / f"{board}.json").read_text("utf-8"))["panels"]
    for panel in (outer, *outer.get("panels", []))
    for target in panel.get("targets", [])
    if "rawSql" in target
]
RULES = {
    rule["title"]: (rule["data"][0]["model"]["rawSql"], rule["data"][-1]["model"]["conditions"][0]["evaluator"])
    for group in json.loads((GRAFANA / "provisioning" / "alerting" / "rules.json").read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if "rawSql" in rule["data"][0]["model"]
}
NOW = datetime.now(UTC)
YESTERDAY, BEFORE = NOW - timedelta(days=1), NOW - timedelta(days=8)


@pytest.fixture
def ask(database_url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Run a statement as Grafana's database user."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE picture_perfect_analyst")
        yield lambda text: connection.execute(text.encode()).fetchall()


@pytest.fixture(scope="module")
def empty(tables: Callable[[], str]) -> str:
    return tables()


@pytest.mark.parametrize("text", PANELS)
def test_an_empty_ledger_has_empty_panels_and_none_that_fails(empty: str, text: str) -> None:
    """Grafana replaces a multi-value variable without values by an empty text."""
    with psycopg.connect(empty) as connection:
        connection.execute("SET ROLE picture_perfect_analyst")
        variables: dict[str, Any] = {"customer": "", "image": "", "pipeline": []}
        rows = connection.execute(substituted(text, BEFORE, NOW, variables).encode()).fetchall()
    assert all(not any(row) for row in rows)


def record(url: str, count: int, when: datetime, **changes: Any) -> None:
    ledger = PostgresLedger(url)
    ledger.record([_image(number, when, changes) for number in range(count)], [])
    ledger.close()


def _image(number: int, when: datetime, changes: Any) -> Result:
    identity = f"{round(when.timestamp()) % 10**8:08d}-6f7e-5f0a-9c57-{number:012d}"
    plain = result(image_id=identity, received_at=when - timedelta(seconds=2), committed_at=when)
    return msgspec.structs.replace(plain, **changes)


def fires(title: str, ask: Callable[[str], list[tuple[Any, ...]]]) -> bool:
    text, evaluator = RULES[title]
    (above,) = evaluator["params"]
    return any(row[-1] is not None and float(row[-1]) > above for row in ask(text))


@pytest.mark.parametrize(("images", "has_fired"), [(3, False), (120, True)])
def test_a_day_of_a_few_dear_images_is_no_alarm(
    database_url: str, ask: Callable[[str], list[tuple[Any, ...]]], images: int, has_fired: bool
) -> None:
    cheap = Billed(seconds=1, memory_mb=3008, vcpus=1.7, machine="x86_64", tier="")
    record(database_url, 120, BEFORE, billed=cheap)
    record(database_url, images, YESTERDAY, billed=msgspec.structs.replace(cheap, seconds=600.0))
    assert fires("Images cost more", ask) is has_fired


def test_an_image_beyond_both_its_estimates_is_one(
    database_url: str, ask: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    estimate = Estimate(cpu_seconds=1, cpu_seconds_upper=2, parallel=0, peak_bytes=1000, peak_bytes_upper=2000)
    record(database_url, 9, YESTERDAY, estimate=estimate, usage=Usage(seconds=1, cpu_seconds=9, peak_bytes=1 << 30))
    ((share,),) = ask(RULES["Estimates are exceeded"][0])
    assert float(share) == 1.0
    assert fires("Estimates are exceeded", ask)

"""The panels of *One image* on a real ledger."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.adapters.postgres.ledger import PostgresLedger
from core.domain.errors import Code
from core.domain.model import Billed, Estimate, ImageFormat, Route, Status, Tombstone, Usage
from tests.support.grafana.sql import substituted
from tests.support.values import rendition, result

BOARD = json.loads((Path(__file__).parents[2] / "dashboards" / "generated" / "image.json").read_text("utf-8"))
SHOWN, LIKE_IT, BROKEN, ERASED = (f"{number:08d}-6f7e-5f0a-9c57-0d2f6f1d8f3b" for number in range(4))
NOW = datetime.now(UTC).replace(microsecond=0)
Ask = Callable[[str, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask(postgres: Callable[[], str]) -> Iterator[Ask]:
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate()
    common = {
        "received_at": NOW - timedelta(seconds=90),
        "committed_at": NOW - timedelta(seconds=30),
        "route": Route.BATCH,
        "usage": Usage(seconds=12, cpu_seconds=20, peak_bytes=600),
        "estimate": Estimate(cpu_seconds=16, cpu_seconds_upper=40, parallel=0, peak_bytes=400, peak_bytes_upper=500),
        "billed": Billed(seconds=75, memory_mb=2048, vcpus=1, machine="x86_64", tier="1x2"),
    }
    shown = result(
        image_id=SHOWN,
        renditions=(rendition(SHOWN), rendition(SHOWN, "large", ImageFormat.WEBP)),
        measurements={"perceptual-hash": "ffff0000ffff0000"},
        **common,
    )
    like_it = result(image_id=LIKE_IT, measurements={"perceptual-hash": "ffff0000ffff0003"}, **common)
    broken = result(image_id=BROKEN, status=Status.FAILED, code=Code.CORRUPT_IMAGE, renditions=(), **common)
    erased = result(image_id=ERASED, **common)
    ledger.record([shown, like_it, broken, erased], [Tombstone(image_id=ERASED, customer="acme", requested_at=NOW)])
    ledger.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET ROLE picture_perfect_analyst")

        def answer(title: str, image: str) -> list[tuple[Any, ...]]:
            (panel,) = (one for one in BOARD["panels"] if one["title"] == title)
            statement = substituted(panel["targets"][0]["rawSql"], NOW, NOW, {"image": image})
            return connection.execute(statement.encode()).fetchall()

        yield answer


@pytest.mark.parametrize(
    ("typed", "looked_for"),
    [
        (SHOWN, SHOWN),
        (f"  {SHOWN.upper()}\t", SHOWN),
        ("", "no-image-id"),
        ("' | fields @message", "no-image-id"),
    ],
)
def test_logs_are_searched_for_an_id_and_for_nothing_else(postgres: Any, typed: str, looked_for: str) -> None:
    (variable,) = (one for one in BOARD["templating"]["list"] if one["type"] == "query" and one["name"] == "id")
    with psycopg.connect(postgres()) as connection:
        statement = substituted(variable["query"], NOW, NOW, {"image": typed})
        assert connection.execute(statement.encode()).fetchall() == [(looked_for,)]
    (logs,) = (one for row in BOARD["panels"] for one in row.get("panels", []) if one["type"] == "logs")
    assert "@message like '${id:percentencode}'" in logs["targets"][0]["expression"]


def test_the_events_of_an_image_are_listed_in_order(ask: Ask) -> None:
    assert ask("Events", SHOWN) == [
        (NOW - timedelta(seconds=90), "received by the door upload for acme"),
        (NOW - timedelta(seconds=30), "committed processed, run 0, on the route batch 1x2"),
    ]
    assert ask("Events", BROKEN)[1][1] == "committed failed: corrupt_image, run 0, on the route batch 1x2"
    assert ask("Events", ERASED)[2] == (NOW, "asked to be erased")


def test_the_figures_of_an_image_are_its_own(ask: Ask) -> None:
    assert [float(ask(title, SHOWN)[0][0]) for title in ("Wait", "Processing time", "Bytes saved")] == [60, 12, 2]
    assert float(ask("Time by upper estimate", SHOWN)[0][0]) == 0.5
    assert float(ask("Memory by upper estimate", SHOWN)[0][0]) == 1.2


def test_the_cost_of_an_image_is_the_sum_of_its_kinds(ask: Ask) -> None:
    parts = {name: float(dollars) for name, dollars in ask("Cost by kind", SHOWN)}
    assert list(parts) == ["compute", "requests", "storage", "total"]
    assert parts.pop("total") == pytest.approx(sum(parts.values()))
    assert float(ask("Cost", SHOWN)[0][0]) == pytest.approx(sum(parts.values()))
    assert parts["compute"] == pytest.approx(75 / 3600 * (0.04048 + 2 * 0.004445), rel=1e-4)
    assert parts["requests"] == pytest.approx(4 * 0.000005 + 3 * 0.0000004, rel=1e-4)


def test_renditions_have_links_until_the_image_is_erased(ask: Ask) -> None:
    found = ask("Renditions", SHOWN)
    assert [(row[0], row[1]) for row in found] == [("large", "webp"), ("small", "jpeg")]
    assert all(row[6].startswith("https://images.example/") for row in found)
    assert ask("Renditions", ERASED) == ask("Renditions", BROKEN) == []


def test_similar_images_are_listed(ask: Ask) -> None:
    assert [row[:2] for row in ask("Similar images", SHOWN)] == [(LIKE_IT, 2)]


def test_the_metrics_of_an_image_are_those_that_were_emitted(ask: Ask) -> None:
    from core.ports.metric_catalogue import METRICS_BY_NAME, values_of_result

    found = {name: (value, unit) for name, value, unit in ask("Metrics", SHOWN)}
    emitted = values_of_result(result(renditions=(rendition(SHOWN), rendition(SHOWN, "large"))))
    assert set(found) == {*emitted, "CpuTimeRatio", "PeakMemoryRatio"}
    assert {name: unit for name, (_, unit) in found.items()} == {name: METRICS_BY_NAME[name].unit for name in found}
    assert (found["Latency"][0], found["CpuTimeRatio"][0], found["BytesOut"][0]) == (60, 0.5, 10)
    assert ask("Properties", SHOWN)[0][:4] == ("acme", "web", "jpeg", 4)


@pytest.mark.parametrize("typed", ["", "no id", "'; DROP TABLE images; --", "0000"])
def test_an_invalid_image_id_finds_nothing_in_any_panel(ask: Ask, typed: str) -> None:
    for panel in BOARD["panels"]:
        if panel["type"] != "row" and "rawSql" in panel["targets"][0]:
            assert ask(panel["title"], typed) == []


def test_an_id_may_be_copied_with_blanks_around_it(ask: Ask) -> None:
    assert ask("Processing time", f"  {SHOWN.upper()} ") == ask("Processing time", SHOWN)

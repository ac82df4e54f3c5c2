"""The views: metrics equal CloudWatch's, dollars equal core.routing.prices', URLs expire."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from core.adapters.postgres.ledger import PostgresLedger
from core.adapters.postgres.ledger_rows import image_row, price_rows, rendition_rows, storable_json
from core.domain.errors import Code
from core.domain.model import Billed, Estimate, ImageHeader, Result, Route, Status, Usage
from core.ports.metric_catalogue import METRICS_BY_NAME, values_of_result
from core.routing import prices
from core.routing.batch_tiers import TIERS
from tests.support.values import NOW, rendition, result
from tools.docs import ledger as ledger_document

PRICES = prices.load()
RETENTION = 30
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def database(postgres: Callable[[], str]) -> str:
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate(RETENTION)
    ledger.close()
    return url


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection whose changes are rolled back after the test."""
    with psycopg.connect(database, row_factory=dict_row) as connected:
        connected.execute("DELETE FROM renditions")
        connected.execute("DELETE FROM images")
        yield connected
        connected.rollback()


def _record(connection: psycopg.Connection[Any], *results: Result) -> None:
    rows = [
        storable_json([image_row(item) for item in results]),
        storable_json([row for item in results for row in rendition_rows(item)]),
    ]
    connection.execute("SELECT record(%s::json, %s::json, '[]')", rows)


def _rows(connection: psycopg.Connection[Any], query: str, *parameters: object) -> list[dict[str, Any]]:
    return connection.execute(query.encode(), parameters).fetchall()


def _estimate(seconds: float) -> Estimate:
    return Estimate(
        cpu_seconds=seconds, cpu_seconds_upper=2 * seconds, parallel=0, peak_bytes=1 << 28, peak_bytes_upper=1 << 29
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"estimate": _estimate(0.5), "usage": Usage(seconds=0.3, cpu_seconds=0.4, peak_bytes=123_456)},
        {"status": Status.FAILED, "code": Code.TIMED_OUT, "renditions": (), "estimate": _estimate(0.5), "header": None},
        {"received_at": NOW + DAY},
        {"received_at": NOW - timedelta(seconds=1.25), "route": Route.BATCH},
    ],
)
def test_the_metrics_of_an_image_equal_those_in_cloudwatch(
    connection: psycopg.Connection[Any], changes: dict[str, Any]
) -> None:
    """Names, values, units and dimensions."""
    item = result(**changes)
    _record(connection, item)
    rows = _rows(connection, "SELECT * FROM metrics")
    assert {row["name"]: row["value"] for row in rows} == pytest.approx(values_of_result(item))
    assert {row["name"]: row["unit"] for row in rows} == {
        name: METRICS_BY_NAME[name].unit for name in values_of_result(item)
    }
    (dimensions,) = {
        (row["source"], row["route"], row["status"], row["format"], row["customer"], row["time"]) for row in rows
    }
    kind = item.header.format if item.header else "other"
    assert dimensions == (item.door, item.route, item.status, kind, item.customer, item.committed_at)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("seconds", [0.02, 851.25])
@pytest.mark.parametrize("place", ["lambda", TIERS[0], TIERS[-1]])
def test_an_image_costs_what_the_price_file_says(
    connection: psycopg.Connection[Any], place: Any, seconds: float, machine: str
) -> None:
    """On both routes, to more than four digits. Batch bills at least a minute."""
    image_id = str(uuid4())
    made = tuple(rendition(image_id, name) for name in ("small", "large"))
    if place == "lambda":
        billed = Billed(seconds=seconds, memory_mb=3008, vcpus=1.7, machine=machine)
        expected = PRICES.lambda_usd(seconds, 3008, machine)
    else:
        billed = Billed(
            seconds=max(60.0, seconds), memory_mb=place.memory_mb, vcpus=place.vcpus, machine=machine, tier=place.name
        )
        expected = PRICES.batch_usd(seconds, place, machine)
    route = Route.LAMBDA if place == "lambda" else Route.BATCH
    _record(connection, result(image_id=image_id, route=route, billed=billed, renditions=made))
    (cost,) = _rows(connection, "SELECT * FROM dollars")
    assert float(cost["compute"]) == pytest.approx(expected, rel=5e-5)
    assert float(cost["requests"]) == pytest.approx(PRICES.requests_usd(2), rel=1e-9)
    assert float(cost["storage"]) == pytest.approx(PRICES.storage_usd(7 + 10, RETENTION), rel=1e-9)
    assert float(cost["total"]) == pytest.approx(float(cost["compute"] + cost["requests"] + cost["storage"]), rel=1e-12)
    for sums in (
        "days_by_source",
        "days_by_format",
        "days_by_code",
        "days_by_pipeline",
        "customer_days",
        "customer_months",
    ):
        (row,) = _rows(connection, f"SELECT * FROM {sums}")
        assert float(row["usd"]) == pytest.approx(float(cost["total"]), rel=1e-12), sums


def test_an_image_without_a_billed_machine_costs_requests_and_storage(
    connection: psycopg.Connection[Any],
) -> None:
    _record(connection, result(route=Route.BATCH, billed=None))
    (cost,) = _rows(connection, "SELECT * FROM dollars")
    assert cost["compute"] == 0
    assert float(cost["total"]) == pytest.approx(float(cost["requests"] + cost["storage"]))
    assert cost["requests"] > 0


def test_each_day_keeps_its_prices_when_later_ones_change(connection: psycopg.Connection[Any]) -> None:
    """Prices change within a month: earlier days keep theirs, and the month is the sum of its days."""
    changed = NOW.replace(month=12, day=11)
    days = [NOW - 300 * DAY, changed - timedelta(hours=13), changed - timedelta(hours=12), changed + 30 * DAY]
    billed = Billed(seconds=10, memory_mb=2048, vcpus=1.2, machine="x86_64")
    _record(connection, *(result(committed_at=day, received_at=day, billed=billed) for day in days))
    before = _rows(connection, "SELECT time, total FROM dollars ORDER BY time")
    dearer = msgspec.structs.replace(
        PRICES,
        date=changed.date().isoformat(),
        functions={
            name: msgspec.structs.replace(price, gb_second=3 * price.gb_second)
            for name, price in PRICES.functions.items()
        },
    )
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO prices VALUES (%s, %s, %s, %s, %s, %s)", price_rows([dearer]))
    after = _rows(connection, "SELECT time, total FROM dollars ORDER BY time")
    assert [row["total"] for row in after][:2] == [row["total"] for row in before][:2]
    assert [float(a["total"] - b["total"]) for a, b in zip(after, before, strict=True)][2:] == pytest.approx(
        [2 * 20 * 0.0000166667] * 2
    )
    months = _rows(connection, "SELECT month, usd FROM customer_months ORDER BY month")
    assert [row["month"] for row in months] == [date(2026, 1, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert [row["usd"] for row in months] == pytest.approx(
        [after[0]["total"], after[1]["total"] + after[2]["total"], after[3]["total"]], abs=Decimal("1e-15")
    )


def test_a_changed_retention_applies_to_later_days_only(postgres: Callable[[], str]) -> None:
    """Setting it twice writes it once. URLs expire by the latest retention, as objects in S3 do."""
    url, today = postgres(), datetime.now(UTC)
    ledger = PostgresLedger(url)
    for days in (None, 7, 30):  # without images there is no history to keep
        ledger.migrate(days)
    early, now = (result(committed_at=day, received_at=day) for day in (today - 400 * DAY, today))
    ledger.record([early, now], [])

    def storage() -> list[float]:
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return [float(row["storage"]) for row in _rows(connection, "SELECT storage FROM dollars ORDER BY time")]

    first = storage()
    assert first == pytest.approx([PRICES.storage_usd(12, 30)] * 2)
    for days, kept in ((365, 365), (365, 365), (None, 365 / 12), (60, 60)):
        ledger.migrate(days)
        assert storage() == pytest.approx([first[0], PRICES.storage_usd(12, kept)])
    ledger.close()
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = _rows(connection, "SELECT valid_from, days FROM retention ORDER BY valid_from")
        assert rows == [{"valid_from": date(1, 1, 1), "days": 30}, {"valid_from": today.date(), "days": 60}]
        expiries = _rows(connection, "SELECT (expires_at - committed_at)::text AS kept FROM image_facts")
        assert {row["kept"].partition(" ")[0] for row in expiries} == {"60"}
        (sums,) = _rows(connection, "SELECT sum(storage_usd) AS usd FROM days_by_source")
        (months,) = _rows(connection, "SELECT sum(storage_usd) AS usd FROM customer_months")
    assert float(sums["usd"]) == pytest.approx(sum(storage()))
    assert float(months["usd"]) == pytest.approx(sum(storage()))


def test_a_migration_writes_the_price_file(connection: psycopg.Connection[Any]) -> None:
    """Exactly, to the last digit; earlier prices stay."""
    rows = _rows(
        connection, "SELECT * FROM prices WHERE service = 'lambda' AND item = 'gb_second' AND machine = 'x86_64'"
    )
    assert [(row["valid_from"].isoformat(), row["usd"]) for row in rows] == [(PRICES.date, Decimal("0.0000166667"))]
    older = msgspec.structs.replace(PRICES, date="2026-01-01")
    now = msgspec.structs.replace(PRICES, before=(older,))
    assert len(price_rows((*now.before, now))) == 2 * len(price_rows([PRICES]))


@pytest.mark.parametrize("knowing", [(0, 1), (0,), (1,), ()])
def test_an_architecture_missing_from_a_price_file_has_a_price_anyway(
    connection: psycopg.Connection[Any], knowing: tuple[int, ...]
) -> None:
    """Its previous price, else its first later price, else that of x86_64."""
    files = [_priced(number, 10.0 ** -(4 + number), aarch64=number in knowing) for number in (0, 1)]
    connection.execute("DELETE FROM prices")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO prices VALUES (%s, %s, %s, %s, %s, %s)", price_rows(files))
    billed = Billed(seconds=1, memory_mb=1024, vcpus=1, machine="aarch64")
    days = [datetime(2026, month, 15, tzinfo=UTC) for month in (1, 2)]
    _record(connection, *(result(committed_at=day, billed=billed, route=route) for day in days for route in Route))
    each = _rows(connection, "SELECT * FROM dollars WHERE route = 'lambda' ORDER BY time")
    expected = {(0, 1): (0.8, 0.08), (0,): (0.8, 0.8), (1,): (0.08, 0.08), (): (1.0, 0.1)}[knowing]
    assert [float(row["compute"]) * 1e4 for row in each] == pytest.approx(expected)
    (sums,) = _rows(connection, "SELECT sum(usd) AS usd, sum((usd IS NULL)::int) AS none FROM days_by_source")
    (alone,) = _rows(connection, "SELECT sum(total) AS usd FROM dollars")
    assert (sums["none"], sums["usd"]) == (0, pytest.approx(alone["usd"]))


def _priced(number: int, usd: float, aarch64: bool) -> prices.Prices:
    functions = {"x86_64": prices.LambdaPrice(gb_second=usd, request=0)}
    functions |= {"aarch64": prices.LambdaPrice(gb_second=0.8 * usd, request=0)} if aarch64 else {}
    fargate = {machine: prices.FargatePrice(vcpu_hour=usd, gb_hour=usd) for machine in functions}
    date_ = f"2026-0{1 + number}-01"
    return msgspec.structs.replace(PRICES, date=date_, functions=functions, fargate=fargate)


@pytest.mark.parametrize(
    ("made", "gone"),
    [
        (datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 3, 2, 0, 0, 1, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)),
    ],
)
def test_objects_expire_at_the_midnight_after_their_last_day(
    connection: psycopg.Connection[Any], made: datetime, gone: datetime
) -> None:
    connection.execute("SET LOCAL timezone = 'Pacific/Auckland'")
    _record(connection, result(committed_at=made))
    assert _rows(connection, "SELECT expires_at FROM image_facts") == [{"expires_at": gone}]


def test_a_url_vanishes_when_its_object_expires(connection: psycopg.Connection[Any]) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    alive, gone = (midnight - RETENTION * DAY + timedelta(seconds=1), midnight - RETENTION * DAY - timedelta(seconds=1))
    items = [result(committed_at=at, received_at=at) for at in (now, alive, gone)]
    _record(connection, *items)
    found = {str(row["image_id"]) for row in _rows(connection, "SELECT image_id FROM urls WHERE url LIKE 'https://%%'")}
    assert found == {items[0].image_id, items[1].image_id}
    connection.execute("UPDATE retention SET days = NULL")
    assert len(_rows(connection, "SELECT * FROM urls")) == 3
    assert len(_rows(connection, "SELECT * FROM image_facts WHERE expires_at IS NULL")) == 3


def test_near_duplicates_are_found_within_a_customer(connection: psycopg.Connection[Any]) -> None:
    looks = {"a": "ffff0000ffff0000", "b": "ffff0000ffff0007", "c": "0000ffff0000ffff"}
    items = {
        (customer, name): result(customer=customer, measurements={"perceptual-hash": bits})
        for customer in ("acme", "globex")
        for name, bits in looks.items()
    }
    odd = result(customer="acme", measurements={"perceptual-hash": "no hash", "sharpness": "none"})
    _record(connection, *items.values(), odd)
    found = _rows(connection, "SELECT image_id, other_id, distance FROM near_duplicates WHERE customer = 'acme'")
    pair = (items["acme", "a"].image_id, items["acme", "b"].image_id)
    assert {(str(row["image_id"]), str(row["other_id"]), row["distance"]) for row in found} == {
        (*pair, 3),
        (*reversed(pair), 3),
    }


def test_blurred_images_are_far_below_the_usual_sharpness(connection: psycopg.Connection[Any]) -> None:
    sharp = [result(measurements={"sharpness": 200.0 + number}) for number in range(5)]
    blurred, other = result(measurements={"sharpness": 12.5}), result(pipeline="art", measurements={"sharpness": 12.5})
    _record(connection, *sharp, blurred, other, result(measurements={}))
    (found,) = _rows(connection, "SELECT * FROM blurry_uploads")
    assert (str(found["image_id"]), found["sharpness"], found["usual"]) == (blurred.image_id, 12.5, 201.5)


def test_an_unknown_pipeline_is_counted_as_other(connection: psycopg.Connection[Any]) -> None:
    """In sums and views: misspelt names make no rows. Failures of an existing pipeline keep its name."""
    for number in range(3):
        _record(connection, _failed(Code.UNKNOWN_PIPELINE, f"typo{number}"), _failed(Code.TIMED_OUT, "=cmd|'calc'!A1"))
    _record(connection, _failed(Code.TIMED_OUT, "web"))
    counted = {"other": 6, "web": 1}
    for view in ("days_by_pipeline", "customer_months_by_pipeline", "image_days"):
        rows = _rows(connection, f"SELECT pipeline, sum(images) AS images FROM {view} GROUP BY 1")
        assert {row["pipeline"]: row["images"] for row in rows} == counted, view
    for view in ("image_facts", "dollars", "metrics"):
        assert {row["pipeline"] for row in _rows(connection, f"SELECT pipeline FROM {view}")} == set(counted), view
    assert len(_rows(connection, "SELECT * FROM rollup_days WHERE dimension = 'pipeline'")) == 2


def _failed(code: Code, pipeline: str) -> Result:
    return result(pipeline=pipeline, status=Status.FAILED, code=code, renditions=())


def test_estimates_are_compared_with_the_usage(connection: psycopg.Connection[Any]) -> None:
    usages = [Usage(cpu_seconds=0.4, peak_bytes=1 << 27), Usage(cpu_seconds=1.2, peak_bytes=3 << 28)]
    items = [result(estimate=_estimate(0.5), usage=usage) for usage in usages]
    failed = result(estimate=_estimate(9), status=Status.FAILED, code=Code.TIMED_OUT)
    _record(connection, *items, failed, result(estimate=None))
    (row,) = _rows(connection, "SELECT * FROM estimate_days")
    assert (row["images"], row["beyond_time"], row["beyond_memory"]) == (2, 1, 1)
    assert (row["estimated_cpu_seconds"], row["cpu_seconds"]) == (1, Decimal("1.6"))
    assert float(row["cpu_ratio"]) == pytest.approx(1.6)
    assert float(row["peak_ratio"]) == pytest.approx(3.5 / 2)


def test_percentiles_from_buckets_are_near_the_exact_ones(connection: psycopg.Connection[Any]) -> None:
    waits = [0.05 * 1.03**number for number in range(300)]
    _record(connection, *(result(received_at=NOW - timedelta(seconds=wait)) for wait in waits))
    (row,) = _rows(connection, "SELECT * FROM latency_days")
    (true,) = _rows(connection, "SELECT latency_p50, latency_p95, latency_p99 FROM image_days")
    assert row["images"] == 300
    for name in ("p50", "p95", "p99"):
        assert row[name] == pytest.approx(true[f"latency_{name}"], rel=0.13)
    (month,) = _rows(connection, "SELECT * FROM customer_latency_months")
    assert month["p95"] == row["p95"]


def test_bytes_saved_are_the_source_less_the_largest_rendition(connection: psycopg.Connection[Any]) -> None:
    image_id = str(uuid4())
    sizes = [msgspec.structs.replace(rendition(image_id, str(size)), bytes=size) for size in (3, 5, 4)]
    _record(
        connection,
        result(
            image_id=image_id,
            renditions=tuple(sizes),
            header=ImageHeader(format="gif", width=2, height=3, channels=3, depth=8, frames=5),
        ),
        result(status=Status.FAILED, code=Code.CORRUPT_IMAGE, renditions=()),
    )
    (row,) = _rows(connection, "SELECT * FROM customer_days WHERE format = 'gif'")
    assert (row["bytes_in"], row["bytes_out"], row["bytes_saved"], row["outputs"]) == (7, 12, 2, 3)
    assert row["megapixels"] == Decimal("0.00003")
    codes = {(row["status"], row["code"]): row["images"] for row in _rows(connection, "SELECT * FROM days_by_code")}
    assert codes == {("processed", None): 1, ("failed", "corrupt_image"): 1}
    assert len(_rows(connection, "SELECT * FROM customer_months_by_code")) == 2


def test_every_table_view_and_column_is_commented(database: str) -> None:
    with psycopg.connect(database) as connection:
        shown = ledger_document.markdown(connection)
        functions = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
            "AND obj_description(oid, 'pg_proc') IS NULL"
        ).fetchall()
    assert "None |" not in shown
    assert "\nNone." not in shown
    assert functions == []

"""The sums of days and months always equal a recount of the images, and the sender's own count."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from core.adapters.postgres.ledger import PostgresLedger
from core.adapters.postgres.ledger_rows import image_row, rendition_rows, storable_json
from core.domain.errors import Code
from core.domain.model import Billed, Door, Estimate, ImageHeader, Result, Route, Status, Tombstone, Usage
from tests.support.values import NOW, rendition, result
from tests.support.waiting import until

SUMS = ("rollup_days", "rollup_months", "rollup_histograms", "rollup_customer_latencies")
_IDS = [f"{number}1111111-1111-5111-8111-111111111111" for number in range(4)]


def _run(image: int, run: int, draw: random.Random) -> Result:
    """One run of one of four images. Runs of an image differ in every field that may differ."""
    failed, batch = draw.random() < 0.3, draw.random() < 0.3
    renditions = () if failed else tuple(rendition(_IDS[image], name) for name in ("a", "b", "c")[: draw.randint(1, 3)])
    at = datetime(2026, 1, 31, 23, 59, tzinfo=UTC) + timedelta(minutes=draw.choice((0, 1, 2, 50_000)))
    return result(
        image_id=_IDS[image],
        run=run,
        customer=("acme", "globex")[image % 2],
        door=(Door.UPLOAD, Door.KAFKA)[image // 2],
        route=Route.BATCH if batch else Route.LAMBDA,
        status=Status.FAILED if failed else Status.PROCESSED,
        code=draw.choice((Code.TIMED_OUT, Code.CORRUPT_IMAGE)) if failed else None,
        header=draw.choice(
            (None, ImageHeader(format="png", width=1000, height=draw.randint(1, 9), channels=3, depth=8))
        ),
        renditions=renditions,
        usage=Usage(seconds=draw.random(), cpu_seconds=draw.random(), peak_bytes=draw.randrange(1 << 30)),
        estimate=Estimate(
            cpu_seconds=0.5, cpu_seconds_upper=0.6, parallel=0, peak_bytes=1 << 28, peak_bytes_upper=1 << 29
        )
        if draw.random() < 0.7
        else None,
        billed=Billed(
            seconds=draw.random(), memory_mb=3008, vcpus=1.7, machine=draw.choice(("x86_64", "aarch64", "riscv64"))
        )
        if draw.random() < 0.8
        else None,
        received_at=at - timedelta(seconds=draw.choice((-1, 0, 3, 100))),
        committed_at=at,
    )


def _facts(seed: int) -> list[Result | Tombstone]:
    draw = random.Random(seed)
    runs = [_run(image, run, draw) for image in range(4) for run in range(draw.randint(1, 3))]
    asked = [
        Tombstone(image_id=_IDS[image], customer=customer, requested_at=NOW)
        for image, customer in ((0, "acme"), (1, "acme"), (3, "globex"))
        if draw.random() < 0.5
    ]
    return [*runs, *asked]


def _record(ledger: PostgresLedger, facts: Sequence[Result | Tombstone]) -> None:
    ledger.record(
        [fact for fact in facts if isinstance(fact, Result)], [fact for fact in facts if isinstance(fact, Tombstone)]
    )


def _tables(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY {table}".encode()).fetchall() for table in SUMS}


def _empty(connection: psycopg.Connection[Any]) -> None:
    for table in ("renditions", "images", "tombstones", *SUMS):
        connection.execute(f"DELETE FROM {table}".encode())
    connection.commit()


@pytest.fixture(scope="module")
def shared(postgres: Callable[[], str]) -> Iterator[tuple[PostgresLedger, psycopg.Connection[Any]]]:
    """One database for all examples; each empties it first."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate()
    with psycopg.connect(url) as connection:
        yield ledger, connection
    ledger.close()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.randoms(use_true_random=False), st.integers(1, 6))
def test_the_sums_equal_a_recount_and_the_senders_count_in_any_order(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]], seed: int, order: random.Random, size: int
) -> None:
    """Deliveries are repeated, shuffled and split into batches of any size, with erasures among them."""
    ledger, connection = shared
    _empty(connection)
    facts = _facts(seed)
    deliveries = facts + order.sample(facts, len(facts) // 2)
    order.shuffle(deliveries)
    for start in range(0, len(deliveries), size):
        _record(ledger, deliveries[start : start + size])
    recorded = _tables(connection)
    assert _senders_count(facts) == _ledgers_count(recorded["rollup_days"], connection)
    connection.execute("SELECT roll_up_anew()")
    assert _tables(connection) == recorded
    connection.rollback()


def _senders_count(facts: Sequence[Result | Tombstone]) -> Counter[tuple[str, ...]]:
    """Images, failures, bytes out and CPU microseconds of the highest runs; erasures change nothing."""
    highest: dict[str, Result] = {}
    for fact in facts:
        if isinstance(fact, Result) and (fact.image_id not in highest or fact.run > highest[fact.image_id].run):
            highest[fact.image_id] = fact
    counted: Counter[tuple[str, ...]] = Counter()
    for image in highest.values():
        day, kind = image.committed_at.date().isoformat(), image.header.format if image.header else "other"
        values = {
            "source": image.door.value, "format": kind, "code": image.code.value if image.code else "",
            "pipeline": image.pipeline, "customer": kind,
        }  # fmt: skip
        for dimension, value in values.items():
            customer = image.customer if dimension == "customer" else ""
            key = (dimension, customer, day, value, image.route.value)
            counted[*key, "images"] += 1
            counted[*key, "failed"] += image.status is Status.FAILED
            counted[*key, "bytes_out"] += sum(made.bytes for made in image.renditions)
            counted[*key, "cpu_us"] += round(image.usage.cpu_seconds * 1e6)
    return +counted


def _ledgers_count(rows: Sequence[Any], connection: psycopg.Connection[Any]) -> Counter[tuple[str, ...]]:
    names = [column.name for column in connection.execute("SELECT * FROM rollup_days LIMIT 0").description or ()]
    counted: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        cell = dict(zip(names, row, strict=True))
        for quantity in ("images", "failed", "bytes_out", "cpu_us"):
            key = (cell["dimension"], cell["customer"], cell["day"].isoformat(), cell["value"], cell["route"], quantity)
            counted[key] += cell[quantity]
    return +counted


def test_concurrent_recorders_wait_for_each_other_and_lose_nothing(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]],
) -> None:
    """Four record the same facts, each in another order: the result is that of one alone."""
    ledger, connection = shared
    _empty(connection)
    facts = [fact for seed in range(3) for fact in _renamed(_facts(seed), seed)]
    _record(ledger, facts)
    alone = _tables(connection), _state(connection)
    connection.rollback()
    for attempt in range(4):
        _empty(connection)
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=_recorder, args=(connection.info.dsn, facts, 10 * attempt + number, failures))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert (_tables(connection), _state(connection)) == alone
        connection.rollback()


def _renamed(facts: Sequence[Any], seed: int) -> list[Any]:
    return [msgspec.structs.replace(fact, image_id=f"{fact.image_id[:-1]}{seed}") for fact in facts]


def _recorder(dsn: str, facts: Sequence[Any], seed: int, failures: list[BaseException]) -> None:
    ledger, order = PostgresLedger(f"postgresql:///?{urlencode(conninfo_to_dict(dsn))}"), random.Random(seed)
    mine = order.sample(facts, len(facts))
    try:
        while mine:
            _record(ledger, [mine.pop() for _ in range(min(len(mine), order.randint(1, 5)))])
    except Exception as failure:  # noqa: BLE001 - shown by the test
        failures.append(failure)
    finally:
        ledger.close()


def _state(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute(
        "SELECT image_id, run, code, name, erased_at, "
        "(SELECT count(*) FROM renditions r WHERE r.image_id = i.image_id) FROM images i ORDER BY 1"
    ).fetchall()


def test_a_replay_updates_rows_of_an_older_recorder(
    shared: tuple[PostgresLedger, psycopg.Connection[Any]],
) -> None:
    """Rows from before a column existed get its values, and the sums follow."""
    ledger, connection = shared
    _empty(connection)
    facts = _facts(7)
    _record(ledger, facts)
    complete = _tables(connection)
    connection.execute(
        "UPDATE images SET written_by = 0, billed_seconds = NULL, memory_mb = NULL, vcpus = NULL, machine = NULL, "
        "estimated_cpu_seconds_upper = NULL"
    )
    connection.execute("SELECT roll_up_anew()")
    connection.commit()
    assert _tables(connection) != complete
    connection.rollback()
    _record(ledger, facts)
    assert _tables(connection) == complete
    connection.rollback()


@pytest.mark.parametrize("first", ["the tombstone", "the result"])
def test_a_concurrent_tombstone_and_result_see_each_other(postgres: Callable[[], str], first: str) -> None:
    """The second starts before the first commits: it waits, and the image is erased."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate()
    item = result()
    tombstone = Tombstone(image_id=item.image_id, customer=item.customer, requested_at=NOW)
    written = (storable_json([image_row(item)]), storable_json(rendition_rows(item)), "[]")
    erasure = ("[]", "[]", storable_json([msgspec.structs.asdict(tombstone)]))
    calls = {
        "the tombstone": (erasure, lambda: ledger.record([item], [])),
        "the result": (written, lambda: ledger.record([], [tombstone])),
    }
    mine, others = calls[first]
    with psycopg.connect(url) as connection, ThreadPoolExecutor() as threads:
        connection.execute("SELECT record(%s::json, %s::json, %s::json)", mine)
        waiting = threads.submit(others)
        with psycopg.connect(url, autocommit=True) as watch:
            waits = "SELECT FROM pg_locks WHERE NOT granted"
            until(lambda: waiting.done() or watch.execute(waits).fetchall())
        connection.commit()
        assert waiting.result() == {item.image_id}
    ledger.close()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT name, erased_at FROM images").fetchone()
        assert row == (None, NOW)
        assert connection.execute("SELECT count(*) FROM renditions").fetchone() == (0,)

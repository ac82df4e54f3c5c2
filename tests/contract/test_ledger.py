"""The contract of the Ledger port, kept by the fake and by PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from core.adapters.postgres.ledger import PostgresLedger
from core.domain.errors import Code, Misconfigured, Unavailable
from core.domain.model import ImageFormat, ObjectRef, Result, Source, Status, Tombstone
from core.ports.ledger import Ledger
from tests.support.fakes.ports import FakeLedger
from tests.support.values import NOW, rendition, result

Rows = Callable[[], tuple[dict[str, Any], dict[str, Any], set[tuple[str, str]]]]


@pytest.fixture(params=["fake", "postgres"])
def ledger_and_rows(request: pytest.FixtureRequest) -> Iterator[tuple[Ledger, Rows]]:
    """The ledger, and a function that returns its images, its renditions' keys by image, and its tombstones."""
    if request.param == "fake":
        fake = FakeLedger()
        yield fake, lambda: (fake.images, fake.renditions, set(fake.tombstones))
        return
    url = request.getfixturevalue("database_url")
    ledger = PostgresLedger(url)
    yield ledger, lambda: _tables(url)
    ledger.close()


def _tables(url: str) -> tuple[dict[str, Any], dict[str, Any], set[tuple[str, str]]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        images = {str(row["image_id"]): row for row in connection.execute("SELECT * FROM images")}
        renditions: dict[str, Any] = {image: {} for image in images}
        for row in connection.execute("SELECT * FROM renditions"):
            renditions[str(row["image_id"])][row["name"], row["format"]] = row["key"]
        tombstones = connection.execute("SELECT * FROM tombstones").fetchall()
    return images, renditions, {(str(row["image_id"]), row["customer"]) for row in tombstones}


def _tombstone(item: Result, customer: str = "acme") -> Tombstone:
    return Tombstone(image_id=item.image_id, customer=customer, requested_at=NOW)


def test_an_image_has_one_row_and_one_for_each_rendition(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    image_id = str(uuid4())
    item = result(image_id=image_id, renditions=(rendition(image_id), rendition(image_id, kind=ImageFormat.WEBP)))
    assert ledger.record([item], []) == frozenset()
    images, renditions, _ = rows()
    assert images[image_id]["name"] == "a.jpg"
    assert images[image_id]["status"] == "processed"
    assert set(renditions[image_id]) == {("small", "jpeg"), ("small", "webp")}


def test_recording_again_changes_nothing(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    item = result()
    ledger.record([item, item], [])
    before = rows()
    ledger.record([item], [])
    assert rows() == before


def test_empty_lists_can_be_recorded(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    assert ledger.record([], []) == frozenset()
    assert rows() == ({}, {}, set())


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_the_highest_run_shows_in_any_order(
    ledger_and_rows: tuple[Ledger, Rows], together: bool, backwards: bool
) -> None:
    ledger, rows = ledger_and_rows
    first = result(status=Status.FAILED, code=Code.TIMED_OUT, message="It took too long.", renditions=())
    second = result(image_id=first.image_id, run=1)
    runs = [second, first] if backwards else [first, second]
    for batch in [runs] if together else [[run] for run in runs]:
        ledger.record(batch, [])
    images, renditions, _ = rows()
    assert images[first.image_id]["run"] == 1
    assert images[first.image_id]["code"] is None
    assert len(renditions[first.image_id]) == 1


def test_a_lower_run_leaves_no_renditions_in_a_failed_higher_one(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    first = result()
    failed = result(image_id=first.image_id, run=1, status=Status.FAILED, code=Code.TIMED_OUT, renditions=())
    ledger.record([first], [])
    ledger.record([failed], [])
    assert rows()[1][first.image_id] == {}


@pytest.mark.parametrize("order", ["tombstone first", "result first", "together"])
def test_a_tombstone_wins_in_any_order(ledger_and_rows: tuple[Ledger, Rows], order: str) -> None:
    ledger, rows = ledger_and_rows
    item = result()
    calls: list[tuple[list[Result], list[Tombstone]]] = {
        "tombstone first": [([], [_tombstone(item)]), ([item], [])],
        "result first": [([item], []), ([], [_tombstone(item)])],
        "together": [([item], [_tombstone(item)])],
    }[order]
    erased = [ledger.record(*call) for call in calls]
    assert erased[-1] == {item.image_id}
    images, renditions, tombstones = rows()
    assert images[item.image_id]["erased_at"] == NOW
    assert images[item.image_id]["name"] is None
    assert renditions[item.image_id] == {}
    assert tombstones == {(item.image_id, "acme")}


def test_a_tombstone_wins_over_later_runs_too(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    item = result()
    ledger.record([item], [_tombstone(item)])
    assert ledger.record([result(image_id=item.image_id, run=1)], []) == {item.image_id}
    assert rows()[1][item.image_id] == {}
    assert rows()[0][item.image_id]["erased_at"] == NOW


def test_the_first_tombstone_sets_the_time(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    item = result()
    ledger.record([item], [_tombstone(item)])
    later = Tombstone(image_id=item.image_id, customer="acme", requested_at=NOW + timedelta(days=1))
    ledger.record([], [later])
    assert rows()[0][item.image_id]["erased_at"] == NOW


def test_another_customers_tombstone_erases_nothing(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    item = result()
    assert ledger.record([item], [_tombstone(item, "globex")]) == frozenset()
    assert len(rows()[1][item.image_id]) == 1


def test_a_row_that_is_refused_leaves_nothing_of_its_transaction(ledger_and_rows: tuple[Ledger, Rows]) -> None:
    ledger, rows = ledger_and_rows
    good = result()
    with pytest.raises(Misconfigured) as caught:
        ledger.record([good, result(image_id="not a uuid")], [])
    assert caught.value.code is Code.INVALID_RESULT
    assert rows() == ({}, {}, set())
    ledger.record([good], [])  # the connection still works
    assert set(rows()[0]) == {good.image_id}


def test_nul_in_text_is_replaced(database_url: str) -> None:
    ledger = PostgresLedger(database_url)
    source = ObjectRef(bucket="home", key="incoming/acme/web/u/a\0\u202e😀.jpg")
    item = result(source=Source(object=source, name="a\0\u202e'; DROP TABLE images; --.jpg"))
    ledger.record([item], [])
    ledger.close()
    assert (
        _tables(database_url)[0][item.image_id]["name"]
        == "a\N{REPLACEMENT CHARACTER}\u202e'; DROP TABLE images; --.jpg"
    )


@settings(max_examples=30)
@given(st.permutations(range(6)))
def test_any_order_of_the_same_records_gives_the_same_tables(order: list[int]) -> None:
    records = _records()
    expected, shuffled = FakeLedger(), FakeLedger()
    for ledger, indices in ((expected, range(6)), (shuffled, order)):
        for index in indices:
            record = records[index]
            ledger.record(*(([record], []) if isinstance(record, Result) else ([], [record])))
    assert (shuffled.images, shuffled.renditions) == (expected.images, expected.renditions)


def test_postgresql_agrees_with_the_fake_on_many_orders(postgres: Callable[[], str]) -> None:
    """The test above has many orders on the fake; this one has few on PostgreSQL, which is slower."""
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate()
    tables = []
    for start in range(6):
        with psycopg.connect(url) as connection:
            connection.execute("TRUNCATE images, renditions, tombstones")
        records = _records()
        for record in records[start:] + records[:start]:
            ledger.record(*(([record], []) if isinstance(record, Result) else ([], [record])))
        tables.append(_tables(url))
    ledger.close()
    assert all(table == tables[0] for table in tables)


def _records() -> list[Result | Tombstone]:
    one, two = "11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222"
    return [
        result(image_id=one),
        result(image_id=one, run=1, status=Status.FAILED, code=Code.TIMED_OUT, renditions=()),
        result(image_id=one, run=2),
        result(image_id=two),
        Tombstone(image_id=two, customer="acme", requested_at=NOW),
        result(image_id=two, run=1),
    ]


def test_the_frames_of_a_rendition_are_recorded(database_url: str) -> None:
    image_id = str(uuid4())
    film = msgspec.structs.replace(rendition(image_id, kind=ImageFormat.GIF), frames=30)
    ledger = PostgresLedger(database_url)
    ledger.record([result(image_id=image_id, renditions=(rendition(image_id), film))], [])
    ledger.close()
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT format, frames FROM renditions ORDER BY frames").fetchall()
    assert rows == [("jpeg", 1), ("gif", 30)]


def test_migrations_are_applied_once(postgres: Callable[[], str]) -> None:
    ledger = PostgresLedger(postgres())
    assert ledger.migrate() == [
        "0001_ledger.sql",
        "0002_measurements.sql",
        "0003_frames.sql",
        "0004_company_operations.sql",
        "0005_quantities.sql",
        "0006_prices.sql",
        "0007_rollups.sql",
        "0008_recording.sql",
        "0009_views.sql",
        "0010_comments.sql",
    ]
    assert ledger.migrate() == []
    ledger.close()


def test_an_unreachable_database_is_unavailable(tmp_path: Path) -> None:
    ledger = PostgresLedger("postgresql://user:hunter2@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as caught:
        ledger.record([result()], [])
    assert caught.value.code is Code.DATABASE_UNAVAILABLE
    assert "hunter2" not in str(caught.value)


def test_a_database_without_tables_is_misconfigured_and_the_remedy_is_named(postgres: Callable[[], str]) -> None:
    ledger = PostgresLedger(postgres())
    with pytest.raises(Misconfigured, match="pictureperfect migrate"):
        ledger.record([result()], [])
    ledger.close()

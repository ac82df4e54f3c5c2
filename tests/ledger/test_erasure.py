"""An erased image leaves its numbers in the ledger, and nothing of its name or its content."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from core.adapters.postgres.ledger import PostgresLedger
from core.domain.errors import Code
from core.domain.model import ObjectRef, Result, Source, Status, Tombstone
from tests.support.values import NOW, result

_KEY = "incoming/acme/web/1/john-doe-passport.jpg"
_SOURCE = Source(object=ObjectRef(bucket="home", key=_KEY), name="john-doe-passport.jpg", bytes=7, sha256="c0ffee")
_LOOKS = {"perceptual-hash": "ffff0000ffff0000", "sharpness": 41.25, "small.sharpness": 41.25}
_TRACES = ("john", "passport", "incoming", "c0ffee", "ffff0000", "1111111111111111000000", "41.25")


@pytest.fixture(scope="module")
def connection(postgres: Callable[[], str]) -> Iterator[psycopg.Connection[Any]]:
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate(30)
    for item in (_processed(), _failed()):
        again = msgspec.structs.replace(item, run=1)
        ledger.record([item], [])
        ledger.record([], [Tombstone(image_id=item.image_id, customer="acme", requested_at=NOW)])
        ledger.record([again], [])
        ledger.record([item, again], [])
    ledger.record([result(measurements=_LOOKS | {"perceptual-hash": "ffff0000ffff0001", "sharpness": 9000.5})], [])
    ledger.close()
    with psycopg.connect(url) as connected:
        yield connected


def _processed() -> Result:
    return result(source=_SOURCE, measurements=_LOOKS, reason=f"The estimate of {_KEY} fits.")


def _failed() -> Result:
    message = f"There is no object at s3://home/{_KEY}; it was removed before it could be read."
    return result(
        source=_SOURCE, status=Status.FAILED, code=Code.SOURCE_MISSING, message=message, renditions=(),
        measurements=_LOOKS, reason=f"It was asked for by {_KEY}.",
    )  # fmt: skip


def test_no_cell_of_an_erased_image_holds_a_part_of_its_key_or_content(
    connection: psycopg.Connection[Any],
) -> None:
    rows = connection.execute("SELECT to_jsonb(i)::text FROM images i WHERE erased_at IS NOT NULL").fetchall()
    assert len(rows) == 2
    relations = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v')"
    ).fetchall()
    for (name,) in [relation for relation in relations if relation[0] not in ("images", "image_facts")]:
        rows += connection.execute(f"SELECT to_jsonb(x)::text FROM {name} x".encode()).fetchall()
    rows += connection.execute("SELECT to_jsonb(f)::text FROM image_facts f WHERE erased_at IS NOT NULL").fetchall()
    for (row,) in rows:
        assert not [trace for trace in _TRACES if trace in row]


def test_the_numbers_of_an_erased_image_stay(connection: psycopg.Connection[Any]) -> None:
    sums = connection.execute("SELECT sum(images), sum(failed), sum(bytes_in) FROM days_by_source").fetchone()
    assert sums == (3, 1, 21)
    codes = connection.execute("SELECT code FROM images WHERE code IS NOT NULL AND erased_at IS NOT NULL").fetchall()
    assert codes == [(Code.SOURCE_MISSING.value,)]


@pytest.mark.parametrize("view", ["near_duplicates", "blurry_uploads"])
def test_no_other_image_is_compared_with_an_erased_one(connection: psycopg.Connection[Any], view: str) -> None:
    """The ledger has another image that looks like it and is far sharper."""
    assert connection.execute(f"SELECT * FROM {view}".encode()).fetchall() == []

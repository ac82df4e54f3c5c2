"""Who may do what in the database, tried by connecting as them."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.postgres import PostgresLedger
from core.model import Tombstone
from tests.values import NOW, result

RECORD, WEB, ANALYST = "picture_perfect_record", "picture_perfect_web", "picture_perfect_analyst"
#: What an analyst may read; docs/ledger.md says it of all views but one.
_NOT_THEIRS = {"priced_days"}


@pytest.fixture(scope="module")
def database(postgres: Callable[[], str]) -> str:
    url = postgres()
    ledger = PostgresLedger(url)
    ledger.migrate(30)
    ledger.record([result(), result(customer="globex")], [])
    ledger.close()
    return url


def _as(url: str, user: str) -> psycopg.Connection[Any]:
    return psycopg.connect(make_conninfo(url, user=user), autocommit=True)


@pytest.fixture(scope="module")
def analyst(database: str) -> Iterator[psycopg.Connection[Any]]:
    with _as(database, ANALYST) as connection:
        yield connection


def _relations(url: str, kind: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = %s ORDER BY 1",
            [kind],
        ).fetchall()
    return [row[0] for row in rows]


def test_an_analyst_sees_every_view_and_no_table(database: str, analyst: psycopg.Connection[Any]) -> None:
    assert analyst.info.user == ANALYST
    for view in _relations(database, "v"):
        if view not in _NOT_THEIRS:
            analyst.execute(f"SELECT * FROM {view} LIMIT 1".encode())
    for table in [*_relations(database, "r"), *_NOT_THEIRS]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(f"SELECT 1 FROM {table} LIMIT 1".encode())
    count = analyst.execute("SELECT sum(images) FROM days_by_source").fetchone()
    assert count == (2,)


@pytest.mark.parametrize(
    "attempt",
    [
        "SELECT name FROM images",
        "SELECT source FROM images",
        "SELECT message FROM images",
        "SELECT key FROM renditions",
        "SELECT * FROM tombstones",
        "SELECT * FROM schema_migrations",
        "INSERT INTO retention (days) VALUES (1)",
        "UPDATE retention SET days = 1",
        "UPDATE prices SET usd = 0",
        "DELETE FROM images",
        "DELETE FROM renditions",
        "TRUNCATE rollup_days",
        "UPDATE rollup_days SET images = 0",
        "DELETE FROM urls",
        "SELECT record('[]', '[]', '[]')",
        "SELECT roll_up('{}', '{}')",
        "SELECT roll_up_anew()",
        "CREATE TABLE mine (x integer)",
        "DROP VIEW metrics",
        "CREATE OR REPLACE VIEW metrics AS SELECT 1 AS time",
        "ALTER ROLE picture_perfect_analyst SUPERUSER",
        "SET ROLE picture_perfect_record",
        "COPY images TO STDOUT",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT q.* FROM images i, quantities(i) q",
    ],
)
def test_what_an_analyst_may_not_do(analyst: psycopg.Connection[Any], attempt: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
        analyst.execute(attempt.encode())


def test_no_view_of_theirs_holds_what_names_a_person(analyst: psycopg.Connection[Any], database: str) -> None:
    """Names of files and keys of sources are looked for in every cell, and the columns that hold them by name."""
    for view in set(_relations(database, "v")) - _NOT_THEIRS:
        found = analyst.execute(f"SELECT * FROM {view}".encode())
        columns = {column.name for column in found.description or ()}
        assert not columns & {"message", "reason", "key", "source_sha256", "sha256", "source_key", "file_name"}, view
        for row in found.fetchall():
            assert not any("a.jpg" in str(cell) or "incoming/" in str(cell) or "s3://" in str(cell) for cell in row), (
                view
            )


def test_the_recorder_writes_as_its_own_user_and_removes_no_image(database: str) -> None:
    ledger = PostgresLedger(_url(database, RECORD))
    item = result()
    ledger.record([item], [])
    ledger.record([result(image_id=item.image_id, run=1)], [])
    erased = ledger.record([], [Tombstone(image_id=item.image_id, customer="acme", requested_at=NOW)])
    ledger.close()
    assert erased == {item.image_id}
    with _as(database, RECORD) as connection:
        for attempt in (
            "DELETE FROM images", "DELETE FROM tombstones", "TRUNCATE images", "DROP TABLE images",
            "SELECT roll_up_anew()",
            "UPDATE prices SET usd = 0", "UPDATE retention SET days = 1", "SELECT * FROM schema_migrations",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attempt.encode())


def _url(url: str, user: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}user={quote(user)}"


def test_the_page_reads_everything_and_writes_nothing(database: str) -> None:
    with _as(database, WEB) as connection:
        for relation in _relations(database, "r") + _relations(database, "v"):
            if relation != "schema_migrations":
                connection.execute(f"SELECT * FROM {relation} LIMIT 1".encode())
        for attempt in (
            "DELETE FROM images", "UPDATE images SET name = NULL", "INSERT INTO retention VALUES (true, 1)",
            "SELECT record('[]', '[]', '[]')", "TRUNCATE rollup_months",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attempt.encode())


def test_rights_that_somebody_added_are_gone_after_the_next_migration(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(f"GRANT SELECT ON images TO {ANALYST}".encode())
    ledger = PostgresLedger(database)
    ledger.migrate(30)
    ledger.close()
    with _as(database, ANALYST) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT 1 FROM images")

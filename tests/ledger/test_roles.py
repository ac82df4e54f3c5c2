"""Who may do what in the database, tried by connecting as them."""

from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.postgres.ledger import PostgresLedger
from core.domain.errors import Code, Unavailable
from core.domain.model import Tombstone
from tests.support.values import NOW, result

RECORD, WEB, ANALYST = "picture_perfect_record", "picture_perfect_web", "picture_perfect_analyst"
#: What an analyst may read; docs/reference/ledger.md says it of all views but one.
_NOT_THEIRS = {"priced_days"}
#: No right; no view that rows can be written by; no transaction that writes.
_FORBIDDEN = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.ReadOnlySqlTransaction,
)


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
        "CREATE TEMP TABLE mine (x integer)",
        "CREATE FUNCTION pg_temp.leak(x text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "SELECT lo_from_bytea(0, 'on the disk')",
        "DO $$ BEGIN LOCK TABLE tombstones IN ACCESS SHARE MODE; END $$",
        "DO $$ BEGIN LOCK TABLE schema_migrations IN ACCESS SHARE MODE; END $$",
        "DO $$ BEGIN LOCK TABLE metrics IN ROW EXCLUSIVE MODE; END $$",
        "CREATE SCHEMA mine",
    ],
)
def test_what_an_analyst_may_not_do(analyst: psycopg.Connection[Any], attempt: str) -> None:
    with pytest.raises(_FORBIDDEN):
        analyst.execute(attempt.encode())


def test_an_analyst_may_set_aside_that_sessions_read_only_and_still_writes_no_row(
    analyst: psycopg.Connection[Any],
) -> None:
    """It is a default, which any session may change: the rights are what holds."""
    analyst.execute("SET default_transaction_read_only = off")
    for attempt in ("CREATE TEMP TABLE mine (x integer)", "DELETE FROM images", "DELETE FROM urls"):
        with pytest.raises(_FORBIDDEN[:2]):
            analyst.execute(attempt.encode())
    analyst.execute("RESET default_transaction_read_only")


#: The keys by which recorders and migrations might wait for each other, were it by locks that anybody may take.
_ADVISORY = (0x5049435245434F52, 0x5049435055524546)


@pytest.mark.parametrize(
    "held",
    [
        *(f"SELECT pg_advisory_lock({key})" for key in _ADVISORY),
        "BEGIN; SELECT count(*) FROM image_facts",
        "BEGIN; LOCK TABLE image_facts, urls, customer_months IN ACCESS SHARE MODE",
    ],
)
def test_whatever_an_analyst_holds_recorders_and_migrations_go_on(database: str, held: str) -> None:
    with _as(database, ANALYST) as connection:
        connection.execute(held.encode())
        ledger, item = PostgresLedger(_url(database, RECORD)), result()
        tombstone = Tombstone(image_id=item.image_id, customer=item.customer, requested_at=NOW)
        calls = (
            lambda: ledger.record([item], []), lambda: ledger.record([], [tombstone]), lambda: _migrated(database)
        )  # fmt: skip
        for call in calls:
            with ThreadPoolExecutor() as threads:
                called = threads.submit(call)
                waits = futures.wait([called], timeout=10).not_done
                if waits:
                    connection.close()
            assert not waits
            called.result()
        ledger.close()


def test_a_recorder_that_waits_for_too_long_says_so_and_may_be_called_again(database: str) -> None:
    """Somebody with rights holds the table: the function's own timeout ends the call, here a shorter one."""
    with psycopg.connect(database) as owner:
        owner.execute("ALTER FUNCTION record(json, json, json) SET lock_timeout = '100ms'")
    ledger, item = PostgresLedger(_url(database, RECORD)), result()
    with psycopg.connect(database) as holder:
        holder.execute("DO $$ BEGIN LOCK TABLE tombstones IN ACCESS EXCLUSIVE MODE; END $$")
        with pytest.raises(Unavailable, match="Another database session") as caught:
            ledger.record([item], [])
        assert caught.value.code is Code.DATABASE_UNAVAILABLE
        holder.rollback()
    assert ledger.record([item], []) == frozenset()
    ledger.close()
    with psycopg.connect(database) as owner:
        owner.execute("ALTER FUNCTION record(json, json, json) SET lock_timeout = '20s'")


def test_what_an_analyst_asks_ends_by_itself(database: str) -> None:
    wanted = {
        "statement_timeout": "30s", "default_transaction_read_only": "on", "idle_session_timeout": "1min",
        "idle_in_transaction_session_timeout": "1min", "lock_timeout": "5s",
    }  # fmt: skip
    with _as(database, ANALYST) as connection:
        for name, value in wanted.items():
            assert connection.execute(f"SHOW {name}".encode()).fetchone() == (value,), name
    for user in (RECORD, WEB):
        with _as(database, user) as connection:
            assert connection.execute("SHOW idle_session_timeout").fetchone() == ("1min",)
            assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_settings_that_somebody_changed_are_back_after_the_next_migration(database: str) -> None:
    """Of users that were there before the first migration as well."""
    with psycopg.connect(database) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER ROLE {ANALYST} IN DATABASE {name} RESET ALL".encode())
        connection.execute(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC".encode())
    _migrated(database)
    with _as(database, ANALYST) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)
        with pytest.raises(_FORBIDDEN):
            connection.execute("CREATE TEMP TABLE mine (x integer)")


def _migrated(url: str) -> None:
    ledger = PostgresLedger(url)
    ledger.migrate(30)
    ledger.close()


@pytest.mark.parametrize(("rights", "settles"), [("CREATEROLE", True), ("NOCREATEROLE", False)])
def test_an_owner_of_the_database_who_is_no_superuser_migrates(
    postgres: Callable[[], str], rights: str, settles: bool
) -> None:
    """As on RDS: with CREATEROLE and the users to grant, all is set; without, it is left out and nothing fails."""
    url, owner = postgres(), f"owner_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN {rights}".encode())
        connection.execute(f"ALTER DATABASE {connection.info.dbname} OWNER TO {owner}".encode())
        for user in (RECORD, WEB, ANALYST):
            if settles:
                connection.execute(f"GRANT {user} TO {owner} WITH ADMIN OPTION".encode())
    _migrated(_url(url, owner))
    with _as(url, ANALYST) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s" if settles else "0",)
        with pytest.raises(_FORBIDDEN):
            connection.execute("CREATE TEMP TABLE mine (x integer)")
        assert connection.execute("SELECT count(*) FROM image_facts").fetchone() == (0,)
    ledger = PostgresLedger(_url(url, RECORD))
    ledger.record([result()], [])
    ledger.close()


def test_who_does_not_own_the_database_migrates_and_leaves_out_what_is_the_owners(postgres: Callable[[], str]) -> None:
    url, guest = postgres(), f"guest_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {guest} LOGIN".encode())
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {guest}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA public TO {guest} WITH GRANT OPTION".encode())
    _migrated(_url(url, guest))


def test_migrations_at_once_of_an_empty_database_wait_for_each_other(postgres: Callable[[], str]) -> None:
    url = postgres()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(_migrated, [url] * 6))


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


def test_an_expired_url_is_in_no_words_of_an_error_either(analyst: psycopg.Connection[Any], database: str) -> None:
    """A condition that fails tells what it failed over: none is asked about rows that the view leaves out."""
    gone = result(committed_at=datetime(2020, 1, 1, tzinfo=UTC))
    ledger = PostgresLedger(database)
    ledger.record([gone], [])
    ledger.close()
    found = analyst.execute(
        "SELECT count(*) FROM urls WHERE image_id = %s AND url::integer = 0", [gone.image_id]
    ).fetchone()
    assert found == (0,)


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
            "DELETE FROM images", "UPDATE images SET name = NULL", "INSERT INTO retention (days) VALUES (1)",
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

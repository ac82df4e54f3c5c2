"""The rights of each database role, tried over a connection of that role."""

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
from tests.support.waiting import HANGS_AFTER

RECORD, WEB, ANALYST = "picture_perfect_record", "picture_perfect_web", "picture_perfect_analyst"
#: Views that an analyst may not read; docs/reference/ledger.md lists all others.
_HIDDEN_VIEWS = {"priced_days"}
#: The errors of a missing right, of a view without triggers, and of a read-only transaction.
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
        if view not in _HIDDEN_VIEWS:
            analyst.execute(f"SELECT * FROM {view} LIMIT 1".encode())
    for table in [*_relations(database, "r"), *_HIDDEN_VIEWS]:
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
def test_an_analyst_may_not(analyst: psycopg.Connection[Any], attempt: str) -> None:
    with pytest.raises(_FORBIDDEN):
        analyst.execute(attempt.encode())


def test_an_analyst_who_turns_read_only_off_still_cannot_write(
    analyst: psycopg.Connection[Any],
) -> None:
    """Read-only is a default that each session may change; the missing rights are what protects the tables."""
    analyst.execute("SET default_transaction_read_only = off")
    for attempt in ("CREATE TEMP TABLE mine (x integer)", "DELETE FROM images", "DELETE FROM urls"):
        with pytest.raises(_FORBIDDEN[:2]):
            analyst.execute(attempt.encode())
    analyst.execute("RESET default_transaction_read_only")


#: Keys of advisory locks that recorders and migrations must not use, since any role may take them.
_ADVISORY = (0x5049435245434F52, 0x5049435055524546)


@pytest.mark.parametrize(
    "held",
    [
        *(f"SELECT pg_advisory_lock({key})" for key in _ADVISORY),
        "BEGIN; SELECT count(*) FROM image_facts",
        "BEGIN; LOCK TABLE image_facts, urls, customer_months IN ACCESS SHARE MODE",
    ],
)
def test_no_lock_of_an_analyst_blocks_recorders_or_migrations(database: str, held: str) -> None:
    with _as(database, ANALYST) as connection:
        connection.execute(held.encode())
        ledger, item = PostgresLedger(_url(database, RECORD)), result()
        tombstone = Tombstone(image_id=item.image_id, customer=item.customer, requested_at=NOW)
        calls = (
            lambda: ledger.record([item], []), lambda: ledger.record([], [tombstone]), lambda: _migrate(database)
        )  # fmt: skip
        for call in calls:
            with ThreadPoolExecutor() as threads:
                called = threads.submit(call)
                blocked = futures.wait([called], timeout=HANGS_AFTER).not_done
                if blocked:
                    connection.close()
            assert not blocked
            called.result()
        ledger.close()


def test_a_recorder_that_waits_too_long_for_a_lock_is_unavailable_and_can_be_retried(database: str) -> None:
    """The function's own lock_timeout ends the call; the test shortens it."""
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


def test_an_analysts_sessions_have_time_limits(database: str) -> None:
    limits = {
        "statement_timeout": "30s", "default_transaction_read_only": "on", "idle_session_timeout": "1min",
        "idle_in_transaction_session_timeout": "1min", "lock_timeout": "5s",
    }  # fmt: skip
    with _as(database, ANALYST) as connection:
        for name, value in limits.items():
            assert connection.execute(f"SHOW {name}".encode()).fetchone() == (value,), name
    for user in (RECORD, WEB):
        with _as(database, user) as connection:
            assert connection.execute("SHOW idle_session_timeout").fetchone() == ("1min",)
            assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_a_migration_restores_changed_role_settings(database: str) -> None:
    """Also those of roles that existed before the first migration."""
    with psycopg.connect(database) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER ROLE {ANALYST} IN DATABASE {name} RESET ALL".encode())
        connection.execute(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC".encode())
    _migrate(database)
    with _as(database, ANALYST) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)
        with pytest.raises(_FORBIDDEN):
            connection.execute("CREATE TEMP TABLE mine (x integer)")


def _migrate(url: str) -> None:
    ledger = PostgresLedger(url)
    ledger.migrate(30)
    ledger.close()


@pytest.mark.parametrize(("rights", "is_allowed"), [("CREATEROLE", True), ("NOCREATEROLE", False)])
def test_an_owner_without_superuser_rights_can_migrate(
    postgres: Callable[[], str], rights: str, is_allowed: bool
) -> None:
    """As on RDS: with CREATEROLE the settings of roles are applied; without, they are skipped and nothing fails."""
    url, owner = postgres(), f"owner_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN {rights}".encode())
        connection.execute(f"ALTER DATABASE {connection.info.dbname} OWNER TO {owner}".encode())
        for user in (RECORD, WEB, ANALYST):
            if is_allowed:
                connection.execute(f"GRANT {user} TO {owner} WITH ADMIN OPTION".encode())
    _migrate(_url(url, owner))
    with _as(url, ANALYST) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s" if is_allowed else "0",)
        with pytest.raises(_FORBIDDEN):
            connection.execute("CREATE TEMP TABLE mine (x integer)")
        assert connection.execute("SELECT count(*) FROM image_facts").fetchone() == (0,)
    ledger = PostgresLedger(_url(url, RECORD))
    ledger.record([result()], [])
    ledger.close()


def test_a_role_that_does_not_own_the_database_can_migrate(
    postgres: Callable[[], str],
) -> None:
    url, guest = postgres(), f"guest_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {guest} LOGIN".encode())
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {guest}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA public TO {guest} WITH GRANT OPTION".encode())
    _migrate(_url(url, guest))


def test_concurrent_migrations_of_an_empty_database_wait_for_each_other(postgres: Callable[[], str]) -> None:
    url = postgres()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(_migrate, [url] * 6))


def test_no_view_of_an_analyst_holds_file_names_or_keys(analyst: psycopg.Connection[Any], database: str) -> None:
    """Searches every cell for file names and keys, and the columns' names for those that would hold them."""
    for view in set(_relations(database, "v")) - _HIDDEN_VIEWS:
        rows = analyst.execute(f"SELECT * FROM {view}".encode())
        columns = {column.name for column in rows.description or ()}
        assert not columns & {"message", "reason", "key", "source_sha256", "sha256", "source_key", "file_name"}, view
        for row in rows.fetchall():
            assert not any("a.jpg" in str(cell) or "incoming/" in str(cell) or "s3://" in str(cell) for cell in row), (
                view
            )


def test_an_expired_url_does_not_appear_in_error_messages(analyst: psycopg.Connection[Any], database: str) -> None:
    """A failing condition shows its value in the error, so it must not run on rows that the view hides."""
    expired = result(committed_at=datetime(2020, 1, 1, tzinfo=UTC))
    ledger = PostgresLedger(database)
    ledger.record([expired], [])
    ledger.close()
    count = analyst.execute(
        "SELECT count(*) FROM urls WHERE image_id = %s AND url::integer = 0", [expired.image_id]
    ).fetchone()
    assert count == (0,)


def test_the_recorders_role_writes_and_cannot_remove_images(database: str) -> None:
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


def test_the_web_role_reads_everything_and_writes_nothing(database: str) -> None:
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


def test_a_migration_revokes_added_rights(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(f"GRANT SELECT ON images TO {ANALYST}".encode())
    ledger = PostgresLedger(database)
    ledger.migrate(30)
    ledger.close()
    with _as(database, ANALYST) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT 1 FROM images")

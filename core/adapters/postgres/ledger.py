"""PostgreSQL as the ledger."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any

import psycopg

from core.adapters.postgres.connection import Database
from core.adapters.postgres.ledger_rows import image_row, price_rows, rendition_rows, storable, tombstone_row
from core.domain.errors import Code, Misconfigured, Unavailable
from core.domain.model import Result, Tombstone
from core.routing import prices

_MIGRATION = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_MIGRATIONS = """
    CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
"""
_RECORD = "SELECT record(%s::json, %s::json, %s::json)"
_SET_PRICE = """
    INSERT INTO prices (valid_from, service, machine, item, usd, region) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (valid_from, service, machine, item) DO UPDATE SET usd = excluded.usd, region = excluded.region
    WHERE (prices.usd, prices.region) IS DISTINCT FROM (excluded.usd, excluded.region)
"""
#: From today on, where it is another than before; from the beginning, as long as there is no image.
_SET_RETENTION = """
    INSERT INTO retention (valid_from, days)
    SELECT CASE WHEN EXISTS (SELECT FROM images) AND EXISTS (SELECT FROM retention)
                THEN (now() AT TIME ZONE 'UTC')::date ELSE '0001-01-01' END,
           %(days)s
     WHERE NOT EXISTS (SELECT FROM retention)
        OR (SELECT days FROM retention ORDER BY valid_from DESC LIMIT 1) IS DISTINCT FROM %(days)s
    ON CONFLICT (valid_from) DO UPDATE SET days = excluded.days
"""
_ROW = """
    SELECT to_jsonb(i) || jsonb_build_object('renditions', coalesce(
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name, r.format) FROM renditions r
          WHERE r.image_id = i.image_id), '[]'))
      FROM images i WHERE i.image_id = %s::uuid
"""


class PostgresLedger:
    """Records what was committed, by one connection."""

    def __init__(self, database: Database | str) -> None:
        """The database, or the URL of one that asks for nothing else."""
        self._database = Database(database) if isinstance(database, str) else database

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        highest = {result.image_id: result for result in sorted(results, key=lambda result: result.run)}
        images = [image_row(result) for result in highest.values()]
        renditions = [row for result in highest.values() for row in rendition_rows(result)]
        rows = [storable(rows) for rows in (images, renditions, [tombstone_row(item) for item in tombstones])]
        with self._transaction() as cursor:
            found = cursor.execute(_RECORD, rows).fetchone()
        return frozenset(str(image) for image in found[0]) if found else frozenset()

    def migrate(self, retention_days: int | None = None) -> list[str]:
        """Apply the numbered migrations that were not applied yet, in order; returns their names.

        All is one transaction. Two that run at once wait for each other. The prices of this release are written down
        too, and after how many days objects expire from today on (None: they do not).
        """
        applied = []
        with self._transaction() as cursor:
            _lock(cursor)
            cursor.execute("SELECT name FROM schema_migrations")
            known = {row[0] for row in cursor.fetchall()}
            for name, sql in _migrations():
                if name not in known:
                    cursor.execute(sql.encode())
                    cursor.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [name])
                    applied.append(name)
            cursor.executemany(_SET_PRICE, price_rows(prices.price_history()))
            cursor.execute(_SET_RETENTION, {"days": retention_days})
            cursor.execute(_schema("roles.sql"))
        return applied

    def find(self, image_id: str) -> dict[str, Any] | None:
        """The row of one image with its renditions, as JSON's plain values; None where there is none."""
        with self._transaction() as cursor:
            found = cursor.execute(_ROW, [image_id]).fetchone()
        return found[0] if found else None

    def close(self) -> None:
        self._database.hang_up()

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        try:
            connection = self._database.connection()
            with connection.transaction(), connection.cursor() as cursor:
                yield cursor
            self._database.rest()
        except psycopg.errors.LockNotAvailable as error:
            self._database.hang_up()
            raise Unavailable(
                Code.DATABASE_UNAVAILABLE,
                "Another session of the database held what this one needed for too long; pg_blocking_pids names it. "
                "Nothing was written, and it may be tried again.",
            ) from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._database.hang_up()
            raise Unavailable(
                Code.DATABASE_UNAVAILABLE, f"The database was not reached: {_first_line(error)}"
            ) from error
        except psycopg.Error as error:
            raise Misconfigured(
                Code.INVALID_RESULT,
                f"The database refused a row: {_first_line(error)}. Are all migrations applied?",
            ) from error


def _lock(cursor: psycopg.Cursor[Any]) -> None:
    """Two deployments wait for each other, by a lock that needs a right to write: anybody may take an advisory one.

    Later locks are not waited for without an end: recorders would wait behind them.
    """
    with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable), cursor.connection.transaction():
        # IF NOT EXISTS does not see what is being made: then the other has committed by now
        cursor.execute(_MIGRATIONS)
    cursor.execute("LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("SET LOCAL lock_timeout = '30s'")


def _migrations() -> list[tuple[str, str]]:
    folder = files("core.adapters.postgres").joinpath("schema")
    found = sorted(item.name for item in folder.iterdir() if _MIGRATION.fullmatch(item.name))
    return [(name, folder.joinpath(name).read_text(encoding="utf-8")) for name in found]


def _schema(name: str) -> bytes:
    return files("core.adapters.postgres").joinpath("schema", name).read_bytes()


def _first_line(error: Exception) -> str:
    """What went wrong, without the statement and its values: they are customers'."""
    return str(error).partition("\n")[0].strip() or type(error).__name__

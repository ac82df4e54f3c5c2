"""The ledger in PostgreSQL: recording results, migrating, reading one row."""

import re
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

import psycopg

from core.adapters.postgres.connection import Database
from core.adapters.postgres.ledger_rows import image_row, price_rows, rendition_rows, storable_json, tombstone_row
from core.domain.model import Result, Tombstone
from core.routing import prices

_SCHEMA = files("core.adapters.postgres").joinpath("schema")
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
#: A changed retention is valid from today (UTC) on; before the first image, from the beginning of time.
_SET_RETENTION = """
    INSERT INTO retention (valid_from, days)
    SELECT CASE WHEN EXISTS (SELECT FROM images) AND EXISTS (SELECT FROM retention)
                THEN (now() AT TIME ZONE 'UTC')::date ELSE '0001-01-01' END,
           %(days)s
     WHERE NOT EXISTS (SELECT FROM retention)
        OR (SELECT days FROM retention ORDER BY valid_from DESC LIMIT 1) IS DISTINCT FROM %(days)s
    ON CONFLICT (valid_from) DO UPDATE SET days = excluded.days
"""
_FIND = """
    SELECT to_jsonb(i) || jsonb_build_object('renditions', coalesce(
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name, r.format) FROM renditions r
          WHERE r.image_id = i.image_id), '[]'))
      FROM images i WHERE i.image_id = %s::uuid
"""


class PostgresLedger:
    """The Ledger port over one connection, with the migrations and the look-up of one row."""

    def __init__(self, database: Database | str) -> None:
        """`database`: a connection, or a URL that needs no secrets."""
        self._database = Database(database) if isinstance(database, str) else database

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        highest_runs = {result.image_id: result for result in sorted(results, key=lambda result: result.run)}.values()
        arguments = [
            storable_json([image_row(result) for result in highest_runs]),
            storable_json([row for result in highest_runs for row in rendition_rows(result)]),
            storable_json([tombstone_row(tombstone) for tombstone in tombstones]),
        ]
        with self._database.transaction() as connection:
            row = connection.execute(_RECORD, arguments).fetchone()
        return frozenset(str(image_id) for image_id in row[0]) if row else frozenset()

    def migrate(self, retention_days: int | None = None) -> list[str]:
        """Apply the outstanding migrations of schema/ in one transaction; returns their names.

        Also writes this release's prices, its roles, and `retention_days`: the days after which S3 deletes an image's
        files (None: never). Concurrent calls wait for each other.
        """
        applied = []
        with self._database.transaction() as connection, connection.cursor() as cursor:
            _lock_migrations(cursor)
            cursor.execute("SELECT name FROM schema_migrations")
            known = {row[0] for row in cursor.fetchall()}
            for name in _migration_names():
                if name not in known:
                    cursor.execute(_schema_file(name))
                    cursor.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [name])
                    applied.append(name)
            cursor.executemany(_SET_PRICE, price_rows(prices.price_history()))
            cursor.execute(_SET_RETENTION, {"days": retention_days})
            cursor.execute(_schema_file("roles.sql"))
        return applied

    def find(self, image_id: str) -> dict[str, Any] | None:
        """The row of one image with its renditions, as plain JSON values; None if there is no such row."""
        with self._database.transaction() as connection:
            row = connection.execute(_FIND, [image_id]).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        self._database.close()


def _lock_migrations(cursor: psycopg.Cursor[Any]) -> None:
    """Make concurrent migrations wait for each other.

    A table lock, since it needs the right to write: any role may take an advisory lock. The locks that the migrations
    take time out, since recorders queue behind them.
    """
    with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable), cursor.connection.transaction():
        # IF NOT EXISTS does not see a table that another session is creating; once this fails, that session committed
        cursor.execute(_MIGRATIONS)
    cursor.execute("LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("SET LOCAL lock_timeout = '30s'")


def _migration_names() -> list[str]:
    return sorted(item.name for item in _SCHEMA.iterdir() if _MIGRATION.fullmatch(item.name))


def _schema_file(name: str) -> bytes:
    return _SCHEMA.joinpath(name).read_bytes()

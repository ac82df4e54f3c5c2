"""PostgreSQL as the ledger."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from core.adapters.database import Database
from core.errors import Code, Misconfigured, Unavailable
from core.model import Result, Tombstone

_MIGRATION = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = 0x5049435055524546  # "PICPUREF": held while migrating, so that two deployments wait for each other

# `>`: the same run again changes nothing, a lower one neither
_UPSERT_IMAGES = """
    INSERT INTO images SELECT * FROM jsonb_populate_recordset(NULL::images, %s) ORDER BY image_id
    ON CONFLICT (image_id) DO UPDATE SET ({columns}) = ROW ({excluded})
    WHERE excluded.run > images.run
    RETURNING image_id
"""
_INSERT_RENDITIONS = "INSERT INTO renditions SELECT * FROM jsonb_populate_recordset(NULL::renditions, %s)"
_INSERT_TOMBSTONES = """
    INSERT INTO tombstones SELECT * FROM jsonb_populate_recordset(NULL::tombstones, %s)
    ON CONFLICT DO NOTHING
"""
_ERASED = """
    SELECT image_id FROM images JOIN tombstones USING (image_id, customer)
    WHERE image_id = ANY(%s) ORDER BY image_id FOR UPDATE OF images
"""
_ERASE_IMAGES = """
    UPDATE images SET name = NULL, source = 'erased', source_sha256 = NULL, erased_at = requested_at
    FROM tombstones t
    WHERE t.image_id = images.image_id AND t.customer = images.customer AND images.image_id = ANY(%s)
"""
_ROW = """
    SELECT to_jsonb(i) || jsonb_build_object('renditions', coalesce(
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name, r.format) FROM renditions r WHERE r.image_id = i.image_id), '[]'))
      FROM images i WHERE i.image_id = %s::uuid
"""


class PostgresLedger:
    """Records what was committed, by one connection."""

    def __init__(self, database: Database | str) -> None:
        """The database, or the URL of one that asks for nothing else."""
        self._database = Database(database) if isinstance(database, str) else database

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        highest = {result.image_id: result for result in sorted(results, key=lambda result: result.run)}
        touched = [*highest, *(tombstone.image_id for tombstone in tombstones)]
        with self._transaction() as cursor:
            cursor.execute(_INSERT_TOMBSTONES, [Jsonb([_tombstone_row(item) for item in tombstones])])
            cursor.execute(_upsert_images(), [Jsonb([_image_row(result) for result in highest.values()])])
            changed = [str(row[0]) for row in cursor.fetchall()]
            cursor.execute("DELETE FROM renditions WHERE image_id = ANY(%s)", [changed])
            rows = [row for image in changed for row in _rendition_rows(highest[image])]
            cursor.execute(_INSERT_RENDITIONS, [Jsonb(rows)])
            cursor.execute(_ERASED, [touched])
            erased = [str(row[0]) for row in cursor.fetchall()]
            cursor.execute(_ERASE_IMAGES, [erased])
            cursor.execute("DELETE FROM renditions WHERE image_id = ANY(%s)", [erased])
        return frozenset(erased)

    def migrate(self) -> list[str]:
        """Apply the numbered migrations that were not applied yet, in order; returns their names.

        Each is one transaction. Two that run at once wait for each other.
        """
        applied = []
        with self._transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations "
                "(name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            cursor.execute("SELECT name FROM schema_migrations")
            known = {row[0] for row in cursor.fetchall()}
            for name, sql in _migrations():
                if name not in known:
                    cursor.execute(sql.encode())
                    cursor.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [name])
                    applied.append(name)
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


def _migrations() -> list[tuple[str, str]]:
    folder = files("core.adapters").joinpath("schema")
    found = sorted(item.name for item in folder.iterdir() if _MIGRATION.fullmatch(item.name))
    return [(name, folder.joinpath(name).read_text(encoding="utf-8")) for name in found]


def _schema(name: str) -> bytes:
    return files("core.adapters").joinpath("schema", name).read_bytes()


def _upsert_images() -> bytes:
    columns = [name for name in _IMAGE_COLUMNS if name != "image_id"]
    excluded = ", ".join(f"excluded.{name}" for name in columns)
    return _UPSERT_IMAGES.format(columns=", ".join(columns), excluded=excluded).encode()


def _image_row(result: Result) -> dict[str, Any]:
    header = msgspec.structs.asdict(result.header) if result.header else {}
    row = {
        **{name: getattr(result, name) for name in _OF_RESULT},
        **{name: header.get(name) for name in _OF_HEADER},
        **msgspec.structs.asdict(result.usage),
        "name": result.source.name,
        "source": str(result.source.object),
        "source_bytes": result.source.bytes,
        "source_sha256": result.source.sha256,
        "erased_at": None,
    }
    return _storable(row)


_OF_RESULT = (
    "image_id", "run", "customer", "pipeline", "door", "route", "reason", "status", "code", "message",
    "measurements", "operations", "received_at", "committed_at", "version",
)  # fmt: skip
_OF_HEADER = ("format", "width", "height", "channels", "depth", "frames")
_IMAGE_COLUMNS = (
    *_OF_RESULT, *_OF_HEADER, "seconds", "cpu_seconds", "peak_bytes",
    "name", "source", "source_bytes", "source_sha256", "erased_at",
)  # fmt: skip


def _rendition_rows(result: Result) -> list[dict[str, Any]]:
    return [
        _storable({"image_id": result.image_id, **msgspec.structs.asdict(rendition)}) for rendition in result.renditions
    ]


def _tombstone_row(tombstone: Tombstone) -> dict[str, Any]:
    return _storable(msgspec.structs.asdict(tombstone))


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON values; text without NUL, which PostgreSQL cannot hold."""
    plain: dict[str, Any] = msgspec.to_builtins(row)
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in plain.items()
    }


def _first_line(error: Exception) -> str:
    """What went wrong, without the statement and its values: they are customers'."""
    return str(error).partition("\n")[0].strip() or type(error).__name__

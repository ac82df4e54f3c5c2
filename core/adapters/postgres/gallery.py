"""What the page reads of the ledger: always of one customer, and never of an image that was erased."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from msgspec import UNSET
from psycopg.rows import dict_row

from core.adapters.postgres.connection import Database
from core.adapters.postgres.customer_figures import numbers
from core.domain.errors import Code, Misconfigured, Unavailable
from core.ports.gallery import Filter, Numbers

# The row comes as JSON's plain values: times are text in ISO 8601, which is what the cursor holds too
_COLUMNS = """
    SELECT to_jsonb(i) || jsonb_build_object('renditions', coalesce(
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name, r.format) FROM renditions r WHERE r.image_id = i.image_id), '[]'
    )) AS image
      FROM images i
"""
_MINE = "i.customer = %(customer)s AND i.erased_at IS NULL"
_CONDITIONS = {
    "status": "i.status = %(status)s",
    "format": "i.format = %(format)s",
    "pipeline": "i.pipeline = %(pipeline)s",
    # An accent may be a character of its own, or not: macOS names files by the former, most people type the latter
    "text": r"normalize(i.name) ILIKE normalize(%(text)s) ESCAPE '\'",
    "since": "i.committed_at >= %(since)s",
    "until": "i.committed_at < %(until)s",
    # s3://bucket/incoming/customer/pipeline/upload/name
    "upload": "i.source LIKE 's3://%%/incoming/%%' AND split_part(i.source, '/', 7) = ANY(%(upload)s)",
}
_AFTER = "(i.committed_at, i.image_id) < (%(after_time)s, %(after_id)s)"
_ORDER = "ORDER BY i.committed_at DESC, i.image_id DESC LIMIT %(limit)s"
_UPLOAD = """
    SELECT EXISTS (
        SELECT FROM images i
        WHERE i.customer = %s AND i.committed_at >= %s AND i.pipeline = %s AND split_part(i.source, '/', 7) = %s
    ) AS ended
"""


class GalleryRows:
    """Reads, by one connection, one request at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one = threading.Lock()

    def page(
        self, customer: str, wanted: Filter, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[dict[str, Any]]:
        values = _values(wanted)
        conditions = [_MINE, *(_CONDITIONS[name] for name in values)]
        if after:
            conditions.append(_AFTER)
            values |= {"after_time": after[0], "after_id": after[1]}
        query = f"{_COLUMNS} WHERE {' AND '.join(conditions)} {_ORDER}"
        with self._cursor() as cursor:
            cursor.execute(query.encode(), {**values, "customer": customer, "limit": limit})
            return [row["image"] for row in cursor]

    def find(self, customer: str, image_id: str) -> dict[str, Any] | None:
        query = f"{_COLUMNS} WHERE {_MINE} AND i.image_id = %(image_id)s"
        with self._cursor() as cursor:
            row = cursor.execute(query.encode(), {"customer": customer, "image_id": UUID(image_id)}).fetchone()
        return row["image"] if row else None

    def knows_upload(self, customer: str, pipeline: str, upload: str, since: datetime) -> bool:
        with self._cursor() as cursor:
            row = cursor.execute(_UPLOAD, [customer, since, pipeline, upload]).fetchone()
        return bool(row and row["ended"])

    def numbers(self, customer: str, since: datetime, until: datetime) -> Numbers:
        with self._cursor() as cursor:
            return numbers(cursor, customer, since, until)

    def close(self) -> None:
        self._database.hang_up()

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        with self._one:
            try:
                connection = self._database.connection()
                with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
                    yield cursor
                self._database.rest()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self._database.hang_up()
                raise Unavailable(Code.DATABASE_UNAVAILABLE, "The database was not reached.") from error
            except psycopg.Error as error:
                raise Misconfigured(
                    Code.INVALID_RESULT, f"The database refused to answer: {type(error).__name__}."
                ) from error


def _values(wanted: Filter) -> dict[str, Any]:
    said = {name: getattr(wanted, name) for name in _CONDITIONS if getattr(wanted, name) not in (UNSET, "")}
    if "text" in said:
        said["text"] = f"%{_literal(said['text'])}%"
    if "upload" in said:
        said["upload"] = [upload for upload in said["upload"].split(",") if upload]
    return said


def _literal(text: str) -> str:
    """Text in which LIKE finds no wildcards."""
    for character in "\\%_":
        text = text.replace(character, f"\\{character}")
    return text

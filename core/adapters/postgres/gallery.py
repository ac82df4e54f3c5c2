"""The ledger's rows for the page: of one customer, without erased images."""

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
from core.adapters.postgres.customer_figures import usage_stats
from core.adapters.postgres.errors import error_type
from core.ports.gallery import Filter, UsageStats

# Rows are plain JSON values: times are ISO 8601 text, as the page's cursors hold them
_COLUMNS = """
    SELECT to_jsonb(i) || jsonb_build_object('renditions', coalesce(
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name, r.format) FROM renditions r WHERE r.image_id = i.image_id), '[]'
    )) AS image
      FROM images i
"""
_VISIBLE = "i.customer = %(customer)s AND i.erased_at IS NULL"
_CONDITIONS = {
    "status": "i.status = %(status)s",
    "format": "i.format = %(format)s",
    "pipeline": "i.pipeline = %(pipeline)s",
    # Unicode normalization: macOS writes an accent as a character of its own, keyboards do not
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
    """The Rows port over one connection, which requests take in turn."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()

    def page(
        self, customer: str, filters: Filter, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[dict[str, Any]]:
        values = _filter_values(filters)
        conditions = [_VISIBLE, *(_CONDITIONS[name] for name in values)]
        if after:
            conditions.append(_AFTER)
            values |= {"after_time": after[0], "after_id": after[1]}
        query = f"{_COLUMNS} WHERE {' AND '.join(conditions)} {_ORDER}"
        with self._cursor() as cursor:
            cursor.execute(query.encode(), {**values, "customer": customer, "limit": limit})
            return [row["image"] for row in cursor]

    def find(self, customer: str, image_id: str) -> dict[str, Any] | None:
        query = f"{_COLUMNS} WHERE {_VISIBLE} AND i.image_id = %(image_id)s"
        with self._cursor() as cursor:
            row = cursor.execute(query.encode(), {"customer": customer, "image_id": UUID(image_id)}).fetchone()
        return row["image"] if row else None

    def knows_upload(self, customer: str, pipeline: str, upload: str, since: datetime) -> bool:
        with self._cursor() as cursor:
            row = cursor.execute(_UPLOAD, [customer, since, pipeline, upload]).fetchone()
        return bool(row and row["ended"])

    def usage_stats(self, customer: str, since: datetime, until: datetime) -> UsageStats:
        with self._cursor() as cursor:
            return usage_stats(cursor, customer, since, until)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        with (
            self._lock,
            self._database.transaction(error_type) as connection,  # keeps a customer's search terms out of the log
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            yield cursor


def _filter_values(filters: Filter) -> dict[str, Any]:
    values = {name: getattr(filters, name) for name in _CONDITIONS if getattr(filters, name) not in (UNSET, "")}
    if "text" in values:
        values["text"] = f"%{_escape_like(values['text'])}%"
    if "upload" in values:
        values["upload"] = [upload for upload in values["upload"].split(",") if upload]
    return values


def _escape_like(text: str) -> str:
    """The text as a LIKE pattern without wildcards."""
    for character in "\\%_":
        text = text.replace(character, f"\\{character}")
    return text

"""Queries on the ledger for the command line, on the tables that the company's BI reads."""

from datetime import datetime
from typing import Any, LiteralString, Self

import psycopg
from psycopg.rows import dict_row

from core.domain.errors import Code, Unavailable

Row = dict[str, Any]

_IMAGES = """
    SELECT image_id::text, customer, pipeline, name, source, door, route, reason, status, code, message, format, width,
           height, source_bytes, measurements, operations, seconds, cpu_seconds, peak_bytes, received_at, committed_at,
           extract(epoch FROM committed_at - received_at)::float AS waited,
           (SELECT coalesce(json_agg(json_build_object('name', r.name, 'format', r.format, 'width', r.width,
                   'height', r.height, 'bytes', r.bytes, 'key', r.key, 'url', r.url) ORDER BY r.width, r.format), '[]')
              FROM renditions r WHERE r.image_id = images.image_id) AS renditions
      FROM images
"""


class Ledger:
    """A read-only connection. Also a context manager that closes on exit."""

    def __init__(self, url: str) -> None:
        """Connect. Raises Unavailable(DATABASE_UNAVAILABLE)."""
        try:
            self._connection = psycopg.connect(url, autocommit=True, row_factory=dict_row, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise Unavailable(Code.DATABASE_UNAVAILABLE, f"PostgreSQL did not answer: {str(error).strip()}") from error
        self._connection.read_only = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._connection.close()

    def images(self, ids: list[str]) -> list[Row]:
        """The recorded ones among the images of these ids, with their renditions."""
        return self._rows(_IMAGES + " WHERE image_id = ANY(%s::uuid[])", [ids])

    def sources(self, sources: list[str]) -> list[Row]:
        """The recorded images from these sources, given as s3://bucket/key."""
        return self._rows(_IMAGES + " WHERE source = ANY(%s)", [sources])

    def last(self, count: int) -> list[Row]:
        """The `count` images committed last, the newest first."""
        return self._rows(_IMAGES + " ORDER BY committed_at DESC LIMIT %s", [count])

    def since(self, moment: datetime) -> list[Row]:
        """The images committed after `moment`, the oldest first."""
        return self._rows(_IMAGES + " WHERE committed_at > %s ORDER BY committed_at", [moment])

    def counts(self) -> list[Row]:
        """Images, renditions and source bytes by customer, status and format."""
        return self._rows(
            """SELECT customer, status, coalesce(format, 'unknown') AS format, count(*) AS images,
                      coalesce(sum((SELECT count(*) FROM renditions r WHERE r.image_id = images.image_id)), 0)::int
                          AS renditions,
                      coalesce(sum(source_bytes), 0)::bigint AS bytes
                 FROM images GROUP BY 1, 2, 3 ORDER BY 1, 2 DESC, 3"""
        )

    def dollars(self) -> list[Row]:
        """The cost of all images on AWS in dollars, by route."""
        return self._rows(
            """SELECT route, count(*)::int AS images, sum(compute)::float AS compute, sum(requests)::float AS requests,
                      sum(storage)::float AS storage, sum(total)::float AS total
                 FROM dollars GROUP BY route ORDER BY route DESC"""
        )

    def _rows(self, query: LiteralString, parameters: list[Any] | None = None) -> list[Row]:
        return self._connection.execute(query, parameters).fetchall()

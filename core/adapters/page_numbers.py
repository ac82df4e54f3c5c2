"""A customer's numbers for the page. This one function is what turns to other views when the ledger has them."""

from datetime import datetime
from typing import Any

import psycopg

from core.gallery_values import Count, DayCount, NamedCount, Numbers

# An image that was erased was still worked on: it counts, its name and its files are what is gone
_COUNTS = """
    WITH mine AS (
        SELECT i.*, r.renditions, r.bytes_out
          FROM images i
          LEFT JOIN LATERAL (
              SELECT count(*) AS renditions, sum(bytes) AS bytes_out FROM renditions WHERE image_id = i.image_id
          ) r ON true
         WHERE i.customer = %(customer)s AND i.committed_at >= %(since)s AND i.committed_at < %(until)s
    )
    SELECT grouping(day, format, route, code) AS which, day, format, route, code,
           count(*) AS images,
           count(*) FILTER (WHERE status = 'processed') AS processed,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           coalesce(sum(renditions), 0)::bigint AS renditions,
           coalesce(sum(source_bytes), 0)::bigint AS bytes_in,
           coalesce(sum(bytes_out), 0)::bigint AS bytes_out,
           coalesce(sum(seconds), 0) AS seconds,
           coalesce(sum(cpu_seconds), 0) AS cpu_seconds
      FROM (SELECT *, (committed_at AT TIME ZONE 'UTC')::date AS day FROM mine) m
     GROUP BY GROUPING SETS ((), (day), (format), (route), (code))
     ORDER BY day, images DESC, format, route, code
"""
_TOTAL, _DAY, _FORMAT, _ROUTE, _CODE = 0b1111, 0b0111, 0b1011, 0b1101, 0b1110
_COUNTED = tuple(name for name in Count.__struct_fields__ if name != "usd")


def numbers(cursor: psycopg.Cursor[dict[str, Any]], customer: str, since: datetime, until: datetime) -> Numbers:
    """Read them by a cursor whose rows are dictionaries."""
    rows = cursor.execute(_COUNTS, {"customer": customer, "since": since, "until": until}).fetchall()

    def of(which: int) -> list[dict[str, Any]]:
        return [row for row in rows if row["which"] == which]

    def named(which: int, column: str) -> tuple[NamedCount, ...]:
        return tuple(NamedCount(name=row[column] or "other", **_counted(row)) for row in of(which))

    total = of(_TOTAL)
    return Numbers(
        since=since,
        until=until,
        total=Count(**_counted(total[0])) if total else Count(),
        days=tuple(DayCount(day=row["day"], **_counted(row)) for row in of(_DAY)),
        formats=named(_FORMAT, "format"),
        routes=named(_ROUTE, "route"),
        codes=tuple(count for count in named(_CODE, "code") if count.name != "other"),
    )


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _COUNTED}

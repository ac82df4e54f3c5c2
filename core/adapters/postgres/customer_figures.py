"""A customer's numbers for the page, from the ledger's sums: as many rows as there are days and formats."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from core.ports.gallery import Count, DayCount, NamedCount, Numbers

# Sums of one customer by code are kept by the month alone: these are counted, and failures are few
# An image that was erased was still worked on: it counts, its name and its files are what is gone
_COUNTS = """
    SELECT grouping(day, format, route) AS which, day, format AS name, route,
           sum(images)::bigint AS images, sum(images - failed)::bigint AS processed, sum(failed)::bigint AS failed,
           sum(outputs)::bigint AS renditions, sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out,
           sum(seconds)::double precision AS seconds, sum(cpu_seconds)::double precision AS cpu_seconds,
           sum(usd)::double precision AS usd
      FROM customer_days
     WHERE customer = %(customer)s AND day >= %(since)s AND day <= %(until)s
     GROUP BY GROUPING SETS ((), (day), (format), (route))
    HAVING sum(images) > 0
     ORDER BY day, images DESC, format, route
"""
_CODES = """
    SELECT code AS name, count(*) AS images, 0 AS processed, count(*) AS failed, 0 AS renditions,
           coalesce(sum(source_bytes), 0)::bigint AS bytes_in, 0 AS bytes_out,
           sum(seconds) AS seconds, sum(cpu_seconds) AS cpu_seconds, NULL AS usd
      FROM images
     WHERE customer = %(customer)s AND status = 'failed'
       AND committed_at >= %(since)s::timestamp AT TIME ZONE 'UTC'
       AND committed_at < (%(until)s::timestamp + interval '1 day') AT TIME ZONE 'UTC'
     GROUP BY code ORDER BY images DESC, code
"""
_TOTAL, _DAY, _FORMAT, _ROUTE = 0b111, 0b011, 0b101, 0b110


def numbers(cursor: psycopg.Cursor[dict[str, Any]], customer: str, since: datetime, until: datetime) -> Numbers:
    """Read them by a cursor whose rows are dictionaries. Days are whole, and UTC's: both ends are in it."""
    asked = {
        "customer": customer,
        "since": since.astimezone(UTC).date(),
        "until": until.astimezone(UTC).date(),
    }
    rows = cursor.execute(_COUNTS, asked).fetchall()
    codes = cursor.execute(_CODES, asked).fetchall()
    total = [row for row in rows if row["which"] == _TOTAL]
    return Numbers(
        since=since,
        until=until,
        total=Count(**_counted(total[0])) if total else Count(usd=0.0),
        days=tuple(DayCount(day=row["day"], **_counted(row)) for row in rows if row["which"] == _DAY),
        formats=tuple(NamedCount(name=row["name"], **_counted(row)) for row in rows if row["which"] == _FORMAT),
        routes=tuple(NamedCount(name=row["route"], **_counted(row)) for row in rows if row["which"] == _ROUTE),
        codes=tuple(NamedCount(name=row["name"], **_counted(row)) for row in codes),
    )


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in Count.__struct_fields__}

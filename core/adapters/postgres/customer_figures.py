"""One customer's usage for the page, from the ledger's daily sums: its cost grows with days, not with images."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from core.ports.gallery import Count, DayCount, NamedCount, UsageStats

# Erased images count: their work was done, and only names and files are gone
_COUNTS = """
    SELECT grouping(day, format, route) AS breakdown, day, format AS name, route,
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
# Counted from the images: the ledger sums a customer's codes by month only, and failures are few
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


def usage_stats(cursor: psycopg.Cursor[dict[str, Any]], customer: str, since: datetime, until: datetime) -> UsageStats:
    """The usage of whole UTC days, those of `since` and `until` included. `cursor` yields dictionaries."""
    parameters = {
        "customer": customer,
        "since": since.astimezone(UTC).date(),
        "until": until.astimezone(UTC).date(),
    }
    rows = cursor.execute(_COUNTS, parameters).fetchall()
    codes = cursor.execute(_CODES, parameters).fetchall()
    total = [row for row in rows if row["breakdown"] == _TOTAL]
    return UsageStats(
        since=since,
        until=until,
        total=Count(**_count_fields(total[0])) if total else Count(usd=0.0),
        days=tuple(DayCount(day=row["day"], **_count_fields(row)) for row in rows if row["breakdown"] == _DAY),
        formats=tuple(
            NamedCount(name=row["name"], **_count_fields(row)) for row in rows if row["breakdown"] == _FORMAT
        ),
        routes=tuple(NamedCount(name=row["route"], **_count_fields(row)) for row in rows if row["breakdown"] == _ROUTE),
        codes=tuple(NamedCount(name=row["name"], **_count_fields(row)) for row in codes),
    )


def _count_fields(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in Count.__struct_fields__}

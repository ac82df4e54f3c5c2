"""The figures of a report, from the ledger's views (docs/reference/ledger.md) that Grafana's panels read too."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg

from core.adapters.postgres.connection import Database
from core.ports.report_rows import ROW_KEY, Row
from core.ports.reports import DIMENSIONS, Latency, PeriodSums, ReportQuery, Sums

_NUMBERS = ("images", "failed", "outputs", "bytes_in", "bytes_out", "bytes_saved", "cpu_seconds", "usd")
_SUMS = ", ".join(f"sum({name})::{'float8' if name in ('cpu_seconds', 'usd') else 'bigint'}" for name in _NUMBERS)
_DAYS = "WHERE day BETWEEN %(since)s AND %(until)s"
_IMAGES = """
    SELECT (f.committed_at AT TIME ZONE 'UTC')::date AS day, f.customer, f.source, f.route, f.format, f.pipeline,
           f.status, f.code, 1 AS images, (f.status = 'failed')::integer AS failed, f.outputs, f.bytes_in, f.bytes_out,
           f.bytes_saved, f.seconds, f.cpu_seconds, f.latency_seconds::float8 AS latency, d.total AS usd
      FROM image_facts f JOIN dollars d USING (image_id)
     WHERE f.committed_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
       AND f.committed_at < (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC'
"""
#: Each breakdown, and the view with its daily sums over all customers: their size does not grow with the images.
_VIEWS = {
    "day": "days_by_source",
    "source": "days_by_source",
    "route": "days_by_source",
    "format": "days_by_format",
    "pipeline": "days_by_pipeline",
    "code": "days_by_code",
    "customer": "customer_days",
}
_PERCENTILES = "percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency)"
#: The SQL below is composed of constants; values are bound as parameters.
_CUSTOMER_IMAGES = f"WITH customer_images AS MATERIALIZED ({_IMAGES} AND f.customer = %(customer)s)"
#: By whether the query is for one customer: exact for one, from the buckets of the histogram for all.
_LATENCIES = {
    False: """
        SELECT day, ARRAY[histogram_percentile(0.5, array_agg(bucket), array_agg(images)),
                          histogram_percentile(0.95, array_agg(bucket), array_agg(images)),
                          histogram_percentile(0.99, array_agg(bucket), array_agg(images))]
          FROM histogram_days WHERE name = 'Latency' AND day BETWEEN %(since)s AND %(until)s
         GROUP BY GROUPING SETS ((day), ())
    """,
    True: f"{_CUSTOMER_IMAGES} SELECT day, {_PERCENTILES} FROM customer_images GROUP BY GROUPING SETS ((day), ())",  # noqa: S608 - composed of constants
}
_KEYS = ", ".join(f"coalesce({name}, '')" for name in ROW_KEY)
_ROWS = f"""
    SELECT {", ".join(ROW_KEY)}, count(*), sum(outputs)::bigint, sum(bytes_in)::bigint, sum(bytes_out)::bigint,
           sum(bytes_saved)::bigint, sum(seconds)::float8, sum(cpu_seconds)::float8, sum(usd)::float8, {_PERCENTILES}
      FROM ({_IMAGES} AND (%(customer)s::text IS NULL OR f.customer = %(customer)s)) images
     WHERE %(after)s::text[] = '{{}}' OR ARRAY[{_KEYS}] COLLATE "C" > %(after)s::text[]
     GROUP BY {", ".join(ROW_KEY)} ORDER BY ARRAY[{_KEYS}] COLLATE "C" LIMIT %(limit)s
"""  # noqa: S608 - composed of constants
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresFigures:
    """The Figures port over one read-only connection."""

    def __init__(self, database: Database | str) -> None:
        """`database`: a connection, or a URL that needs no secrets."""
        self._database = Database(database) if isinstance(database, str) else database

    def period_sums(self, queries: Sequence[ReportQuery]) -> list[PeriodSums]:
        with self._snapshot() as cursor:
            return [_period_sums(cursor.execute(_sums_sql(query), _parameters(query)).fetchall()) for query in queries]

    def latencies(self, query: ReportQuery) -> tuple[Latency | None, dict[date, Latency]]:
        sql = _LATENCIES[query.customer is not None].encode()
        with self._snapshot() as cursor:
            by_day = dict(cursor.execute(sql, _parameters(query)).fetchall())
        whole = by_day.pop(None, None)
        days = {day: _latency(percentiles) for day, percentiles in by_day.items()}
        return (_latency(whole) if days else None), days

    def rows(self, query: ReportQuery, day: date, after: tuple[str, ...], limit: int) -> list[Row]:
        parameters = {**_parameters(query), "since": day, "until": day, "after": list(after), "limit": limit}
        with self._snapshot() as cursor:
            rows = cursor.execute(_ROWS.encode(), parameters).fetchall()
        return [Row(day, *columns, *percentiles) for *columns, percentiles in rows]

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _snapshot(self) -> Iterator[psycopg.Cursor[Any]]:
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(_SNAPSHOT)
            yield cursor


def _latency(percentiles: Sequence[float]) -> Latency:
    p50, p95, p99 = percentiles
    return Latency(p50=p50, p95=p95, p99=p99)


def _parameters(query: ReportQuery) -> dict[str, Any]:
    return {"since": query.since, "until": query.until, "customer": query.customer}


def _sums_sql(query: ReportQuery) -> bytes:
    """All breakdowns in one statement: from the images of one customer, or from the daily views of all."""
    is_one_customer = query.customer is not None
    selects = []
    for kind, view in _VIEWS.items():
        name = "NULL" if kind == "day" else kind
        source = "customer_images" if is_one_customer else f"{view} {_DAYS}"
        keys = ", ".join(("day, route" if kind == "day" else "NULL::date, NULL::text", f"{name}::text"))
        grouped = "day, route" if kind == "day" else kind
        selects.append(f"SELECT '{kind}', {keys}, {_SUMS} FROM {source} GROUP BY {grouped}")  # noqa: S608 - composed of constants
    return f"{_CUSTOMER_IMAGES if is_one_customer else ''} {' UNION ALL '.join(selects)}".encode()


def _period_sums(rows: Sequence[tuple[Any, ...]]) -> PeriodSums:
    by: dict[str, dict[str, Sums]] = {name: {} for name in DIMENSIONS}
    days, failures = {}, {}
    for kind, day, route, name, *values in rows:
        sums = Sums(**dict(zip(_NUMBERS, (value or 0 for value in values), strict=True)))
        if kind == "day":
            days[day, route] = sums
        elif kind != "code":
            by[kind][name] = sums
        elif name:
            failures[name] = sums.images
    return PeriodSums(by=by, days=days, failures=failures)

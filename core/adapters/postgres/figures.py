"""What a report counts, in the views of the ledger (docs/reference/ledger.md) that Grafana's panels read too."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
from psycopg.errors import UndefinedColumn, UndefinedFunction, UndefinedTable

from core.adapters.postgres.connection import Database
from core.domain.errors import Code, Misconfigured, Unavailable
from core.ports.reports import DIMENSIONS, KEY, Counted, Latency, Question, Row, Sums

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
#: What is counted: by what, and in which view for everybody. Those are sums already, however many images there are.
_COUNTED = {
    "day": "days_by_source",
    "source": "days_by_source",
    "route": "days_by_source",
    "format": "days_by_format",
    "pipeline": "days_by_pipeline",
    "code": "days_by_code",
    "customer": "customer_days",
}
_PERCENTILES = "percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency)"
#: Every query here is made of names alone: values go beside it.
_MINE = f"WITH mine AS MATERIALIZED ({_IMAGES} AND f.customer = %(customer)s)"
_LATENCIES = {
    False: """
        SELECT day, ARRAY[histogram_percentile(0.5, array_agg(bucket), array_agg(images)),
                          histogram_percentile(0.95, array_agg(bucket), array_agg(images)),
                          histogram_percentile(0.99, array_agg(bucket), array_agg(images))]
          FROM histogram_days WHERE name = 'Latency' AND day BETWEEN %(since)s AND %(until)s
         GROUP BY GROUPING SETS ((day), ())
    """,
    True: f"{_MINE} SELECT day, {_PERCENTILES} FROM mine GROUP BY GROUPING SETS ((day), ())",  # noqa: S608 - no value is in it
}
_KEYS = ", ".join(f"coalesce({name}, '')" for name in KEY)
_ROWS = f"""
    SELECT {", ".join(KEY)}, count(*), sum(outputs)::bigint, sum(bytes_in)::bigint, sum(bytes_out)::bigint,
           sum(bytes_saved)::bigint, sum(seconds)::float8, sum(cpu_seconds)::float8, sum(usd)::float8, {_PERCENTILES}
      FROM ({_IMAGES} AND (%(customer)s::text IS NULL OR f.customer = %(customer)s)) images
     WHERE %(after)s::text[] = '{{}}' OR ARRAY[{_KEYS}] COLLATE "C" > %(after)s::text[]
     GROUP BY {", ".join(KEY)} ORDER BY ARRAY[{_KEYS}] COLLATE "C" LIMIT %(most)s
"""  # noqa: S608 - no value is in it
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresFigures:
    """Counts in the ledger, by one connection; changes nothing."""

    def __init__(self, database: Database | str) -> None:
        """The database, or the URL of one that asks for nothing else."""
        self._database = Database(database) if isinstance(database, str) else database

    def counted(self, questions: Sequence[Question]) -> list[Counted]:
        with self._snapshot() as cursor:
            return [
                _counted(cursor.execute(_counting(one=question.customer is not None), _asked(question)).fetchall())
                for question in questions
            ]

    def latencies(self, question: Question) -> tuple[Latency | None, dict[date, Latency]]:
        with self._snapshot() as cursor:
            query = _LATENCIES[question.customer is not None].encode()
            found = dict(cursor.execute(query, _asked(question)).fetchall())
        whole = found.pop(None, None)
        days = {day: _latency(values) for day, values in found.items()}
        return (_latency(whole) if days else None), days

    def rows(self, question: Question, day: date, after: tuple[str, ...], most: int) -> list[Row]:
        asked = {**_asked(question), "since": day, "until": day, "after": list(after), "most": most}
        with self._snapshot() as cursor:
            return [_row(day, found) for found in cursor.execute(_ROWS.encode(), asked).fetchall()]

    def close(self) -> None:
        self._database.hang_up()

    @contextmanager
    def _snapshot(self) -> Iterator[psycopg.Cursor[Any]]:
        try:
            connection = self._database.connection()
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(_SNAPSHOT)
                yield cursor
            self._database.rest()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._database.hang_up()
            raise Unavailable(Code.DATABASE_UNAVAILABLE, f"The database was not reached: {_told(error)}") from error
        except (UndefinedTable, UndefinedColumn, UndefinedFunction) as error:
            message = f"The database is not this release's: {_told(error)}. Is its `pictureperfect migrate` done?"
            raise Misconfigured(Code.INVALID_RESULT, message) from error
        except psycopg.Error as error:
            raise Misconfigured(Code.INVALID_RESULT, f"The database did not answer: {_told(error)}.") from error


def _told(error: Exception) -> str:
    return str(error).partition("\n")[0].strip() or type(error).__name__


def _asked(question: Question) -> dict[str, Any]:
    return {"since": question.since, "until": question.until, "customer": question.customer}


def _counting(*, one: bool) -> bytes:
    """Everything that is counted, in one query: of one customer from the images, of all from the sums of days."""
    parts = []
    for kind, view in _COUNTED.items():
        name = "NULL" if kind == "day" else kind
        place = "mine" if one else f"{view} {_DAYS}"
        keys = ", ".join(("day, route" if kind == "day" else "NULL::date, NULL::text", f"{name}::text"))
        grouped = "day, route" if kind == "day" else kind
        parts.append(f"SELECT '{kind}', {keys}, {_SUMS} FROM {place} GROUP BY {grouped}")  # noqa: S608 - no value is in it
    return f"{_MINE if one else ''} {' UNION ALL '.join(parts)}".encode()


def _counted(found: Sequence[tuple[Any, ...]]) -> Counted:
    by: dict[str, dict[str, Sums]] = {name: {} for name in DIMENSIONS}
    days, failures = {}, {}
    for kind, day, route, name, *numbers in found:
        sums = Sums(**dict(zip(_NUMBERS, (number or 0 for number in numbers), strict=True)))
        if kind == "day":
            days[day, route] = sums
        elif kind != "code":
            by[kind][name] = sums
        elif name:
            failures[name] = sums.images
    return Counted(by=by, days=days, failures=failures)


def _latency(values: Sequence[float]) -> Latency:
    return Latency(p50=values[0], p95=values[1], p99=values[2])


def _row(day: date, found: Sequence[Any]) -> Row:
    *values, percentiles = found
    return Row(day, *values, *percentiles)

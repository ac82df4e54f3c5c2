"""PostgreSQL as the ledger."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any, TypeVar

import msgspec
import psycopg

from core import prices
from core.adapters.database import Database
from core.errors import Code, Misconfigured, Unavailable
from core.model import Result, Tombstone
from core.prices import Prices

T = TypeVar("T")
#: The architectures that the sums tell apart.
_MACHINES = ("x86_64", "aarch64")
_MIGRATION = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
#: What PostgreSQL holds in an `integer` and in a `bigint`; and what sums of `double precision` are far from an end with.
_INTEGER, _BIGINT, _DOUBLE = 2**31 - 1, 2**63 - 1, 1e18
_TIMES = datetime(1, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_NAME = 200  # characters of a rendition's name: an index has room for some thousand bytes
_NUL, _NO_NUL = b"\\u0000", "\N{REPLACEMENT CHARACTER}"
#: Raised when rows of results that are there already would become others: a replay writes them again.
WRITER = 1
_MIGRATIONS = """
    CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
"""
_RECORD = "SELECT record(%s::json, %s::json, %s::json)"
_SET_PRICE = """
    INSERT INTO prices (valid_from, service, machine, item, usd, region) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (valid_from, service, machine, item) DO UPDATE SET usd = excluded.usd, region = excluded.region
    WHERE (prices.usd, prices.region) IS DISTINCT FROM (excluded.usd, excluded.region)
"""
#: From today on, where it is another than before; the first one from the beginning.
_SET_RETENTION = """
    INSERT INTO retention (valid_from, days)
    SELECT CASE WHEN EXISTS (SELECT FROM retention) THEN (now() AT TIME ZONE 'UTC')::date ELSE '0001-01-01' END, %(days)s
     WHERE NOT EXISTS (SELECT FROM retention)
        OR (SELECT days FROM retention ORDER BY valid_from DESC LIMIT 1) IS DISTINCT FROM %(days)s
    ON CONFLICT (valid_from) DO UPDATE SET days = excluded.days
"""
_ROW = """
    SELECT to_jsonb(i) || jsonb_build_object('renditions', coalesce(
        (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.name, r.format) FROM renditions r
          WHERE r.image_id = i.image_id), '[]'))
      FROM images i WHERE i.image_id = %s::uuid
"""


class PostgresLedger:
    """Records what was committed, by one connection."""

    def __init__(self, database: Database | str) -> None:
        """The database, or the URL of one that asks for nothing else."""
        self._database = Database(database) if isinstance(database, str) else database

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        highest = {result.image_id: result for result in sorted(results, key=lambda result: result.run)}
        images = [image_row(result) for result in highest.values()]
        renditions = [row for result in highest.values() for row in rendition_rows(result)]
        rows = [storable(rows) for rows in (images, renditions, [_tombstone_row(item) for item in tombstones])]
        with self._transaction() as cursor:
            found = cursor.execute(_RECORD, rows).fetchone()
        return frozenset(str(image) for image in found[0]) if found else frozenset()

    def migrate(self, retention_days: int | None = None) -> list[str]:
        """Apply the numbered migrations that were not applied yet, in order; returns their names.

        All is one transaction. Two that run at once wait for each other. The prices of this release are written down
        too, and after how many days objects expire from today on (None: they do not).
        """
        applied = []
        with self._transaction() as cursor:
            _lock(cursor)
            cursor.execute("SELECT name FROM schema_migrations")
            known = {row[0] for row in cursor.fetchall()}
            for name, sql in _migrations():
                if name not in known:
                    cursor.execute(sql.encode())
                    cursor.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [name])
                    applied.append(name)
            cursor.executemany(_SET_PRICE, price_rows(prices.history()))
            cursor.execute(_SET_RETENTION, {"days": retention_days})
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
        except psycopg.errors.LockNotAvailable as error:
            self._database.hang_up()
            raise Unavailable(
                Code.DATABASE_UNAVAILABLE,
                "Another session of the database held what this one needed for too long; pg_blocking_pids names it. "
                "Nothing was written, and it may be tried again.",
            ) from error
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


def _lock(cursor: psycopg.Cursor[Any]) -> None:
    """Two deployments wait for each other, by a lock that needs a right to write: anybody may take an advisory one.

    Later locks are not waited for without an end: recorders would wait behind them.
    """
    with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable), cursor.connection.transaction():
        # IF NOT EXISTS does not see what is being made: then the other has committed by now
        cursor.execute(_MIGRATIONS)
    cursor.execute("LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("SET LOCAL lock_timeout = '30s'")


def _migrations() -> list[tuple[str, str]]:
    folder = files("core.adapters").joinpath("schema")
    found = sorted(item.name for item in folder.iterdir() if _MIGRATION.fullmatch(item.name))
    return [(name, folder.joinpath(name).read_text(encoding="utf-8")) for name in found]


def _schema(name: str) -> bytes:
    return files("core.adapters").joinpath("schema", name).read_bytes()


def image_row(result: Result) -> dict[str, Any]:
    """The row of `images`, by its columns.

    What its column does not hold, becomes the nearest that it does: a file may claim any sides, a clock any year, and
    an image whose row is refused would never end.
    """
    header, usage, source, billed, estimate = (
        result.header, result.usage, result.source, result.billed, result.estimate
    )  # fmt: skip
    sizes = [rendition.bytes for rendition in result.renditions]
    row = {
        **{name: getattr(result, name) for name in _OF_RESULT},
        **({name: getattr(header, name) for name in _OF_HEADER} if header else {}),
        **({f"estimated_{name}": getattr(estimate, name) for name in _OF_ESTIMATE} if estimate else {}),
        "seconds": usage.seconds,
        "cpu_seconds": usage.cpu_seconds,
        "peak_bytes": usage.peak_bytes,
        "name": source.name,
        "source": str(source.object),
        "source_bytes": source.bytes,
        "source_sha256": source.sha256,
        "outputs": len(sizes),
        "bytes_out": sum(sizes),
        "largest_bytes": max(sizes, default=None),
        "billed_seconds": billed.seconds if billed else None,
        "memory_mb": billed.memory_mb if billed else None,
        "vcpus": billed.vcpus if billed else None,
        "tier": (billed.tier or None) if billed else None,
        "machine": billed.machine if billed else None,
        "written_by": WRITER,
    }
    row["received_at"], row["committed_at"] = _held_time(result.received_at), _held_time(result.committed_at)
    return _held(row, _MOST)


_OF_RESULT = (
    "image_id", "run", "customer", "pipeline", "door", "route", "reason", "status", "code", "message",
    "measurements", "operations", "received_at", "committed_at", "version",
)  # fmt: skip
_OF_HEADER = ("format", "width", "height", "channels", "depth", "frames")
_OF_ESTIMATE = ("cpu_seconds", "cpu_seconds_upper", "peak_bytes", "peak_bytes_upper")
_OF_RENDITION = ("name", "format", "width", "height", "bytes", "sha256", "key", "url", "frames")
_MOST_OF_RENDITION = {"width": _BIGINT, "height": _BIGINT, "bytes": _BIGINT, "frames": _INTEGER}
_MOST = {
    **dict.fromkeys(("run", "channels", "depth", "frames", "outputs", "memory_mb"), _INTEGER),
    **dict.fromkeys(("width", "height", "source_bytes", "bytes_out", "largest_bytes", "peak_bytes"), _BIGINT),
    **dict.fromkeys(("estimated_peak_bytes", "estimated_peak_bytes_upper"), _BIGINT),
    **dict.fromkeys(("seconds", "cpu_seconds", "billed_seconds", "vcpus"), _DOUBLE),
    **dict.fromkeys(("estimated_cpu_seconds", "estimated_cpu_seconds_upper"), _DOUBLE),
}


def rendition_rows(result: Result) -> list[dict[str, Any]]:
    """The rows of `renditions`, by their columns; of two of one name and format the last."""
    rows = {}
    for rendition in result.renditions:
        row: dict[str, Any] = {"image_id": result.image_id}
        row |= {name: getattr(rendition, name) for name in _OF_RENDITION}
        row["name"] = rendition.name[:_NAME].replace("\0", _NO_NUL)
        rows[row["name"], rendition.format] = _held(row, _MOST_OF_RENDITION)
    return list(rows.values())


def _held(row: dict[str, Any], limits: dict[str, float]) -> dict[str, Any]:
    for name, most in limits.items():
        value = row.get(name)
        if value is not None and not -most <= value <= most:
            row[name] = most if value > 0 else -most
    return row


def _held_time(value: datetime) -> datetime:
    """In UTC, which PostgreSQL holds whatever zone it came in; without one it is taken for that."""
    first, last = _TIMES
    try:
        return min(max(value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC), first), last)
    except OverflowError:
        return first if value.year == 1 else last


def price_rows(dated: Sequence[Prices]) -> list[tuple[date, str, str, str, Decimal, str]]:
    """The rows of `prices`, from the oldest on.

    A file that does not know an architecture leaves it what it cost before, else what it costs first, else x86_64's
    price: where there were none, an image's dollars would be missing in every sum.
    """
    functions = _filled([one.functions for one in dated])
    fargate = _filled([one.fargate for one in dated])
    return [
        (date.fromisoformat(one.date), service, machine, item, Decimal(repr(usd)), one.region)
        for one, on_lambda, on_fargate in zip(dated, functions, fargate, strict=True)
        for service, machine, asked in (
            *(("lambda", machine, price) for machine, price in on_lambda.items()),
            *(("fargate", machine, price) for machine, price in on_fargate.items()),
            ("s3", "", one.s3),
        )
        for item, usd in msgspec.structs.asdict(asked).items()
    ]


def _filled(dated: Sequence[dict[str, T]]) -> list[dict[str, T]]:
    """Each with a price for every architecture that one of them knows, and for those that the ledger tells apart."""
    first: dict[str, T] = {}
    for one in reversed(dated):
        first |= one
    known, filled = first, []
    for one in dated:
        known = {**known, **one}
        filled.append({machine: known.get(machine, known["x86_64"]) for machine in dict.fromkeys((*known, *_MACHINES))})
    return filled


def _tombstone_row(tombstone: Tombstone) -> dict[str, Any]:
    return msgspec.structs.asdict(tombstone)


def storable(rows: list[dict[str, Any]]) -> str:
    """As JSON; without NUL, which PostgreSQL cannot hold in text."""
    body = msgspec.json.encode(rows)
    if _NUL in body:
        body = msgspec.json.encode(_without_nul(msgspec.to_builtins(rows)))
    return body.decode()


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - plain JSON values
    match value:
        case str():
            return value.replace("\0", _NO_NUL)
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(name): _without_nul(item) for name, item in value.items()}
        case _:
            return value


def _first_line(error: Exception) -> str:
    """What went wrong, without the statement and its values: they are customers'."""
    return str(error).partition("\n")[0].strip() or type(error).__name__

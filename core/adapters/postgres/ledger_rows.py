"""Results, tombstones and prices as rows of the ledger, within the limits of PostgreSQL's types."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from core.domain.model import Result, Tombstone
from core.routing.prices import Prices

T = TypeVar("T")
#: The architectures that the views price separately.
_MACHINES = ("x86_64", "aarch64")
#: The largest `integer` and `bigint`, and a `double precision` small enough that sums of many stay finite.
#: https://www.postgresql.org/docs/current/datatype-numeric.html
_INTEGER, _BIGINT, _DOUBLE = 2**31 - 1, 2**63 - 1, 1e18
_FIRST_TIME, _LAST_TIME = datetime(1, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_RENDITION_NAME = 200  # characters: an index entry holds at most 2,704 bytes
_NUL, _NUL_REPLACEMENT = b"\\u0000", "\N{REPLACEMENT CHARACTER}"
#: Version of the mapping below. Raise it if stored results would give other rows: then a replay rewrites them.
WRITER = 1


def image_row(result: Result) -> dict[str, Any]:
    """The row of `images`, by column.

    Numbers and times outside a column's range become the nearest value in it: a file may claim any dimensions and a
    clock any year, and an image whose row the database refuses would never end.
    """
    header, usage, source, billed, estimate = (
        result.header, result.usage, result.source, result.billed, result.estimate
    )  # fmt: skip
    sizes = [rendition.bytes for rendition in result.renditions]
    row = {
        **{name: getattr(result, name) for name in _RESULT_FIELDS},
        **({name: getattr(header, name) for name in _HEADER_FIELDS} if header else {}),
        **({f"estimated_{name}": getattr(estimate, name) for name in _ESTIMATE_FIELDS} if estimate else {}),
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
    row["received_at"], row["committed_at"] = _clamped_time(result.received_at), _clamped_time(result.committed_at)
    return _clamped(row, _IMAGE_MAXIMA)


_RESULT_FIELDS = (
    "image_id", "run", "customer", "pipeline", "door", "route", "reason", "status", "code", "message",
    "measurements", "operations", "received_at", "committed_at", "version",
)  # fmt: skip
_HEADER_FIELDS = ("format", "width", "height", "channels", "depth", "frames")
_ESTIMATE_FIELDS = ("cpu_seconds", "cpu_seconds_upper", "peak_bytes", "peak_bytes_upper")
_RENDITION_FIELDS = ("name", "format", "width", "height", "bytes", "sha256", "key", "url", "frames")
_RENDITION_MAXIMA = {"width": _BIGINT, "height": _BIGINT, "bytes": _BIGINT, "frames": _INTEGER}
_IMAGE_MAXIMA = {
    **dict.fromkeys(("run", "channels", "depth", "frames", "outputs", "memory_mb"), _INTEGER),
    **dict.fromkeys(("width", "height", "source_bytes", "bytes_out", "largest_bytes", "peak_bytes"), _BIGINT),
    **dict.fromkeys(("estimated_peak_bytes", "estimated_peak_bytes_upper"), _BIGINT),
    **dict.fromkeys(("seconds", "cpu_seconds", "billed_seconds", "vcpus"), _DOUBLE),
    **dict.fromkeys(("estimated_cpu_seconds", "estimated_cpu_seconds_upper"), _DOUBLE),
}


def rendition_rows(result: Result) -> list[dict[str, Any]]:
    """The rows of `renditions`, by column. Of two with the same name and format, the last wins."""
    rows = {}
    for rendition in result.renditions:
        row: dict[str, Any] = {"image_id": result.image_id}
        row |= {name: getattr(rendition, name) for name in _RENDITION_FIELDS}
        row["name"] = rendition.name[:_RENDITION_NAME].replace("\0", _NUL_REPLACEMENT)
        rows[row["name"], rendition.format] = _clamped(row, _RENDITION_MAXIMA)
    return list(rows.values())


def _clamped(row: dict[str, Any], maxima: Mapping[str, float]) -> dict[str, Any]:
    for name, maximum in maxima.items():
        value = row.get(name)
        if value is not None and not -maximum <= value <= maximum:
            row[name] = maximum if value > 0 else -maximum
    return row


def _clamped_time(value: datetime) -> datetime:
    """The time in UTC, within the range of `timestamptz`. A time without a zone counts as UTC."""
    try:
        in_utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        return _FIRST_TIME if value.year == 1 else _LAST_TIME
    return min(max(in_utc, _FIRST_TIME), _LAST_TIME)


def price_rows(dated: Sequence[Prices]) -> list[tuple[date, str, str, str, Decimal, str]]:
    """The rows of `prices` from price files, oldest first.

    A file without an architecture keeps its previous price, else takes its first later price, else x86_64's: without
    a price, an image's dollars would be missing from every sum.
    """
    functions = _with_all_machines([prices.functions for prices in dated])
    fargate = _with_all_machines([prices.fargate for prices in dated])
    return [
        (date.fromisoformat(prices.date), service, machine, item, Decimal(repr(usd)), prices.region)
        for prices, on_lambda, on_fargate in zip(dated, functions, fargate, strict=True)
        for service, machine, price in (
            *(("lambda", machine, price) for machine, price in on_lambda.items()),
            *(("fargate", machine, price) for machine, price in on_fargate.items()),
            ("s3", "", prices.s3),
        )
        for item, usd in msgspec.structs.asdict(price).items()
    ]


def _with_all_machines(dated: Sequence[dict[str, T]]) -> list[dict[str, T]]:
    """Prices by architecture, each file's with all architectures of all files and of `_MACHINES`."""
    known: dict[str, T] = {}
    for by_machine in reversed(dated):
        known |= by_machine
    filled = []
    for by_machine in dated:
        known = {**known, **by_machine}
        filled.append({machine: known.get(machine, known["x86_64"]) for machine in dict.fromkeys((*known, *_MACHINES))})
    return filled


def tombstone_row(tombstone: Tombstone) -> dict[str, Any]:
    """The row of `tombstones`, by column."""
    return msgspec.structs.asdict(tombstone) | {"requested_at": _clamped_time(tombstone.requested_at)}


def storable_json(rows: list[dict[str, Any]]) -> str:
    """The rows as JSON, each NUL replaced by U+FFFD: PostgreSQL's text cannot hold NUL."""
    body = msgspec.json.encode(rows)
    if _NUL in body:
        body = msgspec.json.encode(_without_nul(msgspec.to_builtins(rows)))
    return body.decode()


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - plain JSON values
    match value:
        case str():
            return value.replace("\0", _NUL_REPLACEMENT)
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(name): _without_nul(item) for name, item in value.items()}
        case _:
            return value

"""What the ledger's rows are made of: results, tombstones and prices, as PostgreSQL can hold them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from core.domain.model import Result, Tombstone
from core.routing.prices import Prices

T = TypeVar("T")
#: The architectures that the sums tell apart.
_MACHINES = ("x86_64", "aarch64")
#: What PostgreSQL holds in an `integer` and in a `bigint`; and a `double precision` of which many can be added up.
_INTEGER, _BIGINT, _DOUBLE = 2**31 - 1, 2**63 - 1, 1e18
_TIMES = datetime(1, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_NAME = 200  # characters of a rendition's name: an index has room for some thousand bytes
_NUL, _NO_NUL = b"\\u0000", "\N{REPLACEMENT CHARACTER}"
#: Raised when rows of results that are there already would become others: a replay writes them again.
WRITER = 1


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


def _held(row: dict[str, Any], limits: Mapping[str, float]) -> dict[str, Any]:
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


def tombstone_row(tombstone: Tombstone) -> dict[str, Any]:
    """The row of `tombstones`, by its columns."""
    return msgspec.structs.asdict(tombstone) | {"requested_at": _held_time(tombstone.requested_at)}


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

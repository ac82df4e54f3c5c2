"""A generated year of images: in PostgreSQL, and as arrays in which the generator counts without SQL.

COPY inserts the images, and `roll_up`, the recorder's own function, makes the sums of days and months. Everything is
drawn from one seed. Quantities are integers (microseconds, bytes), so that sums are exact.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from core.domain.errors import Code
from core.routing.batch_tiers import TIERS

FIRST_DAY = date(2025, 1, 1)
DAYS = 365
#: A price change in the middle of a month, as in AWS.
PRICES_CHANGE = date(2025, 6, 11)
SOURCES = ("upload", "direct", "reference", "kafka")
ROUTES = ("lambda", "batch")
MACHINES = ("x86_64", "aarch64")
FORMATS = ("jpeg", "png", "webp", "heic", "avif", "tiff", "gif", "psd")
PIPELINES = ("web", "thumbnail", "archive", "restore")
_OUTPUTS = np.array([8, 1, 1, 2])
#: The empty code stands for processed images.
CODES = (
    "", Code.CORRUPT_IMAGE.value, Code.UNSUPPORTED_FORMAT.value, Code.TOO_MANY_PIXELS.value, Code.EMPTY_FILE.value,
    Code.TIMED_OUT.value, Code.OUT_OF_MEMORY.value, Code.WORKER_CRASHED.value, Code.OPERATION_FAILED.value,
)  # fmt: skip
_FUNCTION_MB = 3008
_CHUNK = 10_000

Integers = NDArray[np.int64]
_DIMENSIONS = {"source": SOURCES, "route": ROUTES, "machine": MACHINES, "format": FORMATS, "pipeline": PIPELINES,
               "code": CODES}  # fmt: skip


@dataclass(frozen=True)
class Year:
    """An array for each column, with an element for each image; dimensions are indices into the lists above."""

    customers: tuple[str, ...]
    columns: dict[str, Integers]

    @property
    def images(self) -> int:
        return len(self.columns["day"])

    def sums(self, *dimensions: str, of: str = "images", where: dict[str, str] | None = None) -> dict[Any, int]:
        """The sum of the column `of` (or of `images`, a count) for each combination of values of the dimensions.

        Dimensions are day, month, customer, source, route, machine, format, pipeline, code; keys are tuples of their
        dates and names, () without dimensions. `where` filters by a dimension's name.
        """
        chosen = np.ones(self.images, bool)
        for name, value in (where or {}).items():
            chosen &= self.columns[name] == self._values(name).index(value)
        numbers = np.ones(self.images, np.int64) if of == "images" else self.columns[of]
        lists = [self._values(name) for name in dimensions]
        cell = np.zeros(self.images, np.int64)
        for name, values in zip(dimensions, lists, strict=True):
            cell = cell * len(values) + self.columns[name]
        cells, inverse = np.unique(cell[chosen], return_inverse=True)
        totals = np.zeros(len(cells), np.int64)
        np.add.at(totals, inverse, numbers[chosen])
        return {self._key(int(index), lists): int(total) for index, total in zip(cells, totals, strict=True)}

    def _key(self, cell: int, lists: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        key: list[Any] = []
        for values in reversed(lists):
            cell, index = divmod(cell, len(values))
            key.append(values[index])
        return tuple(reversed(key))

    def _values(self, name: str) -> Sequence[Any]:
        match name:
            case "day":
                return [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
            case "month":
                return [date(FIRST_DAY.year, number + 1, 1) for number in range(12)]
            case "customer":
                return self.customers
            case _:
                return _DIMENSIONS[name]


def draw(images: int, customers: int = 500, seed: int = 1) -> Year:
    """Draw a year: a few customers send most images, more come in summer and by day, 3 % fail."""
    dice = np.random.default_rng(seed)

    def choices(weights: Sequence[float]) -> Integers:
        shares = np.array(weights, float)
        return dice.choice(len(shares), images, p=shares / shares.sum())

    def log_normal(median: float, sigma: float, maximum: float) -> Integers:
        return np.minimum(median * np.exp(sigma * dice.standard_normal(images)), maximum).astype(np.int64)

    day = choices([1 + 0.4 * np.sin(2 * np.pi * (number - 80) / DAYS) for number in range(DAYS)])
    months = np.array([(FIRST_DAY + timedelta(days=number)).month - 1 for number in range(DAYS)])
    pipeline, code = choices([6, 2, 1, 1]), choices([97, 1, 0.6, 0.4, 0.3, 0.2, 0.2, 0.2, 0.1])
    processed = (code == 0).astype(np.int64)
    route = np.where(pipeline == PIPELINES.index("restore"), choices([3, 7]), choices([97, 3]))
    batch = route == 1
    outputs = _OUTPUTS[pipeline] * processed
    bytes_in = log_normal(1.5e6, 1.1, 4e8)
    largest = np.where(outputs > 0, (bytes_in * dice.uniform(0.05, 1.2, images)).astype(np.int64) + 100, 0)
    estimated = log_normal(4e5, 0.9, 9e8)
    cpu = np.maximum((estimated * np.exp(0.15 * dice.standard_normal(images))).astype(np.int64), 1)
    wall = np.maximum((cpu * dice.uniform(0.6, 1.1, images)).astype(np.int64), 1)
    width, height = log_normal(3000, 0.4, 20_000) + 1, log_normal(2000, 0.4, 20_000) + 1
    tier = np.where(batch, choices([5, 3, 2, 1, 1]), -1)
    peak = log_normal(3e8, 0.4, 2e10)
    return Year(
        customers=tuple(f"customer-{number:03d}" for number in range(customers)),
        columns={
            "day": day,
            "month": months[day],
            "second": choices([1 + 0.8 * np.sin(2 * np.pi * (number - 8) / 24) for number in range(24)]) * 3600
            + dice.integers(0, 3600, images),
            "customer": choices([1 / (number + 3) ** 0.7 for number in range(customers)]),
            "source": choices([5, 2, 1, 4]),
            "route": route,
            "machine": (dice.random(images) < 0.3).astype(np.int64),
            "format": choices([60, 14, 10, 6, 4, 3, 2, 1]),
            "pipeline": pipeline,
            "code": code,
            "failed": 1 - processed,
            "outputs": outputs,
            "bytes_in": bytes_in,
            "bytes_out": largest + (outputs > 1) * (largest * dice.uniform(0.5, 2, images)).astype(np.int64),
            "bytes_saved": np.where(outputs > 0, bytes_in - largest, 0),
            "largest": largest,
            "seconds": wall,
            "cpu_seconds": cpu,
            "latency_seconds": wall + np.where(batch, log_normal(9e7, 0.5, 4e9), log_normal(9e5, 0.8, 4e9)),
            "billed_seconds": np.where(batch, np.maximum(wall + 1_000_000, 60_000_000), wall + 250_000),
            "estimated_cpu_seconds": estimated,
            "peak_bytes": peak,
            "width": width,
            "height": height,
            "tier": tier,
            "looks": dice.integers(-(2**63), 2**63 - 1, images),
            "sharpness": log_normal(4e4, 1.2, 1e7),
            "id_high": dice.integers(0, 2**63 - 1, images),
            "id_low": dice.integers(0, 2**63 - 1, images),
        },
    )


_COPY = """
    COPY images (
        image_id, run, customer, pipeline, door, route, reason, status, code, message, name, source, source_bytes,
        source_sha256, format, width, height, channels, depth, frames, seconds, cpu_seconds, peak_bytes, received_at,
        committed_at, version, measurements, operations, outputs, bytes_out, largest_bytes, estimated_cpu_seconds,
        estimated_cpu_seconds_upper, estimated_peak_bytes, estimated_peak_bytes_upper, billed_seconds, memory_mb,
        vcpus, tier, machine, written_by
    ) FROM STDIN
"""
_ROLL_UP = """
    SELECT roll_up(array_agg(images), '{}') FROM images
     WHERE committed_at >= %s AND committed_at < %s + interval '1 month'
"""


def fill(connection: psycopg.Connection[Any], year: Year) -> None:
    """Fill a migrated, empty database: the images by COPY, the sums by the recorder's own function."""
    with connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            for chunk in _lines(year):
                copy.write(chunk)
        cursor.execute("ANALYZE images")
        for month in range(1, 13):
            cursor.execute(_ROLL_UP, [datetime(FIRST_DAY.year, month, 1, tzinfo=UTC)] * 2)
    connection.commit()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.commit()


def _lines(year: Year) -> Iterator[str]:
    """The images as tab-separated lines in the order of their commits, in chunks; `12e-6` is 12 microseconds."""
    order = np.lexsort((year.columns["second"], year.columns["day"]))
    for start in range(0, year.images, _CHUNK):
        part = {name: column[order[start : start + _CHUNK]] for name, column in year.columns.items()}
        yield "\n".join(map(_ROW.__mod__, zip(*_cells(part, year), strict=True))) + "\n"


#: A line of the COPY: `%s` for each cell that differs between images.
_ROW = (
    "%s 0 %s %s %s %s fits %s %s \\N picture.jpg s3://home/incoming/%s %s %064x %s %s %s 3 8 1 %se-6 %se-6 %s %s %s 1 "
    '{"perceptual-hash":"%016x","sharpness":%se-2} {} %s %s %s %se-6 %se-7 %s %s %se-6 %s %s %s %s 1'
).replace(" ", "\t")


def _cells(part: dict[str, Integers], year: Year) -> list[list[Any]]:
    def named(name: str, values: Sequence[str]) -> list[str]:
        return np.array(values, object)[part[name]].tolist()  # type: ignore[no-any-return]

    first = np.datetime64(FIRST_DAY.isoformat(), "us")
    committed = first + (part["day"] * 86_400 + part["second"]).astype("timedelta64[s]")
    received = committed - part["latency_seconds"].astype("timedelta64[us]")
    ids = [
        f"{high:016x}{low:016x}" for high, low in zip(part["id_high"].tolist(), part["id_low"].tolist(), strict=True)
    ]
    made = part["outputs"] > 0
    largest = [str(size) if has else r"\N" for size, has in zip(part["largest"].tolist(), made.tolist(), strict=True)]
    tiers = np.append([tier.name for tier in TIERS], r"\N")
    memory = np.append([tier.memory_mb for tier in TIERS], _FUNCTION_MB)
    vcpus = np.append([float(tier.vcpus) for tier in TIERS], 1.7)
    numbers = {name: column.tolist() for name, column in part.items()}
    return [
        ids, named("customer", year.customers), named("pipeline", PIPELINES), named("source", SOURCES),
        named("route", ROUTES), np.where(part["code"] > 0, "failed", "processed").tolist(),
        named("code", (r"\N", *CODES[1:])), ids, numbers["bytes_in"], numbers["id_high"], named("format", FORMATS),
        numbers["width"], numbers["height"], numbers["seconds"], numbers["cpu_seconds"], numbers["peak_bytes"],
        np.datetime_as_string(received, timezone="UTC").tolist(),
        np.datetime_as_string(committed, timezone="UTC").tolist(),
        (part["looks"].view(np.uint64)).tolist(), numbers["sharpness"], numbers["outputs"],
        (part["bytes_out"] * made).tolist(), largest, numbers["estimated_cpu_seconds"],
        (part["estimated_cpu_seconds"] * 13).tolist(), (part["peak_bytes"] // 2).tolist(),
        (part["peak_bytes"] + 1).tolist(), numbers["billed_seconds"], memory[part["tier"]].tolist(),
        vcpus[part["tier"]].tolist(), tiers[part["tier"]].tolist(), named("machine", MACHINES),
    ]  # fmt: skip


def rows_read(connection: psycopg.Connection[Any], query: str | bytes) -> Counter[str]:
    """The rows of each table that a query reads, those that it filters out included, by EXPLAIN ANALYZE."""
    statement = query.encode() if isinstance(query, str) else query
    explained = connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) " + statement).fetchone()
    assert explained
    tables: Counter[str] = Counter()
    nodes = [explained[0][0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:  # index scans have it too, but not the index part of a bitmap scan
            filtered = sum(node.get(f"Rows Removed by {step}", 0) for step in ("Filter", "Index Recheck"))
            tables[node["Relation Name"]] += round((node["Actual Rows"] + filtered) * node["Actual Loops"])
    return tables

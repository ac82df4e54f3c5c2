"""A report's rows as CSV or Parquet. docs/reference/cli.md describes the columns."""

import csv
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

import msgspec
import pyarrow as pa
from pyarrow import parquet

from core.ports.report_rows import Row

COLUMNS = Row.__struct_fields__
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 50_000  # rows of a Parquet row group, all in memory at once

_TYPES = {
    "day": pa.date32(),
    **dict.fromkeys(
        ("customer", "source", "route", "format", "pipeline", "status", "code"), pa.dictionary(pa.int32(), pa.string())
    ),
    **dict.fromkeys(("images", "outputs", "bytes_in", "bytes_out", "bytes_saved"), pa.int64()),
}
SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, pa.float64()), nullable=name == "code") for name in COLUMNS])


def write_csv(rows: Iterable[Row], file: TextIO) -> int:
    """Write CSV (RFC 4180) with a header row. Missing values are empty. Returns the row count."""
    writer, count = csv.writer(file), 0
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])
        count += 1
    return count


def write_parquet(rows: Iterable[Row], file: Path | BinaryIO) -> int:
    """Write one Parquet file, with `_BATCH` rows at a time in memory. Returns the row count."""
    remaining, count = iter(rows), 0
    with parquet.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(remaining, _BATCH)):
            writer.write_table(pa.Table.from_pylist([msgspec.structs.asdict(row) for row in batch], schema=SCHEMA))
            count += len(batch)
    return count


def _cell(value: object) -> object:
    """Floats with the fewest digits that identify them; an apostrophe before a text that would be a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return repr(value) if isinstance(value, float) else value

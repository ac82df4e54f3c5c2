"""A report as rows: CSV for spreadsheets, Parquet for data frames; docs/reference/cli.md has the columns."""

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
_BATCH = 50_000  # rows of a row group, which are in memory at once

_TYPES = {
    "day": pa.date32(),
    **dict.fromkeys(
        ("customer", "source", "route", "format", "pipeline", "status", "code"), pa.dictionary(pa.int32(), pa.string())
    ),
    **dict.fromkeys(("images", "outputs", "bytes_in", "bytes_out", "bytes_saved"), pa.int64()),
}
SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, pa.float64()), nullable=name == "code") for name in COLUMNS])


def write_csv(rows: Iterable[Row], file: TextIO) -> int:
    """RFC 4180, with a head; what is missing is empty, and no text is a formula. Returns how many."""
    writer, count = csv.writer(file), 0
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])
        count += 1
    return count


def write_parquet(rows: Iterable[Row], file: Path | BinaryIO) -> int:
    """One file, a page of rows at a time in memory. Returns how many rows."""
    remaining, count = iter(rows), 0
    with parquet.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(remaining, _BATCH)):
            writer.write_table(pa.Table.from_pylist([msgspec.structs.asdict(row) for row in batch], schema=SCHEMA))
            count += len(batch)
    return count


def _cell(value: object) -> object:
    """As few digits as say the number; an apostrophe before what a spreadsheet would take for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return repr(value) if isinstance(value, float) else value

"""Rows of the ledger, for people to look at. Made for 80 columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from local.console import dimensions, size

Row = Mapping[str, Any]


_RIGHT = {
    "images",
    "renditions",
    "bytes in",
    "bytes out",
    "CPU",
    "size",
    "time",
    "URLs",
    "waiting",
    "in flight",
    "records",
    "children",
    "count",
    *("runnable", "running", "succeeded", "failed"),
}


def plain(*columns: str) -> Table:
    """A table with a line under its head and one space between columns; numbers stand at the right."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column, justify="right" if column in _RIGHT else "left", no_wrap=column not in {"result", "reason"}
        )
    return table


def images(rows: Sequence[Row]) -> Table:
    """One row for each ended image. `shown_door` overrides how the ledger names the door."""
    table = plain("image", "customer", "door", "type", "size", "route", "time", "result", "URLs")
    for row in rows:
        table.add_row(
            Text(row["name"] or "(erased)", overflow="ellipsis"),
            Text(row["customer"]),
            row.get("shown_door", row["door"]),
            row["format"] or "-",
            dimensions(row["width"], row["height"]),
            row["route"],
            f"{row['seconds']:.2f} s",
            result(row),
            str(len(row["renditions"])),
        )
    return table


def result(row: Row) -> Text:
    if row["status"] == "processed":
        return Text("processed", style="green")
    return Text(row["code"], style="yellow")


def counts(rows: Sequence[Row]) -> Table:
    table = plain("customer", "status", "type", "images", "renditions", "bytes in")
    for row in rows:
        numbers = (str(row["images"]), str(row["renditions"]), size(row["bytes"]))
        table.add_row(row["customer"], row["status"], row["format"], *numbers)
    return table


def metrics(sums: Mapping[str, Mapping[str, float]]) -> Table:
    """What was counted of images that ended, for each combination of dimensions there is."""
    table = plain(
        "dimensions",
        "images",
        "renditions",
        "bytes in",
        "bytes out",
        "CPU",
    )
    for name, values in sums.items():
        if "Images" not in values:
            continue
        table.add_row(
            name,
            f"{values['Images']:g}",
            f"{values.get('Renditions', 0):g}",
            size(values.get("BytesIn", 0)),
            size(values.get("BytesOut", 0)),
            f"{values.get('CpuTime', 0):.2f} s",
        )
    return table


def other_metrics(sums: Mapping[str, Mapping[str, float]]) -> Table:
    """What was counted of anything else, such as refusals at a door."""
    table = plain("dimensions", "metric", "count")
    for name, values in sums.items():
        if "Images" not in values:
            for metric, value in values.items():
                table.add_row(name, metric, f"{value:g}")
    return table

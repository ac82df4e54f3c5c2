"""Rows of the ledger, for people to look at. Made for 80 columns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from core.metrics import METRICS, Unit
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
    "sum",
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
    """Images that ended, for each combination of dimensions there is."""
    table = plain("dimensions", "images")
    for name, values in sums.items():
        if "Images" in values:
            table.add_row(name, f"{values['Images']:g}")
    return table


def other_metrics(sums: Mapping[str, Mapping[str, float]]) -> Table:
    """The sums of everything else; a sum of ratios, or of peaks, says nothing."""
    table = plain("metric", "dimensions", "sum")
    for metric in METRICS:
        for name, values in sums.items():
            if metric.name not in {"Images", "PeakMemory"} and metric.name in values and metric.unit in _SHOWN:
                table.add_row(metric.name, name or "-", _SHOWN[metric.unit](values[metric.name]))
    return table


_SHOWN: dict[Unit, Callable[[float], str]] = {
    Unit.COUNT: lambda value: f"{value:g}",
    Unit.BYTES: size,
    Unit.SECONDS: lambda value: f"{value:.2f} s",
}

"""Rows of the ledger, for people to look at. Made for 80 columns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import JustifyMethod, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from core.ports.metric_catalogue import METRICS, Unit
from pictureperfect.console import dimensions, literal, size

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


_LABELS = {"what"}


class Literal(Table):
    """Its cells are shown as they are: a name may look like markup, or steer a terminal."""

    def add_row(
        self, *renderables: RenderableType | None, style: StyleType | None = None, end_section: bool = False
    ) -> None:
        cells = (literal(cell) if isinstance(cell, str) else cell for cell in renderables)
        super().add_row(*cells, style=style, end_section=end_section)


def plain(*columns: str) -> Literal:
    """A table with a line under its head and one space between columns; numbers stand at the right.

    What has no room is folded, the widest column first, and never cut off: the end may be what one looks for.
    """
    table = Literal(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column in _RIGHT else "left"
        table.add_column(column, justify=justify, no_wrap=column in _RIGHT | _LABELS, overflow="fold")
    return table


def images(rows: Sequence[Row]) -> Table:
    """One row for each ended image. `shown_door` overrides how the ledger names the door."""
    table = plain("image", "customer", "door", "type", "size", "route", "time", "result", "URLs")
    for row in rows:
        table.add_row(
            row["name"] or "(erased)",
            row["customer"],
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
        return literal("processed", style="green")
    return literal(row["code"], style="yellow")


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

"""Tables of the ledger's rows and of metrics, for 80 columns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import JustifyMethod, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from core.ports.metric_catalogue import METRICS, Unit
from pictureperfect import numbers
from pictureperfect.console import dimensions, literal

Row = Mapping[str, Any]
#: Columns of numbers, aligned to the right.
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
#: Columns of labels, which are not wrapped.
_LABELS = {"what"}


class LiteralTable(Table):
    """A table whose cells are shown literally: a name may look like markup or steer the terminal."""

    def add_row(
        self, *renderables: RenderableType | None, style: StyleType | None = None, end_section: bool = False
    ) -> None:
        cells = (literal(cell) if isinstance(cell, str) else cell for cell in renderables)
        super().add_row(*cells, style=style, end_section=end_section)


def plain(*columns: str) -> LiteralTable:
    """A table with a line under its head and one space between columns. Long cells are folded, never cut off."""
    table = LiteralTable(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column in _RIGHT else "left"
        table.add_column(column, justify=justify, no_wrap=column in _RIGHT | _LABELS, overflow="fold")
    return table


def images(rows: Sequence[Row]) -> Table:
    """A row for each image. A row's `shown_door` overrides the ledger's name of the door."""
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
        sums = (str(row["images"]), str(row["renditions"]), numbers.size(row["bytes"]))
        table.add_row(row["customer"], row["status"], row["format"], *sums)
    return table


def metrics(sums: Mapping[str, Mapping[str, float]]) -> Table:
    """The sum of the metric Images for each combination of dimensions."""
    table = plain("dimensions", "images")
    for name, values in sums.items():
        if "Images" in values:
            table.add_row(name, f"{values['Images']:g}")
    return table


def other_metrics(sums: Mapping[str, Mapping[str, float]]) -> Table:
    """The sums of the other metrics, without ratios and peaks: a sum of those has no meaning."""
    table = plain("metric", "dimensions", "sum")
    for metric in METRICS:
        for name, values in sums.items():
            if metric.name not in {"Images", "PeakMemory"} and metric.name in values and metric.unit in _FORMATS:
                table.add_row(metric.name, name or "-", _FORMATS[metric.unit](values[metric.name]))
    return table


_FORMATS: dict[Unit, Callable[[float], str]] = {
    Unit.COUNT: lambda value: f"{value:g}",
    Unit.BYTES: numbers.size,
    Unit.SECONDS: lambda value: f"{value:.2f} s",
}

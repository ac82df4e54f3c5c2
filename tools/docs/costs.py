"""The cost table in docs/explanation/costs.md: of the shipped table, or of a table that was just measured.

`python -m tools.docs.costs TABLE.json` puts a table that `pictureperfect calibrate` has written into the document.
"""

import argparse
from functools import partial
from pathlib import Path

from core.routing import cost_table
from core.routing.estimate import Coefficients, Cost
from tools.docs.section import Section, table

_HEAD = (
    "kind",
    "ms",
    "ms a million in",
    "ms a million out",
    "ms a MB of file",
    "MB",
    "bytes at work",
    "bytes made",
    "bytes of file",
    "parallel",
    "spread of time, memory",
)


def render(path: str = "") -> str:
    """The machine and the day of the measurements, and a row for each kind. `path`: a table; else the shipped one."""
    costs = cost_table.load("x86_64", path)
    margins = costs.margins
    title = (
        f"Measured on {costs.measured_on} ({costs.machine}) on {costs.measured_at}. The worker's child alone takes "
        f"{costs.base_bytes / 2**20:.0f} MB. Margins of the upper estimates: {margins.seconds:.2f} times the time, "
        f"{margins.bytes:.2f} times the memory and {margins.kept_bytes / 2**20:.0f} MB, which a warm child keeps."
    )
    rows = [_row(kind, cost) for kind, cost in costs.kinds.items()]
    return f"{title}\n\n{table(_HEAD, rows, right=frozenset(range(1, len(_HEAD))))}"


def _row(kind: str, cost: Cost) -> tuple[str, ...]:
    time = _numbers(tuple(1000 * value for value in cost.seconds))  # type: ignore[arg-type]
    fixed, *factors = cost.bytes
    memory = (_number(fixed / 2**20), *map(_number, factors))
    return f"`{kind}`", *time, *memory, f"{cost.parallel:.0%}", f"{cost.seconds_spread:.2f}, {cost.bytes_spread:.2f}"


def _numbers(values: Coefficients) -> tuple[str, ...]:
    return tuple(map(_number, values))


def _number(value: float) -> str:
    """Three digits; an empty cell below 0.0001."""
    return f"{value:.3g}" if value > 1e-4 else ""  # noqa: PLR2004


SECTION = Section("explanation/costs.md", "costs", render)


def main() -> None:
    """Write the document's table from the file on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs.costs", description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path, metavar="TABLE.json", help="written by `pictureperfect calibrate --out`")
    options = parser.parse_args()
    Section(SECTION.file, SECTION.mark, partial(render, str(options.table))).write()


if __name__ == "__main__":
    main()

"""`pictureperfect report`: how many images, of what type, whose, through which door, at what cost."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from pictureperfect.atomic_files import fresh
from pictureperfect.console import folder_option, output, writable_file

if TYPE_CHECKING:
    from rich.console import RenderableType

    from core.ports.reports import Question, Reports

_DAYS = re.compile(r"([1-9]\d{0,3})([dw])")
_FORMATS = ("table", "csv", "parquet", "html")


class Day(click.ParamType[date]):
    """A day, UTC: 2026-11-24, `today`, or so many days or weeks back from today: 30d, 4w."""

    name = "day"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        today = datetime.now(UTC).date()
        if value == "today":
            return today
        if ago := _DAYS.fullmatch(value):
            return today - timedelta(days=int(ago[1]) * (7 if ago[2] == "w" else 1) - 1)
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day: 2026-11-24, today, 30d and 4w are.", param, ctx)


@click.command()
@click.option("--customer", help="Of this one alone.")
@click.option("--since", type=Day(), default="30d", show_default=True, help="From this day on: 2026-11-01, 30d, 4w.")
@click.option("--until", type=Day(), default="today", show_default=True, help="Up to this day, with it.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="table", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file; stdout by default.")
@click.option("--function", help="The operator's function in AWS, by name or ARN, reached as your AWS profile says.")
@folder_option
def report(
    customer: str | None, since: date, until: date, kind: str, out: Path | None, function: str | None, folder: Path
) -> None:
    """How many images, of what type, whose, through which door, at what cost.

    The ledger is that of DATABASE_URL, else the running cloud's; with --function, the one that function has.
    """
    if kind == "parquet" and out is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for terminals: give a file with --out.")
    asked = _question(customer, since, until)
    if out:
        writable_file(out)
    with _reports(function, folder) as reports:
        _written(reports, asked, kind, out)


def _question(customer: str | None, since: date, until: date) -> "Question":
    from core.ports.reports import Question  # noqa: PLC0415 - `--help` needs none of it

    try:
        return Question.of(since, until, customer)
    except ValueError as error:
        raise click.UsageError(f"--{error}.") from error


@contextmanager
def _reports(function: str | None, folder: Path) -> Iterator["Reports"]:
    """Who answers."""
    from core.bootstrap import admin, ledger  # noqa: PLC0415
    from pictureperfect.commands.operate.database import environment  # noqa: PLC0415

    if function:
        yield admin.function_reports(function)
        return
    with environment(folder) as variables, ledger.reporting(variables) as reports:
        yield reports


def _written(reports: "Reports", asked: "Question", kind: str, out: Path | None) -> None:
    from core.ports.reports import rows  # noqa: PLC0415

    match kind:
        case "table":
            from pictureperfect.reports.terminal import render  # noqa: PLC0415 - Rich, a tenth of a second

            _print(render(reports.report(asked)), out)
        case "html":
            from pictureperfect.reports.html import page  # noqa: PLC0415 - Jinja2

            _save(page(reports.report(asked)).encode(), out)
        case "csv":
            from pictureperfect.reports.export import write_csv  # noqa: PLC0415 - Arrow

            with _opened(out) as file:
                count = write_csv(rows(reports, asked), file)
            _say_nothing_found(asked, count)
        case _:
            from pictureperfect.reports.export import write_parquet  # noqa: PLC0415

            with _opened_binary(out) as file:
                count = write_parquet(rows(reports, asked), file)
            _say_nothing_found(asked, count)


def _say_nothing_found(asked: "Question", count: int) -> None:
    """What is for programs has no place to say so, and a customer's name may be misspelt."""
    if not count:
        from pictureperfect.reports.html import advice  # noqa: PLC0415 - Jinja2

        click.echo(advice(asked)[0].striptags(), err=True)


def _print(tables: "RenderableType", out: Path | None) -> None:
    """As `output` has it; into a file, as wide as a page of text."""
    from rich.console import Console  # noqa: PLC0415

    if out is None:
        output().print(tables)
        return
    with _opened(out) as file:
        Console(file=file, width=120, highlight=False).print(tables)


def _save(content: bytes, out: Path | None) -> None:
    with _opened_binary(out) as file:
        file.write(content)


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with _fresh(out) as path, path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _opened_binary(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        yield sys.stdout.buffer
        return
    with _fresh(out) as path, path.open("wb") as file:
        yield file


@contextmanager
def _fresh(out: Path) -> Iterator[Path]:
    """Where to write what takes the place of `out` when it is whole: half a report is none."""
    try:
        with fresh(out) as path:
            yield path
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}.") from error

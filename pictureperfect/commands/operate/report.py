"""`pictureperfect report`: images, formats, customers, doors and cost of a period."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from pictureperfect.atomic_files import replacing
from pictureperfect.console import folder_option, output, writable_file

if TYPE_CHECKING:
    from rich.console import RenderableType

    from core.ports.reports import ReportQuery, Reports

_DAYS = re.compile(r"([1-9]\d{0,3})([dw])")
_FORMATS = ("table", "csv", "parquet", "html")


class Day(click.ParamType[date]):
    """A day in UTC: 2026-11-24, `today`, or a period that ends today: 30d, 4w."""

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
            self.fail(f"{value!r} is not a day such as 2026-11-24, today, 30d or 4w.", param, ctx)


@click.command()
@click.option("--customer", help="This customer only; all by default.")
@click.option("--since", type=Day(), default="30d", show_default=True, help="First day: 2026-11-01, 30d or 4w.")
@click.option("--until", type=Day(), default="today", show_default=True, help="Last day.")
@click.option(
    "--format", "kind", type=click.Choice(_FORMATS), default="table", show_default=True, help="Output format."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Output file; stdout by default.")
@click.option("--function", help="Name or ARN of the operator's function in AWS, to ask instead of a database.")
@folder_option
def report(
    customer: str | None, since: date, until: date, kind: str, out: Path | None, function: str | None, folder: Path
) -> None:
    """Report images, formats, customers, doors and cost of a period.

    The numbers come from the database in DATABASE_URL, or else from the running cloud. With --function they come from
    the operator's function in AWS. Days are UTC.
    """
    if kind == "parquet" and out is None and sys.stdout.isatty():
        raise click.UsageError("Parquet cannot be printed to a terminal: give a file with --out.")
    question = _question(customer, since, until)
    if out:
        writable_file(out)
    with _reports(function, folder) as reports:
        _write(reports, question, kind, out)


def _question(customer: str | None, since: date, until: date) -> "ReportQuery":
    from core.ports.reports import ReportQuery  # noqa: PLC0415 - `--help` needs none of it

    try:
        return ReportQuery.checked(since, until, customer)
    except ValueError as error:
        raise click.UsageError(f"--{error}.") from error


@contextmanager
def _reports(function: str | None, folder: Path) -> Iterator["Reports"]:
    """The function, the database of DATABASE_URL, or the running cloud's."""
    from core.bootstrap import admin, ledger  # noqa: PLC0415
    from pictureperfect.commands.operate.database import environment  # noqa: PLC0415

    if function:
        yield admin.function_reports(function)
        return
    with environment(folder) as variables, ledger.report_service(variables) as reports:
        yield reports


def _write(reports: "Reports", question: "ReportQuery", kind: str, out: Path | None) -> None:
    from core.services.reporting import all_rows  # noqa: PLC0415

    match kind:
        case "table":
            from pictureperfect.reports.terminal import render  # noqa: PLC0415 - Rich, a tenth of a second

            _print(render(reports.report(question)), out)
        case "html":
            from pictureperfect.reports.html import page  # noqa: PLC0415 - Jinja2

            _save(page(reports.report(question)).encode(), out)
        case "csv":
            from pictureperfect.reports.export import write_csv  # noqa: PLC0415 - Arrow

            with _text_output(out) as file:
                count = write_csv(all_rows(reports, question), file)
            _warn_if_empty(question, count)
        case _:
            from pictureperfect.reports.export import write_parquet  # noqa: PLC0415

            with _binary_output(out) as file:
                count = write_parquet(all_rows(reports, question), file)
            _warn_if_empty(question, count)


def _warn_if_empty(question: "ReportQuery", count: int) -> None:
    """CSV and Parquet have no place for a hint, and a customer's name may be misspelt."""
    if not count:
        from pictureperfect.reports.html import advice  # noqa: PLC0415 - Jinja2

        click.echo(advice(question)[0].striptags(), err=True)


def _print(tables: "RenderableType", out: Path | None) -> None:
    """Print to the terminal, or to a file with 120 columns."""
    from rich.console import Console  # noqa: PLC0415

    if out is None:
        output().print(tables)
        return
    with _text_output(out) as file:
        Console(file=file, width=120, highlight=False).print(tables)


def _save(content: bytes, out: Path | None) -> None:
    with _binary_output(out) as file:
        file.write(content)


@contextmanager
def _text_output(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with _replacing(out) as path, path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _binary_output(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        yield sys.stdout.buffer
        return
    with _replacing(out) as path, path.open("wb") as file:
        yield file


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """As `atomic_files.replacing`. Raises ClickException instead of OSError."""
    try:
        with replacing(out) as path:
            yield path
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}.") from error

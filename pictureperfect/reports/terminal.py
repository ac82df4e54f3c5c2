"""A report as tables for the terminal."""

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.ports.reports import Line, Report
from pictureperfect import numbers
from pictureperfect.console import literal
from pictureperfect.reports import svg
from pictureperfect.reports.html import TITLES, advice, footnotes, lead, name_of
from pictureperfect.tables import LiteralTable


def render(report: Report) -> RenderableType:
    """The whole report."""
    return Group(*_parts(report))


def _parts(report: Report) -> Iterator[RenderableType]:
    question = report.question
    yield literal(
        f"{numbers.span(question.since, question.until)}, {question.customer or 'all customers'}", style="bold"
    )
    yield literal(lead(report).striptags())
    if not report.sums.images:
        yield from (literal(sentence.striptags()) for sentence in advice(question))
        return
    if report.latency:
        waits = (report.latency.p50, report.latency.p95, report.latency.p99)
        median, p95, p99 = map(numbers.seconds, waits)
        yield Text(f"From arrival to commit: 50 % of the images up to {median}, 95 % up to {p95}, 99 % up to {p99}.")
    for kind, title in TITLES.items():
        if kind != "customer" or question.customer is None:
            yield Text()
            yield _lines(title, kind, report.by[kind], report.sums.images)
    if report.movers and question.customer is None:
        yield Text()
        yield _movers(report.movers)
    if report.failures:
        yield Text()
        yield _failures(report)
    yield Text()
    yield _days(report)
    yield Text()
    yield from (Text(sentence, style="dim") for sentence in footnotes(report))


def _table(first: str, *columns: str) -> Table:
    table = LiteralTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(first, overflow="ellipsis", max_width=24)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _lines(title: str, kind: str, lines: Iterable[Line], images: int) -> Table:
    rows = list(lines)
    table = _table(title.lower(), "images", "share", "change", "failed", "received", "delivered", "cost")
    sizes = zip(
        numbers.size_column([line.sums.bytes_in for line in rows]),
        numbers.size_column([line.sums.bytes_out for line in rows]),
        numbers.usd_column([line.sums.usd for line in rows]),
        strict=True,
    )
    for line, (received, delivered, cost) in zip(rows, sizes, strict=True):
        sums = line.sums
        table.add_row(
            name_of(kind, line),
            numbers.count(sums.images),
            numbers.share(sums.images, images),
            numbers.change(sums.images, line.before.images),
            numbers.count(sums.failed),
            received,
            delivered,
            cost,
        )
    return table


def _movers(lines: Iterable[Line]) -> Table:
    table = _table("largest changes", "images", "change", "before", "now")
    for line in lines:
        gain = line.sums.images - line.before.images
        table.add_row(
            name_of("customer", line),
            f"{'+' if gain > 0 else ''}{numbers.count(gain)}",
            numbers.change(line.sums.images, line.before.images) or "new",
            numbers.count(line.before.images),
            numbers.count(line.sums.images),
        )
    return table


def _failures(report: Report) -> Table:
    table = LiteralTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("failed with", no_wrap=True)
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("cause")
    for failure in report.failures:
        table.add_row(failure.code, numbers.count(failure.images), failure.what)
    return table


def _days(report: Report) -> Table:
    """A row for each day; for each week or month of a long report."""
    spans = svg.spans(report.question.since, report.question.until)
    table = _table(svg.interval_of(spans), "images", "failed", "received", "delivered", "cost")
    by_span = [(span, [day.sums for day in report.days if span.first <= day.day <= span.last]) for span in spans]
    shown = [(span, sum(sums[1:], sums[0])) for span, sums in by_span if sums]
    cells = zip(
        numbers.size_column([sums.bytes_in for _, sums in shown]),
        numbers.size_column([sums.bytes_out for _, sums in shown]),
        numbers.usd_column([sums.usd for _, sums in shown]),
        strict=True,
    )
    for (span, sums), texts in zip(shown, cells, strict=True):
        table.add_row(span.text, numbers.count(sums.images), numbers.count(sums.failed), *texts)
    return table

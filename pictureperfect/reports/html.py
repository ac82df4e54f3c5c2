"""The report as one HTML page without scripts and external files."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from core.ports.reports import Day, Failure, Latency, Line, Report, ReportQuery, Sums
from pictureperfect import numbers
from pictureperfect.reports.svg import Chart, Columns, Series, Span, Times, interval_of, spans

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=([kMGTP]?B|[kM]|m?s|min|h|d|%)(?!\w))")
_TEMPLATE = Path(__file__).with_name("report.html")
#: Groupings of images, and the headings of their tables.
TITLES = {"customer": "Customer", "format": "Format", "source": "Door", "route": "Processed by", "pipeline": "Pipeline"}
#: Two columns of tables of about the same height.
_STACKS = (("format", "route"), ("source", "pipeline"))
#: The page's names for values of the ledger.
_NAMES = {
    ("route", "lambda"): "Lambda",
    ("route", "batch"): "Batch",
    ("format", ""): "unknown",
    ("format", "other"): "not readable",
}


@dataclass(frozen=True)
class Figure:
    """A number at the top of the page. `small` is the text beneath it."""

    name: str
    value: str
    small: str


@dataclass(frozen=True)
class Row:
    """A row of a table with a bar of `width` per cent. `rest` marks the row of all others."""

    name: str
    cells: tuple[str, ...]
    width: float = 0.0
    rest: bool = False
    style: str = ""
    what: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under a title, with a note."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


def _keep_unit(value: object) -> object:
    """A value of the template with no line break between a number and its unit."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", value) if type(value) is str else value


def page(report: Report) -> str:
    """The page as HTML."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_keep_unit
    )
    template = environment.from_string(_TEMPLATE.read_text("utf-8"))
    question = report.question
    is_for_all = question.customer is None
    return template.render(
        customer=question.customer or "all customers",
        period=numbers.span(question.since, question.until),
        lead=lead(report),
        advice=advice(question),
        figures=_figures(report),
        charts=_charts(report) if report.sums.images else (),
        customers=_customers(report) if is_for_all and len(report.by["customer"]) > 1 else None,
        movers=_movers(report) if is_for_all and report.movers else None,
        lists=[[_list(kind, report) for kind in stack] for stack in _STACKS],
        failures=_failures(report),
        footnotes=footnotes(report),
    )


def lead(report: Report) -> Markup:
    """A summary of the report in a few sentences."""
    sums = report.sums
    if not sums.images:
        return Markup("No images.")
    sent = Markup("{} sent <strong>{}</strong>, of which <strong>{}</strong> were processed.").format(
        _senders(report), numbers.number(sums.images, "image", "images"), numbers.share(sums.processed, sums.images)
    )
    bytes_and_cost = Markup(
        " {} were received, and {} of renditions delivered, for <strong>{}</strong>: {} a thousand images."
    ).format(numbers.size(sums.bytes_in), numbers.size(sums.bytes_out), numbers.usd(sums.usd), _usd_per_thousand(sums))
    if not report.before.images:
        return sent + bytes_and_cost
    return sent + bytes_and_cost + Markup(" {}").format(_compared(report))


def _compared(report: Report) -> str:
    now, before, days = report.sums.images, report.before.images, report.question.days
    than = "the day before" if days == 1 else f"the {numbers.count(days)} days before"
    if _is_unfinished(report):
        than += "; today is not over"
    ratio = numbers.change(now, before)
    if ratio.startswith("\N{PLUS-MINUS SIGN}"):
        return f"That is {'as' if now == before else 'about as'} many images as in {than}."
    if ratio.startswith("\N{MULTIPLICATION SIGN}"):
        return f"That is {ratio[2:]} times as many images as in {than}."
    return f"That is {ratio[1:]} {'more' if now > before else 'fewer'} images than in {than}."


def _is_unfinished(report: Report) -> bool:
    """Whether the last day is today, so that more images may follow."""
    return report.question.until >= report.made_at.date()


def _senders(report: Report) -> str:
    if report.question.customer:
        return report.question.customer
    return numbers.number(report.customers, "customer", "customers")


def advice(question: ReportQuery) -> tuple[Markup, ...]:
    """Hints for a period without images."""
    of_customer = Markup("of <strong>{}</strong> ").format(question.customer) if question.customer else ""
    names = ", or check that the customer's name is spelled as its senders spell it" if of_customer else ""
    days = (numbers.day(question.since), numbers.day(question.until))
    return (
        Markup("The ledger has no image {}that ended from {} to {}. Days are UTC's.").format(of_customer, *days),
        Markup("Choose another period with <code>--since</code> and <code>--until</code>{}.").format(names),
        Markup("<code>pictureperfect status</code> shows the images that are not in the database yet."),
    )


def footnotes(report: Report) -> tuple[str, ...]:
    """Sentences on how images, dollars and changes are counted."""
    accuracy = "" if report.question.customer else ", accurate to within 26 %"
    made = f"{numbers.day(report.made_at.date())} at {report.made_at:%H:%M} UTC"
    counting = (
        "Each image is counted once, however often it was delivered, on the day on which it ended, UTC. Its wait "
        f"is the time from arrival to commit{accuracy}. Bytes saved are the source's less its largest "
        "rendition's."
    )
    dollars = (
        f"Dollars are computed with the prices of {report.prices}, before any free tier or discount: the seconds of "
        "the function or of Fargate, S3's requests, and S3's storage for as long as objects are kept."
    )
    unfinished = " Today is not over; those days are." if _is_unfinished(report) else ""
    made_by = f"Made on {made} by Picture Perfect {report.version}."
    compared = f"Changes compare with {_before(report.question)}.{unfinished} {made_by}"
    return counting, dollars, compared


def _before(question: ReportQuery) -> str:
    before = question.before
    return numbers.span(before.since, before.until)


def _figures(report: Report) -> tuple[Figure, ...]:
    now, before = report.sums, report.before
    figures = [
        Figure("Images", numbers.count(now.images), _change_from(now.images, before.images, numbers.count)),
        Figure("Processed", numbers.share(now.processed, now.images), numbers.number(now.failed, "failed", "failed")),
        Figure("Received", numbers.size(now.bytes_in), _change_from(now.bytes_in, before.bytes_in, numbers.size)),
        Figure(
            "Saved", numbers.size(now.bytes_saved), f"{numbers.share(now.bytes_saved, now.bytes_in)} of the sources"
        ),
        Figure("Cost", numbers.usd(now.usd), f"{_usd_per_thousand(now)} a thousand"),
    ]
    if report.latency:
        slow = numbers.seconds(report.latency.p99)
        figures.append(Figure("Median wait", numbers.seconds(report.latency.p50), f"99{numbers.SPACE}% up to {slow}"))
    else:
        figures.append(Figure("Median wait", numbers.NONE, ""))
    return tuple(figures)


def _change_from(now: float, before: float, number_format: Callable[[float], str]) -> str:
    return f"{numbers.change(now, before)}, from {number_format(before)}" if before else ""


def _usd_per_thousand(sums: Sums) -> str:
    return numbers.usd(1000 * sums.usd / sums.images) if sums.images else numbers.NONE


def _charts(report: Report) -> tuple[Chart, ...]:
    columns = spans(report.question.since, report.question.until)
    daily = [Span(day, day) for day in _days(report.question)]
    interval = f"by {interval_of(columns)}"
    by_day = {day.day: day for day in report.days}

    def series(style: str, name: str, pick: Callable[[Day], float]) -> Series:
        return Series(style, name, tuple(_sum(by_day, span, pick) for span in columns))

    def line(style: str, name: str, pick: Callable[[Latency], float]) -> Series:
        days = [by_day.get(span.first) for span in daily]
        return Series(style, name, tuple(pick(day.latency) if day and day.latency else None for day in days))

    return (
        Columns(
            f"Images {interval}",
            columns,
            (
                series("good", "processed", lambda day: day.sums.processed),
                series("bad", "failed", lambda day: day.sums.failed),
            ),
        ).chart(),
        Columns(
            f"Dollars {interval}",
            columns,
            (
                series("good", "Lambda", lambda day: day.usd.get("lambda", 0.0)),
                series("other", "Batch", lambda day: day.usd.get("batch", 0.0)),
            ),
            format_cells=numbers.usd_column,
            format_axis=numbers.usd_column,
        ).chart(),
        Times(
            "From arrival to commit",
            daily,
            (
                line("good", "median", lambda latency: latency.p50),
                line("other", f"95{numbers.SPACE}%", lambda latency: latency.p95),
                line("bad", f"99{numbers.SPACE}%", lambda latency: latency.p99),
            ),
        ).chart(),
        Columns(
            f"Bytes received {interval}",
            columns,
            (series("good", "received", lambda day: day.sums.bytes_in),),
            format_cells=numbers.size_column,
            format_axis=numbers.size_ticks,
        ).chart(),
        Columns(
            f"Bytes delivered {interval}",
            columns,
            (series("good", "delivered", lambda day: day.sums.bytes_out),),
            format_cells=numbers.size_column,
            format_axis=numbers.size_ticks,
        ).chart(),
    )


def _days(question: ReportQuery) -> Iterable[date]:
    return (question.since + timedelta(days=number) for number in range(question.days))


def _sum(by_day: Mapping[date, Day], span: Span, pick: Callable[[Day], float]) -> float:
    return float(sum(pick(day) for ended_on, day in by_day.items() if span.first <= ended_on <= span.last))


def _customers(report: Report) -> Table:
    lines = report.by["customer"]
    most = max((line.sums.images for line in lines if line.name is not None), default=1)
    costs = numbers.usd_column([line.sums.usd for line in lines])
    usd_per_thousand = numbers.usd_column(
        [1000 * line.sums.usd / line.sums.images if line.sums.images else 0 for line in lines]
    )
    received = numbers.size_column([line.sums.bytes_in for line in lines])
    delivered = numbers.size_column([line.sums.bytes_out for line in lines])
    rows = tuple(
        Row(
            name=name_of("customer", line),
            width=_width(line.sums.images, most),
            rest=line.name is None,
            cells=(
                numbers.count(line.sums.images),
                numbers.change(line.sums.images, line.before.images) or "new",
                numbers.share(line.sums.failed, line.sums.images),
                *cells,
            ),
        )
        for line, *cells in zip(lines, received, delivered, costs, usd_per_thousand, strict=True)
    )
    count = numbers.number(report.customers, "customer", "customers")
    return Table("Customers", rows, f"{count}, those with the most images first.")


def _movers(report: Report) -> Table:
    lines = report.movers
    most = max((abs(line.sums.images - line.before.images) for line in lines), default=1)
    rows = []
    for line in lines:
        gain = line.sums.images - line.before.images
        rows.append(
            Row(
                name=name_of("customer", line),
                width=_width(abs(gain), most) / 2,
                style="more" if gain > 0 else "less",
                cells=(
                    f"+{numbers.count(gain)}" if gain > 0 else numbers.count(gain),
                    numbers.change(line.sums.images, line.before.images) or "new",
                    numbers.count(line.before.images),
                    numbers.count(line.sums.images),
                ),
            )
        )
    return Table("", tuple(rows), f"The largest changes against {_before(report.question)}.")


def _list(kind: str, report: Report) -> Table:
    lines = report.by[kind]
    most = max((line.sums.images for line in lines), default=1)
    costs = numbers.usd_column([line.sums.usd for line in lines])
    rows = tuple(
        Row(
            name=name_of(kind, line),
            width=_width(line.sums.images, most),
            rest=line.name is None,
            cells=(numbers.count(line.sums.images), numbers.share(line.sums.images, report.sums.images), cost),
        )
        for line, cost in zip(lines, costs, strict=True)
    )
    return Table(TITLES[kind], rows)


def _failures(report: Report) -> Table:
    failures: Sequence[Failure] = report.failures
    most = max((failure.images for failure in failures), default=1)
    rows = tuple(
        Row(
            name=failure.code,
            width=_width(failure.images, most),
            what=failure.what,
            advice=failure.advice,
            cells=(numbers.count(failure.images), numbers.share(failure.images, report.sums.images)),
        )
        for failure in failures
    )
    failed = report.sums.failed
    if not failed:
        return Table("", rows, "No image failed.")
    whole = numbers.number(failed, "image", "images")
    return Table(
        "", rows, f"{whole} of {numbers.count(report.sums.images)} failed. Each code, with its share of all images."
    )


def name_of(kind: str, line: Line) -> str:
    """The page's name of a line: a value of the ledger, or the count of all others."""
    if line.name is None:
        return f"{line.others} others"
    return _NAMES.get((kind, line.name), line.name)


def _width(part: float, most: float) -> float:
    """Per cent of `most`, but at least 0.6, so that every bar is visible."""
    return round(max(0.6, 100 * part / most), 2) if part and most else 0.0

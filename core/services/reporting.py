"""Reports over the ledger: figures of a period, compared with the period before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from core import __version__
from core.domain.error_code_help import explain
from core.domain.errors import Code, Refusal
from core.domain.model import Value
from core.ports.report_rows import PAGE_ROWS, ROW_KEY, Page, PageCursor, Row
from core.ports.reports import (
    DIMENSIONS,
    FIRST_DAY,
    Day,
    Failure,
    Figures,
    Latency,
    Line,
    Report,
    ReportQuery,
    Reports,
    Sums,
)
from core.routing import prices

_DEFAULT_DAYS = 30
#: Lines of a breakdown before the remaining values share one.
_LINES = 20
#: Customers named as gaining, and as many as losing.
_MOVERS = 5


class ReportRequest(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to `handler.admin` for a report or a page of its rows. The default period is the last thirty days."""

    since: date | None = None
    until: date | None = None
    customer: str | None = None
    of: Literal["report", "rows"] = "report"
    place: PageCursor | None = None

    def answer(self, reports: Reports) -> Report | Page:
        """Raises Refusal(INVALID_REQUEST) that names the invalid field."""
        until = self.until or datetime.now(UTC).date()
        since = self.since or max(until, FIRST_DAY) - timedelta(days=_DEFAULT_DAYS - 1)
        try:
            query = ReportQuery.checked(since, until, self.customer)
        except ValueError as error:
            raise Refusal(Code.INVALID_REQUEST, f"{error}.") from error
        return reports.page(query, self.place) if self.of == "rows" else reports.report(query)


def all_rows(reports: Reports, query: ReportQuery) -> Iterator[Row]:
    """The rows of all pages."""
    page = reports.page(query)
    yield from page.rows
    while page.next:
        page = reports.page(query, page.next)
        yield from page.rows


@dataclass(frozen=True, kw_only=True)
class ReportService:
    """The Reports port over the ledger's figures."""

    figures: Figures

    def report(self, query: ReportQuery) -> Report:
        current, previous = self.figures.period_sums([query, query.before])
        latency, daily_latency = self.figures.latencies(query)
        customers = _lines(current.by.get("customer", {}), previous.by.get("customer", {}))
        return Report(
            question=query,
            made_at=datetime.now(UTC),
            version=__version__,
            prices=_price_source(query.until),
            sums=current.sums,
            before=previous.sums,
            customers=sum(line.sums.images > 0 for line in customers),
            latency=latency,
            days=tuple(_days(current.days, daily_latency)),
            by={
                name: _with_others(
                    [line for line in _lines(current.by.get(name, {}), previous.by.get(name, {})) if line.sums.images]
                )
                for name in DIMENSIONS
            },
            movers=_movers(customers) if previous.sums.images else (),
            failures=tuple(_failures(current.failures)),
        )

    def page(self, query: ReportQuery, cursor: PageCursor | None = None) -> Page:
        """Up to PAGE_ROWS rows: whole days, and a part of a day if that day has too many."""
        rows: list[Row] = []
        day, after = (cursor.day, cursor.after) if cursor else (query.since, ())
        while day <= query.until:
            rows += self.figures.rows(query, day, after, PAGE_ROWS - len(rows) + 1)
            if len(rows) > PAGE_ROWS:
                last = rows[PAGE_ROWS - 1]
                key = tuple(getattr(last, name) or "" for name in ROW_KEY) if last.day == day else ()
                return Page(rows=tuple(rows[:PAGE_ROWS]), next=PageCursor(day=day, after=key))
            day, after = day + timedelta(days=1), ()
        return Page(rows=tuple(rows))


def _price_source(day: date) -> str:
    """Region and date of the price file valid on a day: `migrate` writes those prices into the ledger."""
    first, *later = prices.price_history()
    valid = [first, *(dated for dated in later if dated.date <= day.isoformat())][-1]
    return f"{valid.region} of {valid.date}"


def _days(sums: Mapping[tuple[date, str], Sums], latencies: Mapping[date, Latency]) -> Iterator[Day]:
    for day, latency in sorted(latencies.items()):
        routes = {route: route_sums for (sums_day, route), route_sums in sums.items() if sums_day == day}
        usd = {route: route_sums.usd for route, route_sums in routes.items()}
        yield Day(day=day, sums=_sum(routes.values()), usd=usd, latency=latency)


def _lines(current: Mapping[str, Sums], previous: Mapping[str, Sums]) -> list[Line]:
    """A line for each name in either period, most images first."""
    names = {**current, **previous}
    lines = [Line(name=name, sums=current.get(name, Sums()), before=previous.get(name, Sums())) for name in names]
    return sorted(lines, key=lambda line: (-line.sums.images, line.name or ""))


def _with_others(lines: list[Line]) -> tuple[Line, ...]:
    """The first _LINES lines; the remaining ones, if more than one, added up into the last."""
    if len(lines) <= _LINES + 1:
        return tuple(lines)
    named, others = lines[:_LINES], lines[_LINES:]
    sums, before = _sum(line.sums for line in others), _sum(line.before for line in others)
    return (*named, Line(name=None, sums=sums, before=before, others=len(others)))


def _movers(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines that gained most images, then those that lost most."""
    gains = [(line.sums.images - line.before.images, line) for line in lines]
    ordered = [pair for pair in sorted(gains, key=lambda pair: (-pair[0], pair[1].name or "")) if pair[0]]
    gaining = [line for gain, line in ordered if gain > 0][:_MOVERS]
    losing = [line for gain, line in ordered if gain < 0][-_MOVERS:]
    return (*gaining, *losing)


def _failures(images_by_code: Mapping[str, int]) -> Iterator[Failure]:
    for code, images in sorted(images_by_code.items(), key=lambda item: (-item[1], item[0])):
        meaning = explain(code)
        yield Failure(code=code, what=meaning.cause, advice=meaning.advice, images=images)


def _sum(sums: Iterable[Sums]) -> Sums:
    return sum(sums, Sums())

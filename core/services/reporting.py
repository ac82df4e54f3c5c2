"""The use case of a report: figures of the ledger, compared with the time before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core import __version__
from core.domain.code_help import explain
from core.ports.reports import (
    DIMENSIONS,
    KEY,
    PAGE,
    Day,
    Failure,
    Figures,
    Latency,
    Line,
    Page,
    Place,
    Question,
    Report,
    Row,
    Sums,
)
from core.routing import prices

#: So many values of what is counted by have a line of their own, the rest one together; so many customers that send
#: more are named, and so many that send less.
_LINES = 20


_MOVERS = 5


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """Answers from the ledger."""

    figures: Figures

    def report(self, question: Question) -> Report:
        """Everything at a glance."""
        now, before = self.figures.counted([question, question.before])
        whole, daily = self.figures.latencies(question)
        customers = _lines(now.by.get("customer", {}), before.by.get("customer", {}))
        return Report(
            question=question,
            made_at=datetime.now(UTC),
            version=__version__,
            prices=_prices(question.until),
            sums=now.sums,
            before=before.sums,
            customers=sum(line.sums.images > 0 for line in customers),
            latency=whole,
            days=tuple(_days(now.days, daily)),
            by={
                name: _shortened(
                    [line for line in _lines(now.by.get(name, {}), before.by.get(name, {})) if line.sums.images]
                )
                for name in DIMENSIONS
            },
            movers=_movers(customers) if before.sums.images else (),
            failures=tuple(_failures(now.failures)),
        )

    def page(self, question: Question, place: Place | None = None) -> Page:
        """Up to PAGE rows: whole days, and a part of the last where that has too many."""
        found: list[Row] = []
        day, after = (place.day, place.after) if place else (question.since, ())
        while day <= question.until:
            room = PAGE - len(found)
            found += self.figures.rows(question, day, after, room + 1)
            if len(found) > PAGE:
                last = found[PAGE - 1]
                key = tuple(getattr(last, name) or "" for name in KEY) if last.day == day else ()
                return Page(rows=tuple(found[:PAGE]), next=Place(day=day, after=key))
            day, after = day + timedelta(days=1), ()
        return Page(rows=tuple(found))


def _prices(day: date) -> str:
    """Where and since when those are asked for that hold on a day: what `migrate` writes into the ledger."""
    first, *later = prices.history()
    held = [first, *(asked for asked in later if asked.date <= day.isoformat())][-1]
    return f"{held.region} of {held.date}"


def _days(sums: Mapping[tuple[date, str], Sums], latencies: Mapping[date, Latency]) -> Iterator[Day]:
    for day, latency in sorted(latencies.items()):
        routes = {route: found for (when, route), found in sums.items() if when == day}
        usd = {route: found.usd for route, found in routes.items()}
        yield Day(day=day, sums=_sum(routes.values()), usd=usd, latency=latency)


def _lines(now: Mapping[str, Sums], before: Mapping[str, Sums]) -> list[Line]:
    """Most images first; what was there before and is no more has a line too."""
    found = [Line(name=name, sums=now.get(name, Sums()), before=before.get(name, Sums())) for name in {**now, **before}]
    return sorted(found, key=lambda line: (-line.sums.images, line.name or ""))


def _shortened(lines: list[Line]) -> tuple[Line, ...]:
    if len(lines) <= _LINES + 1:
        return tuple(lines)
    named, rest = lines[:_LINES], lines[_LINES:]
    sums, before = _sum(line.sums for line in rest), _sum(line.before for line in rest)
    return (*named, Line(name=None, sums=sums, before=before, others=len(rest)))


def _movers(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Those that gained most, then those that lost most."""
    gains = [(line.sums.images - line.before.images, line) for line in lines]
    ordered = [pair for pair in sorted(gains, key=lambda pair: (-pair[0], pair[1].name or "")) if pair[0]]
    more = [line for gain, line in ordered if gain > 0][:_MOVERS]
    less = [line for gain, line in ordered if gain < 0][-_MOVERS:]
    return (*more, *less)


def _failures(found: Mapping[str, int]) -> Iterator[Failure]:
    for code, images in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        meaning = explain(code)
        yield Failure(code=code, what=meaning.cause, advice=meaning.advice, images=images)


def _sum(found: Iterable[Sums]) -> Sums:
    return sum(found, Sums())

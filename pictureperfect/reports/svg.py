"""Charts as SVG that stretches with the page. Their texts are HTML beside the SVG, which does not stretch."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from pictureperfect import numbers

Cells = tuple[str, ...]
#: Formats numbers that are shown together, with the same unit.
FormatNumbers = Callable[[Iterable[float]], list[str]]
_DAILY, _WEEKLY = 92, 740  # days: the longest periods with a column for each day, and for each week
_TICKS = 4
_LABELS = 6
#: Seconds at which a logarithmic axis may begin, end and have ticks.
_TIMES = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0, 86_400.0, 864_000.0)


@dataclass(frozen=True)
class Series:
    """A series: its CSS class, its name, and a value for each place on the axis, or None."""

    style: str
    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Tick:
    """A tick at `at` per cent of an axis, with its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart for the template. `head` and `rows` are its numbers as a table."""

    title: str
    summary: str
    drawing: Markup
    width: int
    ticks: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    head: Cells
    rows: tuple[Cells, ...]
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def wide(self) -> int:
        """Count of characters in the longest text on the axis."""
        return max(len(tick.text) for tick in self.ticks)


@dataclass(frozen=True)
class Span:
    """The days of one column."""

    first: date
    last: date

    @property
    def text(self) -> str:
        if self.first == self.last:
            return numbers.brief_day(self.first)
        return f"{numbers.brief_day(self.first)} \N{EN DASH} {numbers.brief_day(self.last)}"


@dataclass(frozen=True)
class Columns:
    """Stacked columns over spans of days. `format_cells` is for the table's numbers, `format_axis` for the axis."""

    title: str
    spans: Sequence[Span]
    series: Sequence[Series]
    format_cells: FormatNumbers = numbers.count_column
    format_axis: FormatNumbers = numbers.count_ticks

    def chart(self) -> Chart:
        totals = [sum(series.values[place] or 0 for series in self.series) for place in range(len(self.spans))]
        top, ticks = scale(max(totals, default=0), self.format_axis)
        shapes = [_grid(tick.at, len(self.spans)) for tick in ticks]
        cells = self._cells(totals)
        for place, span in enumerate(self.spans):
            below = 0.0
            title = f"{span.text}: " + ", ".join(
                f"{cells[place][1 + number]} {series.name}" for number, series in enumerate(self.series)
            )
            parts = []
            for series in self.series:
                height = 100 * (series.values[place] or 0) / top
                if height > 0:
                    parts.append(_rect(series.style, place + 0.12, 100 - below - height, 0.76, height))
                below += height
            shapes.append(_group(title, [*parts, _rect("touch", place, 0, 1, 100)]))
        several = len(self.series) > 1
        return Chart(
            title=self.title,
            summary=_summary(self.title, self.spans, totals, self.format_cells),
            drawing=Markup("".join(shapes)),  # noqa: S704 - every text in it was escaped by Markup.format
            width=max(1, len(self.spans)),
            ticks=ticks,
            labels=labels(self.spans),
            head=(*(series.name for series in self.series), *(("all",) if several else ())),
            rows=tuple(cells),
            legend=tuple((series.style, series.name) for series in self.series) if several else (),
        )

    def _cells(self, totals: list[float]) -> list[Cells]:
        columns = [[value or 0 for value in series.values] for series in self.series]
        if len(self.series) > 1:
            columns.append(totals)
        flat = [value for column in columns for value in column]
        texts = self.format_cells(flat)
        count = len(self.spans)
        return [
            (span.text, *(texts[number * count + place] for number in range(len(columns))))
            for place, span in enumerate(self.spans)
        ]


@dataclass(frozen=True)
class Times:
    """Lines of seconds over days, with a logarithmic axis."""

    title: str
    spans: Sequence[Span]
    series: Sequence[Series]

    def chart(self) -> Chart:
        values = [value for series in self.series for value in series.values if value]
        low, high = _axis_ends(min(values, default=1.0), max(values, default=1.0))
        ends = math.log(low), math.log(high)

        def height(value: float) -> float:
            return 100 * (math.log(max(value, low)) - ends[0]) / (ends[1] - ends[0])

        ticks = tuple(Tick(height(time), numbers.time_tick(time)) for time in _TIMES if low <= time <= high)
        shapes = [_grid(tick.at, len(self.spans)) for tick in ticks]
        for series in self.series:
            path = _path([None if value is None else 100 - height(value) for value in series.values])
            shapes.append(Markup('<path class="line {}" d="{}"/>').format(series.style, path))
        rows = [
            (span.text, *(_seconds_text(series.values[place]) for series in self.series))
            for place, span in enumerate(self.spans)
        ]
        for place, row in enumerate(rows):
            cells = ", ".join(f"{cell} {series.name}" for cell, series in zip(row[1:], self.series, strict=True))
            shapes.append(_group(f"{row[0]}: {cells}", [_rect("touch", place, 0, 1, 100)]))
        medians = [value for value in self.series[0].values if value is not None]
        summary = f"{self.title}: lines for {', '.join(series.name for series in self.series)}"
        if medians:
            low_half, high_half = numbers.seconds(min(medians)), numbers.seconds(max(medians))
            summary += f"; the {self.series[0].name} is between {low_half} and {high_half}"
        return Chart(
            title=self.title,
            summary=summary + ".",
            drawing=Markup("".join(shapes)),  # noqa: S704 - every text in it was escaped by Markup.format
            width=max(1, len(self.spans)),
            ticks=ticks,
            labels=labels(self.spans),
            head=tuple(series.name for series in self.series),
            rows=tuple(rows),
            legend=tuple((series.style, series.name) for series in self.series),
        )


def spans(first: date, last: date) -> list[Span]:
    """The columns of a period: days, weeks from Monday on, or months, depending on its length."""
    days = (last - first).days + 1
    columns, begin = [], first
    while begin <= last:
        if days <= _DAILY:
            end = begin
        elif days <= _WEEKLY:
            end = begin + timedelta(days=6 - begin.weekday())
        else:
            end = (begin.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        columns.append(Span(begin, min(end, last)))
        begin = end + timedelta(days=1)
    return columns


def interval_of(spans: Sequence[Span]) -> str:
    """`day`, `week` or `month`: the interval of a column."""
    longest = max(((span.last - span.first).days for span in spans), default=0)
    return "day" if longest == 0 else "week" if longest < 7 else "month"  # noqa: PLR2004 - days


def scale(largest: float, format_axis: FormatNumbers) -> tuple[float, tuple[Tick, ...]]:
    """The upper end of an axis that begins at 0, and its ticks, at round numbers."""
    if largest <= 0:
        return 1.0, (Tick(0.0, *format_axis([0.0])),)
    rough = largest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    steps = math.ceil(largest / step - 1e-9)
    top = step * steps
    texts = format_axis([number * step for number in range(steps + 1)])
    return top, tuple(Tick(100 * number / steps, text) for number, text in enumerate(texts))


def labels(spans: Sequence[Span]) -> tuple[Tick, ...]:
    """Texts for some of the days under an axis, evenly spaced."""
    every = max(1, math.ceil(len(spans) / _LABELS))
    months = interval_of(spans) == "month"
    return tuple(
        Tick(100 * (place + 0.5) / len(spans), f"{span.first:%b %Y}" if months else numbers.brief_day(span.first))
        for place, span in enumerate(spans)
        if place % every == every // 2
    )


def _axis_ends(low: float, high: float) -> tuple[float, float]:
    below = max((time for time in _TIMES if time <= low), default=_TIMES[0])
    above = min((time for time in _TIMES if time >= high), default=_TIMES[-1])
    if below == above:
        above = next((time for time in _TIMES if time > below), below * 10)
    return below, above


def _summary(title: str, spans: Sequence[Span], totals: Sequence[float], format_cells: FormatNumbers) -> str:
    if not any(totals):
        return f"{title}: none."
    most = max(range(len(totals)), key=lambda place: totals[place])
    whole, highest = format_cells([sum(totals), totals[most]])
    return f"{title}: {whole} in total; at most {highest}, on {spans[most].text}."


def _seconds_text(value: float | None) -> str:
    return numbers.NONE if value is None else numbers.seconds(value)


def _path(heights: Sequence[float | None]) -> str:
    """The SVG path of a line with gaps; a value between two gaps is a dot."""
    drawn, before = [], False
    for place, height in enumerate(heights):
        if height is None:
            before = False
            continue
        following = heights[place + 1] if place + 1 < len(heights) else None
        drawn.append(f"{'L' if before else 'M'}{place + 0.5:g} {height:.2f}")
        if not before and following is None:
            drawn.append("h0")
        before = True
    return "".join(drawn)


def _rect(style: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:g}" y="{:.3f}" width="{:g}" height="{:.3f}"/>').format(
        style, x, y, width, height
    )


def _grid(at: float, width: int) -> Markup:
    return Markup('<path class="grid" d="M0 {:.2f}H{}"/>').format(100 - at, width)


def _group(title: str, shapes: Sequence[Markup]) -> Markup:
    return Markup("<g><title>{}</title>{}</g>").format(title, Markup("").join(shapes))

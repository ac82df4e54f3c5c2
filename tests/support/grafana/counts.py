"""The expected rows of the panels of *Business* and *One customer* for a generated year, counted without SQL.

BUSINESS and CUSTOMER have a check for each panel, by its title: it takes the panel's rows and the selected images.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.routing import prices
from core.routing.batch_tiers import TIERS
from tests.support.ledger.year import CODES, FIRST_DAY, FORMATS, MACHINES, PIPELINES, ROUTES, SOURCES, Year

Rows = Sequence[tuple[Any, ...]]
Mask = NDArray[np.bool_]
_LISTS = {"source": SOURCES, "route": ROUTES, "format": FORMATS, "pipeline": PIPELINES, "code": CODES}
#: The width of a histogram bucket, as a ratio: percentiles are exact to it.
_BUCKET = 10**0.1
#: The retention of the year's objects, as in tests/ledger/conftest.py.
RETENTION_DAYS = 30
#: Relative tolerance: dollars are computed from whole microseconds and MB.
_DIGITS = 1e-5


@dataclass(frozen=True)
class Selection:
    """Images of a year by `days`, `months` (both inclusive) or `moments`; of one customer, or of all."""

    year: Year
    days: tuple[date, date]
    months: tuple[date, date]
    customer: str = ""
    #: The time range of panels that read images, to the second.
    moments: tuple[datetime, datetime] | None = None

    @property
    def in_time(self) -> Mask:
        assert self.moments
        first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
        since, until = ((item - first).total_seconds() for item in self.moments)
        clock = self.year.columns["day"] * 86_400 + self.year.columns["second"]
        values: Mask = self.of_customer & (clock >= since) & (clock <= until)
        return values

    @property
    def of_customer(self) -> Mask:
        if not self.customer:
            return np.ones(self.year.images, bool)
        mine: Mask = self.year.columns["customer"] == self.year.customers.index(self.customer)
        return mine

    @property
    def in_days(self) -> Mask:
        first, last = ((item - FIRST_DAY).days for item in self.days)
        day = self.year.columns["day"]
        return self.of_customer & (day >= first) & (day <= last)

    @property
    def in_months(self) -> Mask:
        first, last = (item.month - 1 for item in self.months)
        month = self.year.columns["month"]
        return self.of_customer & (month >= first) & (month <= last)

    def sum(self, chosen: Mask, of: str = "images") -> float:
        if of == "images":
            return int(chosen.sum())
        if of == "usd":
            return float(sum(self.dollars(kind)[chosen].sum() for kind in ("compute", "requests", "storage")))
        if of in {"compute", "requests", "storage"}:
            return float(self.dollars(of)[chosen].sum())
        return int(self.year.columns[of][chosen].sum())

    def by(self, names: str, chosen: Mask, of: str = "images") -> dict[Any, float]:
        """The sum for each existing value of the columns `names`; keys are tuples for several columns."""
        sums = {}
        columns = [self.year.columns[name][chosen] for name in names.split()]
        for values in {tuple(map(int, each)) for each in zip(*columns, strict=True)}:
            here = chosen.copy()
            for name, value in zip(names.split(), values, strict=True):
                here &= self.year.columns[name] == value
            key = tuple(self._named(name, value) for name, value in zip(names.split(), values, strict=True))
            sums[key if len(key) > 1 else key[0]] = self.sum(here, of)
        return sums

    def _named(self, name: str, value: int) -> Any:
        if name == "customer":
            return self.year.customers[value]
        if name == "day":
            return value  # days since FIRST_DAY
        return _LISTS[name][value] if name in _LISTS else value

    def dollars(self, kind: str) -> NDArray[Any]:
        """Dollars of each image of the year, by the price file."""
        columns, asked = self.year.columns, prices.load()
        seconds, outputs = columns["billed_seconds"] / 1e6, columns["outputs"]
        if kind == "requests":
            requests: NDArray[Any] = (outputs + 2) * asked.s3.put + 3.0 * asked.s3.get
            return requests
        if kind == "storage":  # for the retention; a month is a twelfth of a year
            return (columns["bytes_in"] + columns["bytes_out"]) / 2**30 * asked.s3.gb_month * RETENTION_DAYS * 12 / 365
        values = np.zeros(self.year.images)
        for number, machine in enumerate(MACHINES):
            here = columns["machine"] == number
            function, fargate = asked.functions[machine], asked.fargate[machine]
            values[here] = function.request + (seconds * 3008 / 1024 * function.gb_second)[here]
            for place, tier in enumerate(TIERS):
                batch = here & (columns["tier"] == place)
                hourly = tier.vcpus * fargate.vcpu_hour + tier.memory_mb / 1024 * fargate.gb_hour
                values[batch] = seconds[batch] * hourly / 3600
        return values


def _assert_close(value: float | None, expected: float) -> None:
    assert float(value or 0) == pytest.approx(expected, rel=_DIGITS, abs=1e-9)


def _assert_all_close(values: dict[Any, Any], expected: dict[Any, float]) -> None:
    assert {key: float(value) for key, value in values.items()} == pytest.approx(expected, rel=_DIGITS)


def _check_days(rows: Rows, chosen: Mask, selection: Selection, *kinds: str) -> None:
    """Check rows of a day and sums of `kinds`."""
    for place, kind in enumerate(kinds, 1):
        _assert_all_close({_day(row[0]): row[place] for row in rows}, selection.by("day", chosen, kind))


def _day(seconds: Any) -> int:
    return (datetime.fromtimestamp(float(seconds), UTC).date() - FIRST_DAY).days


def _total(of: str, *, days: bool = True) -> Callable[[Rows, Selection], None]:
    def check(rows: Rows, selection: Selection) -> None:
        _assert_close(rows[0][0], selection.sum(selection.in_days if days else selection.in_months, of))

    return check


def _share(of: str, by: str, scale: float = 1) -> Callable[[Rows, Selection], None]:
    def check(rows: Rows, selection: Selection) -> None:
        _assert_close(rows[0][0], scale * selection.sum(selection.in_days, of) / selection.sum(selection.in_days, by))

    return check


def _percentile(seconds: float | None, latencies: NDArray[np.int64], share: float) -> None:
    truth = float(np.quantile(latencies / 1e6, share))
    assert seconds is not None
    assert truth / _BUCKET <= seconds <= truth * _BUCKET


def _wait(rows: Rows, selection: Selection) -> None:
    chosen = selection.in_months if selection.customer else selection.in_days
    _percentile(rows[0][0], selection.year.columns["latency_seconds"][chosen], 0.95)


def _wait_by_day(rows: Rows, selection: Selection) -> None:
    days = {(_day(row[0]), row[1]): row[2:] for row in rows}
    assert set(days) == set(selection.by("day route", selection.in_days))
    (day, route), (p50, p95) = max(days.items(), key=lambda item: selection.sum(_on(selection, *item[0])))
    latencies = selection.year.columns["latency_seconds"][_on(selection, day, route)]
    assert p50 <= p95
    _percentile(p50, latencies, 0.5)


def _on(selection: Selection, day: int, route: str) -> Mask:
    columns = selection.year.columns
    values: Mask = selection.in_days & (columns["day"] == day) & (columns["route"] == ROUTES.index(route))
    return values


def _customers(rows: Rows, selection: Selection) -> None:
    expected = selection.by("customer", selection.in_months)
    best = sorted(expected.items(), key=lambda item: (-item[1], item[0]))[:100]
    assert [(row[0], row[1]) for row in rows] == best
    for row in rows[:5]:
        own = Selection(selection.year, selection.days, selection.months, row[0])
        sums = {name: own.sum(own.in_months, name) for name in ("images", "failed", "bytes_in", "bytes_saved", "usd")}
        _assert_close(row[2], sums["failed"] / sums["images"])
        assert (row[3], row[4]) == (sums["bytes_in"], sums["bytes_saved"])
        _assert_close(row[5], sums["usd"])
        _assert_close(row[6], 1000 * sums["usd"] / sums["images"])


def _movers(rows: Rows, selection: Selection) -> None:
    last = selection.months[1].month - 2  # the last whole month, counted from 0
    month, values = selection.year.columns["month"], {}
    for name in selection.year.customers:
        own = Selection(selection.year, selection.days, selection.months, name)
        before, after = (own.sum(own.of_customer & (month == number)) for number in (last - 1, last))
        if before or after:
            values[name] = (before, after)
    changes = {name: after - before for name, (before, after) in values.items()}
    best = sorted(changes, key=lambda name: (-abs(changes[name]), name))[:25]
    assert [tuple(row[:4]) for row in rows] == [(name, *values[name], changes[name]) for name in best]
    own = Selection(selection.year, selection.days, selection.months, best[0])
    before, after = (own.sum(own.of_customer & (month == number), "usd") for number in (last - 1, last))
    _assert_close(rows[0][4], after - before)


def _by_door_and_route(days: bool) -> Callable[[Rows, Selection], None]:
    def check(rows: Rows, selection: Selection) -> None:
        expected = selection.by("source route", selection.in_days if days else selection.in_months)
        _assert_all_close(dict(rows), {", ".join(key): value for key, value in expected.items()})

    return check


def _by_column(name: str, days: bool) -> Callable[[Rows, Selection], None]:
    def check(rows: Rows, selection: Selection) -> None:
        expected = selection.by(name, selection.in_days if days else selection.in_months)
        expected.pop("", None)  # processed
        assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
        _assert_all_close({row[0]: row[1] for row in rows}, expected)
        if len(rows[0]) > 2:
            _assert_close(rows[0][2], float(rows[0][1]) / selection.sum(selection.in_days))

    return check


def _pipelines(rows: Rows, selection: Selection) -> None:
    _assert_all_close({row[0]: row[1] for row in rows}, selection.by("pipeline", selection.in_days))
    _assert_all_close({row[0]: row[3] for row in rows}, selection.by("pipeline", selection.in_days, "outputs"))
    dollars = selection.by("pipeline", selection.in_days, "usd")
    _assert_all_close({row[0]: row[5] for row in rows}, dollars)
    assert [row[0] for row in rows] == sorted(dollars, key=lambda name: -dollars[name])
    cpu = selection.by("pipeline", selection.in_days, "cpu_seconds")
    _assert_all_close({row[0]: float(row[4]) * float(row[1]) * 1e6 for row in rows}, cpu)


def _estimates(rows: Rows, selection: Selection) -> None:
    good = selection.in_days & (selection.year.columns["failed"] == 0)
    truth = selection.by("day pipeline", good, "cpu_seconds")
    guess = selection.by("day pipeline", good, "estimated_cpu_seconds")
    _assert_all_close({(_day(row[0]), row[1]): row[2] for row in rows}, {key: truth[key] / guess[key] for key in truth})


def _above_estimate(rows: Rows, selection: Selection) -> None:
    columns = selection.year.columns
    good = selection.in_days & (columns["failed"] == 0)
    late = good & (columns["cpu_seconds"] / 1e6 > columns["estimated_cpu_seconds"] * 1.3 / 1e6)
    images, beyond = selection.by("day", good), selection.by("day", late)
    _assert_all_close({_day(row[0]): row[1] for row in rows}, {day: beyond.get(day, 0) / images[day] for day in images})
    assert not any(row[2] for row in rows)  # the year's upper estimate of memory is never exceeded


def _by_day_and(name: str) -> Callable[[Rows, Selection], None]:
    def check(rows: Rows, selection: Selection) -> None:
        _assert_all_close(
            {(_day(row[0]), row[1]): row[2] for row in rows}, selection.by(f"day {name}", selection.in_days)
        )

    return check


def _failed_by_day(rows: Rows, selection: Selection) -> None:
    images, failed = selection.by("day", selection.in_days), selection.by("day", selection.in_days, "failed")
    _assert_all_close({_day(row[0]): row[1] for row in rows}, {day: failed[day] / images[day] for day in images})


def _latest(rows: Rows, selection: Selection) -> None:
    chosen = selection.in_time
    assert len(rows) == min(100, selection.sum(chosen))
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    clock = np.sort((selection.year.columns["day"] * 86_400 + selection.year.columns["second"])[chosen])[::-1]
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    assert [round(row[0].timestamp() - first.timestamp()) for row in rows] == clock[: len(rows)].tolist()


def _failed_list(rows: Rows, selection: Selection) -> None:
    assert len(rows) == min(50, selection.sum(selection.in_time, "failed"))
    assert all(row[5] for row in rows)


def _most_expensive(rows: Rows, selection: Selection) -> None:
    dollars = sum(selection.dollars(kind) for kind in ("compute", "requests", "storage"))
    assert isinstance(dollars, np.ndarray)
    best = np.sort(dollars[selection.in_time])[::-1][:50].tolist()
    assert [float(row[6]) for row in rows] == pytest.approx(best, rel=_DIGITS)


def _blurry(rows: Rows, selection: Selection) -> None:
    columns, values = selection.year.columns, []
    for number in range(len(PIPELINES)):
        mine = selection.of_customer & (columns["pipeline"] == number)
        if not mine.any():
            continue
        usual = float(np.median(columns["sharpness"][mine] / 100))
        sharpness = columns["sharpness"][mine & selection.in_time] / 100
        values += (sharpness[sharpness < usual / 10] / usual).tolist()
    assert [float(row[4]) for row in rows] == pytest.approx(sorted(values)[:50], rel=1e-9)


def _duplicates(rows: Rows, selection: Selection) -> None:
    looks = selection.year.columns["looks"][selection.in_time].view(np.uint64)
    pairs = sum(int((np.bitwise_count(looks[place + 1 :] ^ item) <= 10).sum()) for place, item in enumerate(looks))
    assert len(rows) == min(pairs, 50)


def _months(rows: Rows, selection: Selection) -> None:
    month, route = selection.year.columns["month"], selection.year.columns["route"]
    values = {(row[0].month - 1, ROUTES.index(row[1])): row for row in rows}
    for key, row in values.items():
        chosen = selection.in_months & (month == key[0]) & (route == key[1])
        assert row[2] == selection.sum(chosen)
        if row[2] > 20:
            _percentile(row[3], selection.year.columns["latency_seconds"][chosen], 0.5)
    assert sum(row[2] for row in rows) == selection.sum(selection.in_months)


_COMMON: dict[str, Callable[[Rows, Selection], None]] = {
    "Images": _total("images"),
    "Failed": _share("failed", "images"),
    "Renditions": _total("outputs"),
    "Bytes saved": _total("bytes_saved"),
    "Cost": _total("usd"),
    "Cost of a thousand": _share("usd", "images", 1000),
    "Wait, p95": _wait,
    "Cost by day": lambda rows, selection: _check_days(
        rows, selection.in_days, selection, "compute", "requests", "storage"
    ),
    "Bytes by day": lambda rows, selection: _check_days(
        rows, selection.in_days, selection, "bytes_in", "bytes_out", "bytes_saved"
    ),
}
BUSINESS: dict[str, Callable[[Rows, Selection], None]] = {
    **_COMMON,
    "Customers": lambda rows, selection: _assert_close(rows[0][0], len(selection.by("customer", selection.in_months))),
    "Largest customers": _customers,
    "Images by day and door": _by_day_and("source"),
    "Share that failed, by day": _failed_by_day,
    "Wait by day, p50 and p95": _wait_by_day,
    "Top movers": _movers,
    "Images by format": _by_column("format", days=True),
    "Images by door and route": _by_door_and_route(days=True),
    "Failures by code": _by_column("code", days=True),
    "Pipelines": _pipelines,
    "CPU time by estimate": _estimates,
    "Above the upper estimate": _above_estimate,
}
CUSTOMER: dict[str, Callable[[Rows, Selection], None]] = {
    **_COMMON,
    "Bytes in": _total("bytes_in"),
    "Images by day and format": _by_day_and("format"),
    "Failed by day": lambda rows, selection: _check_days(rows, selection.in_days, selection, "failed"),
    "Images by door and route": _by_door_and_route(days=False),
    "Images by pipeline": _by_column("pipeline", days=False),
    "Failures by code": _by_column("code", days=False),
    "Wait by month": _months,
    "Latest images": _latest,
    "Latest failures": _failed_list,
    "Most expensive images": _most_expensive,
    "Blurry uploads": _blurry,
    "Near-duplicates": _duplicates,
}

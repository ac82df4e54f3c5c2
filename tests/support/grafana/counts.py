"""What each panel of *Business* and *One customer* has to say of a generated year, counted without any SQL.

One function for each panel, by its title; each has the rows of the panel, and the part of the year that it is about.
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
#: A bucket of a histogram: within it, nothing is known.
_BUCKET = 10**0.1
#: How long the year's objects are kept, as tests/ledger/conftest.py tells the ledger.
RETENTION_DAYS = 30
#: Dollars are made of whole microseconds and MB.
_DIGITS = 1e-5


@dataclass(frozen=True)
class Part:
    """Some of the images of a year: those of `days`, and of `months`, both ends in them; of one customer, or of all."""

    year: Year
    days: tuple[date, date]
    months: tuple[date, date]
    customer: str = ""
    #: What panels that read images are asked for: to the second.
    moments: tuple[datetime, datetime] | None = None

    @property
    def in_moments(self) -> Mask:
        assert self.moments
        first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
        since, until = ((one - first).total_seconds() for one in self.moments)
        clock = self.year.columns["day"] * 86_400 + self.year.columns["second"]
        found: Mask = self.whose & (clock >= since) & (clock <= until)
        return found

    @property
    def whose(self) -> Mask:
        if not self.customer:
            return np.ones(self.year.images, bool)
        mine: Mask = self.year.columns["customer"] == self.year.customers.index(self.customer)
        return mine

    @property
    def in_days(self) -> Mask:
        first, last = ((one - FIRST_DAY).days for one in self.days)
        day = self.year.columns["day"]
        return self.whose & (day >= first) & (day <= last)

    @property
    def in_months(self) -> Mask:
        first, last = (one.month - 1 for one in self.months)
        month = self.year.columns["month"]
        return self.whose & (month >= first) & (month <= last)

    def sum(self, chosen: Mask, of: str = "images") -> float:
        if of == "images":
            return int(chosen.sum())
        if of == "usd":
            return float(sum(self.dollars(kind)[chosen].sum() for kind in ("compute", "requests", "storage")))
        if of in {"compute", "requests", "storage"}:
            return float(self.dollars(of)[chosen].sum())
        return int(self.year.columns[of][chosen].sum())

    def by(self, names: str, chosen: Mask, of: str = "images") -> dict[Any, float]:
        """The sum for each value that there is; the key is a tuple where `names` are several."""
        found = {}
        columns = [self.year.columns[name][chosen] for name in names.split()]
        for values in {tuple(map(int, each)) for each in zip(*columns, strict=True)}:
            here = chosen.copy()
            for name, value in zip(names.split(), values, strict=True):
                here &= self.year.columns[name] == value
            key = tuple(self._named(name, value) for name, value in zip(names.split(), values, strict=True))
            found[key if len(key) > 1 else key[0]] = self.sum(here, of)
        return found

    def _named(self, name: str, value: int) -> Any:
        if name == "customer":
            return self.year.customers[value]
        if name == "day":
            return value  # days since the first
        return _LISTS[name][value] if name in _LISTS else value

    def dollars(self, kind: str) -> NDArray[Any]:
        """By the price file, for each image of the year."""
        columns, asked = self.year.columns, prices.load()
        seconds, outputs = columns["billed_seconds"] / 1e6, columns["outputs"]
        if kind == "requests":
            requests: NDArray[Any] = (outputs + 2) * asked.s3.put + 3.0 * asked.s3.get
            return requests
        if kind == "storage":  # for as long as it is kept, of months of a twelfth of a year
            return (columns["bytes_in"] + columns["bytes_out"]) / 2**30 * asked.s3.gb_month * RETENTION_DAYS * 12 / 365
        found = np.zeros(self.year.images)
        for number, machine in enumerate(MACHINES):
            here = columns["machine"] == number
            function, fargate = asked.functions[machine], asked.fargate[machine]
            found[here] = function.request + (seconds * 3008 / 1024 * function.gb_second)[here]
            for place, tier in enumerate(TIERS):
                batch = here & (columns["tier"] == place)
                hourly = tier.vcpus * fargate.vcpu_hour + tier.memory_mb / 1024 * fargate.gb_hour
                found[batch] = seconds[batch] * hourly / 3600
        return found


def _same(found: float | None, expected: float) -> None:
    assert float(found or 0) == pytest.approx(expected, rel=_DIGITS, abs=1e-9)


def _alike(found: dict[Any, Any], expected: dict[Any, float]) -> None:
    assert {key: float(value) for key, value in found.items()} == pytest.approx(expected, rel=_DIGITS)


def _days(rows: Rows, chosen: Mask, part: Part, *kinds: str) -> None:
    """Rows of time and some sums."""
    for place, kind in enumerate(kinds, 1):
        _alike({_day(row[0]): row[place] for row in rows}, part.by("day", chosen, kind))


def _day(seconds: Any) -> int:
    return (datetime.fromtimestamp(float(seconds), UTC).date() - FIRST_DAY).days


def _total(of: str, *, days: bool = True) -> Callable[[Rows, Part], None]:
    def check(rows: Rows, part: Part) -> None:
        _same(rows[0][0], part.sum(part.in_days if days else part.in_months, of))

    return check


def _share(of: str, by: str, scale: float = 1) -> Callable[[Rows, Part], None]:
    def check(rows: Rows, part: Part) -> None:
        _same(rows[0][0], scale * part.sum(part.in_days, of) / part.sum(part.in_days, by))

    return check


def _percentile(seconds: float | None, latencies: NDArray[np.int64], share: float) -> None:
    truth = float(np.quantile(latencies / 1e6, share))
    assert seconds is not None
    assert truth / _BUCKET <= seconds <= truth * _BUCKET


def _wait(rows: Rows, part: Part) -> None:
    chosen = part.in_months if part.customer else part.in_days
    _percentile(rows[0][0], part.year.columns["latency_seconds"][chosen], 0.95)


def _wait_by_day(rows: Rows, part: Part) -> None:
    days = {(_day(row[0]), row[1]): row[2:] for row in rows}
    assert set(days) == set(part.by("day route", part.in_days))
    (day, route), (p50, p95) = max(days.items(), key=lambda one: part.sum(_on(part, *one[0])))
    latencies = part.year.columns["latency_seconds"][_on(part, day, route)]
    assert p50 <= p95
    _percentile(p50, latencies, 0.5)


def _on(part: Part, day: int, route: str) -> Mask:
    columns = part.year.columns
    found: Mask = part.in_days & (columns["day"] == day) & (columns["route"] == ROUTES.index(route))
    return found


def _customers(rows: Rows, part: Part) -> None:
    expected = part.by("customer", part.in_months)
    best = sorted(expected.items(), key=lambda one: (-one[1], one[0]))[:100]
    assert [(row[0], row[1]) for row in rows] == best
    for row in rows[:5]:
        own = Part(part.year, part.days, part.months, row[0])
        sums = {name: own.sum(own.in_months, name) for name in ("images", "failed", "bytes_in", "bytes_saved", "usd")}
        _same(row[2], sums["failed"] / sums["images"])
        assert (row[3], row[4]) == (sums["bytes_in"], sums["bytes_saved"])
        _same(row[5], sums["usd"])
        _same(row[6], 1000 * sums["usd"] / sums["images"])


def _movers(rows: Rows, part: Part) -> None:
    last = part.months[1].month - 2  # the last whole month, counted from 0
    month, found = part.year.columns["month"], {}
    for name in part.year.customers:
        own = Part(part.year, part.days, part.months, name)
        before, after = (own.sum(own.whose & (month == number)) for number in (last - 1, last))
        if before or after:
            found[name] = (before, after)
    changes = {name: after - before for name, (before, after) in found.items()}
    best = sorted(changes, key=lambda name: (-abs(changes[name]), name))[:25]
    assert [tuple(row[:4]) for row in rows] == [(name, *found[name], changes[name]) for name in best]
    own = Part(part.year, part.days, part.months, best[0])
    before, after = (own.sum(own.whose & (month == number), "usd") for number in (last - 1, last))
    _same(rows[0][4], after - before)


def _ways(days: bool) -> Callable[[Rows, Part], None]:
    def check(rows: Rows, part: Part) -> None:
        expected = part.by("source route", part.in_days if days else part.in_months)
        _alike(dict(rows), {", ".join(key): value for key, value in expected.items()})

    return check


def _listed(name: str, days: bool) -> Callable[[Rows, Part], None]:
    def check(rows: Rows, part: Part) -> None:
        expected = part.by(name, part.in_days if days else part.in_months)
        expected.pop("", None)  # processed
        assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
        _alike({row[0]: row[1] for row in rows}, expected)
        if len(rows[0]) > 2:
            _same(rows[0][2], float(rows[0][1]) / part.sum(part.in_days))

    return check


def _pipelines(rows: Rows, part: Part) -> None:
    _alike({row[0]: row[1] for row in rows}, part.by("pipeline", part.in_days))
    _alike({row[0]: row[3] for row in rows}, part.by("pipeline", part.in_days, "outputs"))
    dollars = part.by("pipeline", part.in_days, "usd")
    _alike({row[0]: row[5] for row in rows}, dollars)
    assert [row[0] for row in rows] == sorted(dollars, key=lambda name: -dollars[name])
    cpu = part.by("pipeline", part.in_days, "cpu_seconds")
    _alike({row[0]: float(row[4]) * float(row[1]) * 1e6 for row in rows}, cpu)


def _estimates(rows: Rows, part: Part) -> None:
    good = part.in_days & (part.year.columns["failed"] == 0)
    truth = part.by("day pipeline", good, "cpu_seconds")
    guess = part.by("day pipeline", good, "estimated_cpu_seconds")
    _alike({(_day(row[0]), row[1]): row[2] for row in rows}, {key: truth[key] / guess[key] for key in truth})


def _beyond(rows: Rows, part: Part) -> None:
    columns = part.year.columns
    good = part.in_days & (columns["failed"] == 0)
    late = good & (columns["cpu_seconds"] / 1e6 > columns["estimated_cpu_seconds"] * 1.3 / 1e6)
    images, beyond = part.by("day", good), part.by("day", late)
    _alike({_day(row[0]): row[1] for row in rows}, {day: beyond.get(day, 0) / images[day] for day in images})
    assert not any(row[2] for row in rows)  # the year's upper estimate of memory is never exceeded


def _by_day_and(name: str) -> Callable[[Rows, Part], None]:
    def check(rows: Rows, part: Part) -> None:
        _alike({(_day(row[0]), row[1]): row[2] for row in rows}, part.by(f"day {name}", part.in_days))

    return check


def _failed_by_day(rows: Rows, part: Part) -> None:
    images, failed = part.by("day", part.in_days), part.by("day", part.in_days, "failed")
    _alike({_day(row[0]): row[1] for row in rows}, {day: failed[day] / images[day] for day in images})


def _latest(rows: Rows, part: Part) -> None:
    chosen = part.in_moments
    assert len(rows) == min(100, part.sum(chosen))
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    clock = np.sort((part.year.columns["day"] * 86_400 + part.year.columns["second"])[chosen])[::-1]
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    assert [round(row[0].timestamp() - first.timestamp()) for row in rows] == clock[: len(rows)].tolist()


def _failed_list(rows: Rows, part: Part) -> None:
    assert len(rows) == min(50, part.sum(part.in_moments, "failed"))
    assert all(row[5] for row in rows)


def _dearest(rows: Rows, part: Part) -> None:
    dollars = sum(part.dollars(kind) for kind in ("compute", "requests", "storage"))
    assert isinstance(dollars, np.ndarray)
    best = np.sort(dollars[part.in_moments])[::-1][:50].tolist()
    assert [float(row[6]) for row in rows] == pytest.approx(best, rel=_DIGITS)


def _blurry(rows: Rows, part: Part) -> None:
    columns, found = part.year.columns, []
    for number in range(len(PIPELINES)):
        mine = part.whose & (columns["pipeline"] == number)
        if not mine.any():
            continue
        usual = float(np.median(columns["sharpness"][mine] / 100))
        sharpness = columns["sharpness"][mine & part.in_moments] / 100
        found += (sharpness[sharpness < usual / 10] / usual).tolist()
    assert [float(row[4]) for row in rows] == pytest.approx(sorted(found)[:50], rel=1e-9)


def _duplicates(rows: Rows, part: Part) -> None:
    looks = part.year.columns["looks"][part.in_moments].view(np.uint64)
    pairs = sum(int((np.bitwise_count(looks[place + 1 :] ^ one) <= 10).sum()) for place, one in enumerate(looks))
    assert len(rows) == min(pairs, 50)


def _months(rows: Rows, part: Part) -> None:
    month, route = part.year.columns["month"], part.year.columns["route"]
    found = {(row[0].month - 1, ROUTES.index(row[1])): row for row in rows}
    for key, row in found.items():
        chosen = part.in_months & (month == key[0]) & (route == key[1])
        assert row[2] == part.sum(chosen)
        if row[2] > 20:
            _percentile(row[3], part.year.columns["latency_seconds"][chosen], 0.5)
    assert sum(row[2] for row in rows) == part.sum(part.in_months)


_COMMON: dict[str, Callable[[Rows, Part], None]] = {
    "Images": _total("images"),
    "Failed": _share("failed", "images"),
    "Renditions": _total("outputs"),
    "Bytes saved": _total("bytes_saved"),
    "Cost": _total("usd"),
    "Cost of a thousand": _share("usd", "images", 1000),
    "Wait, p95": _wait,
    "Cost by day": lambda rows, part: _days(rows, part.in_days, part, "compute", "requests", "storage"),
    "Bytes by day": lambda rows, part: _days(rows, part.in_days, part, "bytes_in", "bytes_out", "bytes_saved"),
}
BUSINESS: dict[str, Callable[[Rows, Part], None]] = {
    **_COMMON,
    "Customers": lambda rows, part: _same(rows[0][0], len(part.by("customer", part.in_months))),
    "Largest customers": _customers,
    "Images by day and door": _by_day_and("source"),
    "Share that failed, by day": _failed_by_day,
    "Wait by day, p50 and p95": _wait_by_day,
    "Top movers": _movers,
    "Images by format": _listed("format", days=True),
    "Images by door and route": _ways(days=True),
    "Failures by code": _listed("code", days=True),
    "Pipelines": _pipelines,
    "CPU time by estimate": _estimates,
    "Above the upper estimate": _beyond,
}
CUSTOMER: dict[str, Callable[[Rows, Part], None]] = {
    **_COMMON,
    "Bytes in": _total("bytes_in"),
    "Images by day and format": _by_day_and("format"),
    "Failed by day": lambda rows, part: _days(rows, part.in_days, part, "failed"),
    "Images by door and route": _ways(days=False),
    "Images by pipeline": _listed("pipeline", days=False),
    "Failures by code": _listed("code", days=False),
    "Wait by month": _months,
    "Latest images": _latest,
    "Latest failures": _failed_list,
    "Most expensive images": _dearest,
    "Blurry uploads": _blurry,
    "Near-duplicates": _duplicates,
}

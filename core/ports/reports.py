"""Reports over the ledger: queries, figures, and the Protocols of their makers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

from core.domain import object_keys
from core.domain.errors import Refusal
from core.domain.model import Value
from core.ports.report_rows import Page, PageCursor, Row

#: Breakdowns of a report. `source` is the door.
DIMENSIONS = ("customer", "source", "route", "format", "pipeline")
#: The longest period: a report of more days would be unreadable.
MAX_DAYS = 3660
#: Days outside these are typing errors, and would end date arithmetic.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


class ReportQuery(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The days from `since` to `until`, both included, of one customer, or of all if `customer` is None.

    Raises ValueError, which begins with the name of the invalid field.
    """

    since: date
    until: date
    customer: str | None = None

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise ValueError(f"until: {self.until} is before since, {self.since}")
        if self.days > MAX_DAYS:
            raise ValueError(f"since: {self.days:,} days are too many at once; at most {MAX_DAYS:,} are allowed")
        if self.customer is not None:
            try:
                object_keys.check_customer(self.customer)
            except Refusal as error:
                raise ValueError(error.message.removesuffix(".")) from error

    @staticmethod
    def checked(since: date, until: date, customer: str | None) -> "ReportQuery":
        """The query of a person. Raises ValueError for days outside FIRST_DAY to LAST_DAY, too."""
        if since < FIRST_DAY:
            raise ValueError(f"since: {since} is before {FIRST_DAY}")
        if until > LAST_DAY:
            raise ValueError(f"until: {until} is after {LAST_DAY}")
        return ReportQuery(since=since, until=until, customer=customer)

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "ReportQuery":
        """The period of the same length just before."""
        length = timedelta(days=self.days)
        return msgspec.structs.replace(self, since=self.since - length, until=self.until - length)


class Sums(Value, frozen=True, kw_only=True):
    """Totals: images, bytes, CPU seconds, and US dollars at the ledger's prices."""

    images: int = 0
    failed: int = 0
    outputs: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_saved: int = 0
    cpu_seconds: float = 0.0
    usd: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})

    @property
    def processed(self) -> int:
        return self.images - self.failed


class Latency(Value, frozen=True, kw_only=True):
    """Percentiles of the seconds from an image's arrival to its commit.

    Exact for one customer; for all customers within 26 %, since they are made of the ledger's histogram.
    """

    p50: float
    p95: float
    p99: float


class Day(Value, frozen=True, kw_only=True):
    """One UTC day on which images ended. `usd` is by route."""

    day: date
    sums: Sums
    usd: dict[str, float]
    latency: Latency


class Line(Value, frozen=True, kw_only=True):
    """One value of a dimension, in this period and in the one before.

    Without a name, it is the sum of the `others` values that have no line of their own.
    """

    name: str | None
    sums: Sums
    before: Sums = Sums()
    others: int = 0


class Failure(Value, frozen=True, kw_only=True):
    """A failure code, the images that ended with it, its meaning (`what`) and remedy (`advice`)."""

    code: str
    what: str
    advice: str
    images: int


class Report(Value, frozen=True, kw_only=True):
    """A whole report. `by`: lines of each of DIMENSIONS, most images first. `prices`: their region and date."""

    question: ReportQuery
    made_at: datetime
    version: str
    prices: str
    sums: Sums
    before: Sums
    customers: int
    latency: Latency | None
    days: tuple[Day, ...]
    by: dict[str, tuple[Line, ...]]
    movers: tuple[Line, ...]
    failures: tuple[Failure, ...]


class PeriodSums(Value, frozen=True, kw_only=True):
    """The sums of one query: by each of DIMENSIONS, by day and route, and the images of each failure code."""

    by: dict[str, dict[str, Sums]]
    days: dict[tuple[date, str], Sums]
    failures: dict[str, int]

    @property
    def sums(self) -> Sums:
        return sum(self.days.values(), Sums())


class Figures(Protocol):
    """Reads figures from the ledger. Raises Unavailable(DATABASE_UNAVAILABLE)."""

    def period_sums(self, queries: Sequence[ReportQuery]) -> list[PeriodSums]:
        """The sums of each query, all as of one moment."""

    def latencies(self, query: ReportQuery) -> tuple[Latency | None, dict[date, Latency]]:
        """The latency over the whole period (None without images), and over each day with images."""

    def rows(self, query: ReportQuery, day: date, after: tuple[str, ...], limit: int) -> list[Row]:
        """Up to `limit` rows of a day in the order of ROW_KEY, those after the key `after`."""


class Reports(Protocol):
    """Makes reports: from the ledger, or by the operator's function."""

    def report(self, query: ReportQuery) -> Report:
        """All figures at a glance."""

    def page(self, query: ReportQuery, cursor: PageCursor | None = None) -> Page:
        """The rows from a cursor on; without one, the first rows."""

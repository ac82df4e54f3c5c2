"""Reports over the ledger: the values, and the Protocols of the services that make them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol

import msgspec

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.model import Value

#: Rows of a page: at most some 400 bytes each as JSON, and Lambda answers with 6 MB at most.
PAGE = 10_000


#: By what the images of a report are counted; `source` is the door.
DIMENSIONS = ("customer", "source", "route", "format", "pipeline")


#: More days than this are asked for in parts: the page of them would be nothing to look at.
MOST_DAYS = 3660


#: No image ended before or after these; what is further off is a slip, and dates come to an end.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


class Question(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked about: the days from `since` to `until`, both included, of one customer or of all.

    Raises ValueError, which begins with the field's name, for what cannot be asked.
    """

    since: date
    until: date
    customer: str | None = None

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise ValueError(f"until: {self.until} is before since, {self.since}")
        if self.days > MOST_DAYS:
            raise ValueError(f"since: {self.days:,} days are too many at once; {MOST_DAYS:,} are not")
        if self.customer is not None:
            try:
                object_keys.check_customer(self.customer)
            except Refusal as error:
                raise ValueError(error.message.removesuffix(".")) from error

    @staticmethod
    def of(since: date, until: date, customer: str | None) -> "Question":
        """As somebody asks it. Raises ValueError for days that are a slip, too."""
        if since < FIRST_DAY:
            raise ValueError(f"since: {since} is before {FIRST_DAY}")
        if until > LAST_DAY:
            raise ValueError(f"until: {until} is after {LAST_DAY}")
        return Question(since=since, until=until, customer=customer)

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "Question":
        """As many days just before."""
        length = timedelta(days=self.days)
        return msgspec.structs.replace(self, since=self.since - length, until=self.until - length)


class Sums(Value, frozen=True, kw_only=True):
    """What is added up. Bytes; seconds; US dollars at the ledger's prices."""

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
    """Seconds from an image's arrival to its commit: 50, 95 and 99 of a hundred waited no longer.

    Of all customers' images they are made of the ledger's buckets, within 26 % of the truth; of one's, exact.
    """

    p50: float
    p95: float
    p99: float


class Day(Value, frozen=True, kw_only=True):
    """One day on which images ended; its dollars by route."""

    day: date
    sums: Sums
    usd: dict[str, float]
    latency: Latency


class Line(Value, frozen=True, kw_only=True):
    """The images of one value of what is counted by, and those of the time before. Without a name: `others` values."""

    name: str | None
    sums: Sums
    before: Sums = Sums()
    others: int = 0


class Failure(Value, frozen=True, kw_only=True):
    """A code that images ended with, what it means and what to do."""

    code: str
    what: str
    advice: str
    images: int


class Report(Value, frozen=True, kw_only=True):
    """The answer. `by` has lines for each of DIMENSIONS, most images first; `prices` says of where and when."""

    question: Question
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


class Counted(Value, frozen=True, kw_only=True):
    """The ledger's sums of one question: by each of DIMENSIONS, by day and route; the images of each code."""

    by: dict[str, dict[str, Sums]]
    days: dict[tuple[date, str], Sums]
    failures: dict[str, int]

    @property
    def sums(self) -> Sums:
        return sum(self.days.values(), Sums())


class Row(Value, frozen=True):
    """The images of a day that have all else in common, for spreadsheets and data frames; docs/reference/cli.md has more."""

    day: date
    customer: str
    source: str
    route: str
    format: str
    pipeline: str
    status: str
    code: str | None
    images: int
    outputs: int
    bytes_in: int
    bytes_out: int
    bytes_saved: int
    seconds: float
    cpu_seconds: float
    usd: float
    latency_p50: float
    latency_p95: float
    latency_p99: float


#: What tells a row from all others of its day.
KEY = ("customer", "source", "route", "format", "pipeline", "status", "code")


class Place(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the next page begins: a day, and the key of the last row that was given of it."""

    day: date
    after: tuple[str, ...] = ()


class Page(Value, frozen=True, kw_only=True):
    """Some rows, and where the next ones are; None: there are no more."""

    rows: tuple[Row, ...]
    next: Place | None = None


class Figures(Protocol):
    """The ledger, to count in. Raises Unavailable(DATABASE_UNAVAILABLE)."""

    def counted(self, questions: Sequence[Question]) -> list[Counted]:
        """The sums of each question, all of them of one moment."""

    def latencies(self, question: Question) -> tuple[Latency | None, dict[date, Latency]]:
        """Of all images, and of each day's."""

    def rows(self, question: Question, day: date, after: tuple[str, ...], most: int) -> list[Row]:
        """The rows of a day in the order of KEY, from behind `after` on."""


class Reports(Protocol):
    """Who answers: the ledger itself, or the operator's function beside it."""

    def report(self, question: Question) -> Report:
        """Everything at a glance."""

    def page(self, question: Question, place: Place | None = None) -> Page:
        """The rows from a place on, the first ones unless said otherwise."""


class Asked(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question as it comes in from outside: of the last thirty days unless it says otherwise."""

    since: date | None = None
    until: date | None = None
    customer: str | None = None
    of: Literal["report", "rows"] = "report"
    place: Place | None = None

    def answer(self, reports: Reports) -> Report | Page:
        until = self.until or datetime.now(UTC).date()
        since = self.since or max(until, FIRST_DAY) - timedelta(days=29)
        try:
            question = Question.of(since, until, self.customer)
        except ValueError as error:
            raise Refusal(Code.INVALID_REQUEST, f"{error}.") from error
        return reports.page(question, self.place) if self.of == "rows" else reports.report(question)


def rows(reports: Reports, question: Question) -> Iterator[Row]:
    """All rows, page after page."""
    page = reports.page(question)
    yield from page.rows
    while page.next:
        page = reports.page(question, page.next)
        yield from page.rows

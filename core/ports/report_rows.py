"""A report's rows, for spreadsheets and data frames, and the pages in which they are read."""

from datetime import date

from core.domain.model import Value

#: Rows of a page. A row is at most about 400 bytes of JSON, and Lambda answers with at most 6 MB.
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAGE_ROWS = 10_000
#: The fields that identify a row within its day.
ROW_KEY = ("customer", "source", "route", "format", "pipeline", "status", "code")


class Row(Value, frozen=True):
    """The images of one day that agree in all fields of ROW_KEY. docs/reference/cli.md describes each column."""

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


class PageCursor(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The start of a page: a day, and the ROW_KEY of the last row before it (empty: the day's first row)."""

    day: date
    after: tuple[str, ...] = ()


class Page(Value, frozen=True, kw_only=True):
    """Some rows, and the cursor of the next page; None after the last one."""

    rows: tuple[Row, ...]
    next: PageCursor | None = None

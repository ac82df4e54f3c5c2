"""Answers of the web API about images. As JSON, times are ISO 8601 with a zone; sizes are in bytes."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from core.domain.errors import Code
from core.domain.model import Door, Estimate, Measurements, Route, Status, Usage, Value
from core.domain.object_keys import PipelineName

#: Without NUL, which PostgreSQL's text cannot hold.
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*\Z")]
UploadName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
Limit = Annotated[int, Meta(ge=1, le=200)]
Moment = Annotated[datetime, Meta(tz=True, description="From the year 2000 to the year 2100.")]
_YEARS = range(2000, 2101)


class Filter(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions on images; all of them must hold."""

    status: Status | UnsetType = UNSET
    #: Of the source, by its first bytes: `jpeg`, `png`, …
    format: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,20}\Z")] | UnsetType = UNSET
    pipeline: PipelineName | UnsetType = UNSET
    #: A part of the name, in upper or lower case.
    text: Text | UnsetType = UNSET
    #: Committed at this time or later.
    since: Moment | UnsetType = UNSET
    #: Committed before this time.
    until: Moment | UnsetType = UNSET
    #: Ids of uploads, separated by commas.
    upload: Annotated[str, Meta(max_length=4000, pattern=r"^[A-Za-z0-9._,-]*\Z")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_years(since=self.since, until=self.until)


def check_years(**moments: datetime | UnsetType) -> None:
    """Raises ValueError that names the first moment outside 2000 to 2100, where conversion between zones may fail."""
    for name, moment in moments.items():
        if moment is not UNSET and moment.year not in _YEARS:
            raise ValueError(f"{name} must be from the year {_YEARS[0]} to the year {_YEARS[-1]}")


class RenditionView(Value, frozen=True, kw_only=True):
    """A rendition. Its links are valid for at least 15 minutes, and stay the same for 15 minutes."""

    name: str
    format: str
    width: int
    height: int
    bytes: int
    frames: int
    url: str
    #: The same file, as a download with a file name.
    download_url: str


class Image(Value, frozen=True, kw_only=True):
    """An image with its final result."""

    image_id: str
    run: int
    #: The id of its upload; null if it did not come by an upload.
    upload: str | None
    pipeline: str
    door: Door
    route: Route
    #: The reason for the route, as a sentence.
    reason: str
    status: Status
    code: Code | None
    message: str | None
    name: str
    #: Of the source, as the fields down to `frames`; null if its header could not be read.
    format: str | None
    width: int | None
    height: int | None
    frames: int | None
    #: Of the source; null if it was never read.
    bytes: int | None
    #: Of all renditions.
    bytes_out: int
    seconds: float
    received_at: datetime
    committed_at: datetime
    #: The smallest rendition that browsers can show.
    thumbnail: RenditionView | None
    #: The largest rendition that browsers can show; else the largest.
    largest: RenditionView | None


class ImagePage(Value, frozen=True, kw_only=True):
    """A page of images, the latest first. `next` is the `cursor` of the next page; null on the last one."""

    images: tuple[Image, ...]
    next: str | None


class ImageDetail(Value, frozen=True, kw_only=True):
    """An image with all its details."""

    image: Image
    renditions: tuple[RenditionView, ...]
    #: A link to the source; null if the page may not read it.
    before: str | None
    measurements: Measurements
    #: The custom operations in the pipeline, with the versions of their packages.
    operations: dict[str, str]
    usage: Usage
    #: The estimated resources; null if none were estimated.
    estimate: Estimate | None
    version: str


class Count(Value, frozen=True, kw_only=True):
    """Counts and totals of images. `usd` is their cost in AWS; null if that is not known."""

    images: int = 0
    processed: int = 0
    failed: int = 0
    renditions: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    usd: float | None = None


class DayCount(Count, frozen=True, kw_only=True):
    """The counts of one UTC day."""

    day: date


class NamedCount(Count, frozen=True, kw_only=True):
    """The counts of one format, route or code; `other` stands for none."""

    name: str


class UsageStats(Value, frozen=True, kw_only=True):
    """A customer's usage on the UTC days from `since` to `until`. Days without images are left out."""

    since: datetime
    until: datetime
    total: Count
    days: tuple[DayCount, ...]
    formats: tuple[NamedCount, ...]
    routes: tuple[NamedCount, ...]
    codes: tuple[NamedCount, ...]


class PipelineOutput(Value, frozen=True, kw_only=True):
    """A rendition that a pipeline makes, and its file formats."""

    name: str
    formats: tuple[str, ...]


class PipelineSummary(Value, frozen=True, kw_only=True):
    """A pipeline that uploads may name."""

    name: str
    description: str
    renditions: tuple[PipelineOutput, ...]


class Erasure(Value, frozen=True, kw_only=True):
    """A requested erasure: the files and the name are deleted seconds later."""

    image_id: str
    requested_at: datetime = msgspec.field()

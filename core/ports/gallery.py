"""What the page's API answers: values that are JSON as they stand. Times are ISO 8601 with their zone, sizes bytes."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from core.domain.errors import Code
from core.domain.model import Door, Estimate, Measurements, Route, Status, Usage, Value
from core.domain.object_keys import PipelineName

#: A NUL is in no text that PostgreSQL holds.
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*\Z")]
UploadName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
Limit = Annotated[int, Meta(ge=1, le=200)]
Moment = Annotated[datetime, Meta(tz=True, description="From the year 2000 to the year 2100.")]
_YEARS = range(2000, 2101)


class Filter(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which images. Everything that is said must hold."""

    status: Status | UnsetType = UNSET
    #: Of the source, as its first bytes say it: `jpeg`, `png`, …
    format: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,20}\Z")] | UnsetType = UNSET
    pipeline: PipelineName | UnsetType = UNSET
    #: A part of the name, in capitals or not.
    text: Text | UnsetType = UNSET
    #: Committed from then on, and before.
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    #: The uploads they came by, separated by commas.
    upload: Annotated[str, Meta(max_length=4000, pattern=r"^[A-Za-z0-9._,-]*\Z")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_years(since=self.since, until=self.until)


def check_years(**moments: datetime | UnsetType) -> None:
    """Raises ValueError that names the first moment whose year no image can have: there, arithmetic with zones ends."""
    for name, moment in moments.items():
        if moment is not UNSET and moment.year not in _YEARS:
            raise ValueError(f"{name} must be from the year {_YEARS[0]} to the year {_YEARS[-1]}")


class Picture(Value, frozen=True, kw_only=True):
    """A rendition. Its links are good for at least a quarter of an hour, and stay the same for as long."""

    name: str
    format: str
    width: int
    height: int
    bytes: int
    frames: int
    url: str
    #: The same, to be saved under a name of its own.
    download_url: str


class Image(Value, frozen=True, kw_only=True):
    """An image that ended."""

    image_id: str
    run: int
    #: The upload that it came by; null where it came through another door.
    upload: str | None
    pipeline: str
    door: Door
    route: Route
    #: Why that route, in words.
    reason: str
    status: Status
    code: Code | None
    message: str | None
    name: str
    #: Of the source; null where its header could not be read.
    format: str | None
    width: int | None
    height: int | None
    frames: int | None
    #: Of the source; null where it was never read.
    bytes: int | None
    #: Of all renditions together.
    bytes_out: int
    seconds: float
    received_at: datetime
    committed_at: datetime
    #: The smallest rendition that a browser shows.
    thumbnail: Picture | None
    #: The largest one.
    largest: Picture | None


class ImagePage(Value, frozen=True, kw_only=True):
    """Some of the images, the latest first. With `next` as `cursor` come those after them."""

    images: tuple[Image, ...]
    next: str | None


class ImageDetail(Value, frozen=True, kw_only=True):
    """All that is known of an image."""

    image: Image
    renditions: tuple[Picture, ...]
    #: The source as it came; null where it is not kept where the page may read it.
    before: str | None
    measurements: Measurements
    #: The company's own operations in the pipeline, each with its package's version.
    operations: dict[str, str]
    usage: Usage
    #: What it was expected to take; null where nobody asked.
    estimate: Estimate | None
    version: str


class Count(Value, frozen=True, kw_only=True):
    """Images, and what they came to. `usd` is what AWS asks for them; null where that is not known."""

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
    """Of one day, in UTC."""

    day: date


class NamedCount(Count, frozen=True, kw_only=True):
    """Of one format, route, pipeline or code; `other` where there is none."""

    name: str


class Numbers(Value, frozen=True, kw_only=True):
    """A customer's numbers from `since` on and before `until`. Days without images are left out."""

    since: datetime
    until: datetime
    total: Count
    days: tuple[DayCount, ...]
    formats: tuple[NamedCount, ...]
    routes: tuple[NamedCount, ...]
    codes: tuple[NamedCount, ...]


class PipelineOutput(Value, frozen=True, kw_only=True):
    """A rendition that a pipeline makes."""

    name: str
    formats: tuple[str, ...]


class PipelineSummary(Value, frozen=True, kw_only=True):
    """A pipeline that uploads may name."""

    name: str
    description: str
    renditions: tuple[PipelineOutput, ...]


class Erasure(Value, frozen=True, kw_only=True):
    """An erasure that was asked for: pictures, source and name are gone seconds later."""

    image_id: str
    requested_at: datetime = msgspec.field()

"""Types of the query strings and path parameters of requests. Their fields are checked by these types."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from core.domain.model import Value
from core.domain.object_keys import PipelineName
from core.ports.gallery import Filter, Limit, Moment, UploadName, check_years

Cursor = Annotated[str, Meta(max_length=3000)]


class NoParameters(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No parameters."""


class ImagesQuery(Filter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters on images, and the page to return."""

    limit: Limit = 50
    #: `next` of the previous page.
    cursor: Cursor = ""


class WaitingQuery(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page of waiting uploads to return."""

    #: `next` of the previous page.
    cursor: Cursor = ""


class UsageQuery(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The UTC days to count; by default the last thirty."""

    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_years(since=self.since, until=self.until)


class ImagePath(Value, frozen=True, kw_only=True):
    """The id of an image."""

    image_id: Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z",
            extra_json_schema={"format": "uuid"},
        ),
    ]


class UploadPath(Value, frozen=True, kw_only=True):
    """The pipeline and the id of an upload in parts."""

    pipeline: PipelineName
    upload: UploadName

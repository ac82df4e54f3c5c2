"""What requests may say besides their bodies: queries, and the parts of paths. All of it is checked by its type."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from core.domain.model import Value
from core.domain.object_keys import PipelineName
from core.ports.gallery import Filter, Limit, Moment, UploadName, check_years

Cursor = Annotated[str, Meta(max_length=3000)]


class Nothing(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No field at all."""


class ImagesQuery(Filter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which images, how many of them, and after which."""

    limit: Limit = 50
    #: `next` of the page before.
    cursor: Cursor = ""


class WaitingQuery(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After which of those that wait."""

    #: `next` of the page before.
    cursor: Cursor = ""


class NumbersQuery(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which time; the last thirty days where nothing is said."""

    #: Committed from then on, and before.
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_years(since=self.since, until=self.until)


class ImagePath(Value, frozen=True, kw_only=True):
    """An image, by its id."""

    image_id: Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z",
            extra_json_schema={"format": "uuid"},
        ),
    ]


class UploadPath(Value, frozen=True, kw_only=True):
    """An upload in parts, by its pipeline and its name."""

    pipeline: PipelineName
    upload: UploadName

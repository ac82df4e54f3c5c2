"""What the page says of its uploads, and what it is told."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from core.domain.errors import Code
from core.domain.model import Value
from core.domain.object_keys import PipelineName
from core.ports.web import Form

#: From here on an upload goes in parts.
PARTS_FROM = 50_000_000
#: S3's largest object that is copied at once, and MAX_BYTES as it is shipped.
MAX_BYTES = 5 * 1024**3
#: 640 parts at most; S3 has room for 10,000, of 5 MiB or more each.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024**2
MAX_PARTS = MAX_BYTES // PART_BYTES

Name = Annotated[str, Meta(max_length=2000)]
Size = Annotated[int, Meta(ge=0, le=MAX_BYTES)]
Type = Annotated[str, Meta(max_length=200)]
PartNumber = Annotated[int, Meta(ge=1, le=MAX_PARTS)]


class AnnouncedFile(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that is to be uploaded. `type` is what the browser says; where it knows none, the name's ending tells."""

    name: Name
    bytes: Size
    type: Type = ""


class Announcement(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files for one pipeline, each smaller than 50 MB."""

    pipeline: PipelineName
    files: Annotated[tuple[AnnouncedFile, ...], Meta(min_length=1, max_length=100)]


class Accepted(Value, frozen=True, kw_only=True):
    """A file that may come: post `form` with the file as its last field. `index` is its place among those announced.

    The image will say the same `upload`. `name` is the one that it will be known by.
    """

    index: int
    upload: str
    name: str
    form: Form


class Refused(Value, frozen=True, kw_only=True):
    """A file that may not, and why."""

    index: int
    code: Code
    detail: str


class Announced(Value, frozen=True, kw_only=True):
    """The answer to an announcement. `at` is the server's clock: images of these uploads end after it."""

    at: datetime
    expires_at: datetime
    accepted: tuple[Accepted, ...]
    refused: tuple[Refused, ...]


class WaitingUpload(Value, frozen=True, kw_only=True):
    """A source that has arrived and has not ended."""

    upload: str
    pipeline: str
    name: str
    bytes: int
    uploaded_at: datetime


class WaitingPage(Value, frozen=True, kw_only=True):
    """Some of what waits. With `next` as `cursor` comes what is after it."""

    uploads: tuple[WaitingUpload, ...]
    next: str | None


class BeginParts(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of any size up to 5 GB that is to be uploaded in parts."""

    pipeline: PipelineName
    name: Name
    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]
    type: Type = ""


class PartedUpload(Value, frozen=True, kw_only=True):
    """An upload in parts: each of `part_bytes`, the last of what is left."""

    upload: str
    pipeline: str
    name: str
    part_bytes: int
    started_at: datetime


class OpenUploads(Value, frozen=True, kw_only=True):
    """Those that were begun and are not at their end."""

    uploads: tuple[PartedUpload, ...]


class ArrivedPart(Value, frozen=True, kw_only=True):
    """A part that is there."""

    number: int
    bytes: int


class PartedState(Value, frozen=True, kw_only=True):
    """How far an upload in parts is: what is missing goes on from here, from any page."""

    upload: PartedUpload
    parts: tuple[ArrivedPart, ...]


class SignParts(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which parts are to be sent next, of a file of so many bytes."""

    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]
    numbers: Annotated[tuple[PartNumber, ...], Meta(min_length=1, max_length=100)]


class SignedPart(Value, frozen=True, kw_only=True):
    """Where a part is to be PUT, exactly so many bytes of the file from `offset` on."""

    number: int
    offset: int
    bytes: int
    url: str


class SignedParts(Value, frozen=True, kw_only=True):
    """The answer to `SignParts`."""

    expires_at: datetime
    parts: tuple[SignedPart, ...]


class CompleteParts(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All parts of a file of so many bytes are there."""

    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]


class Completed(Value, frozen=True, kw_only=True):
    """The upload has arrived; its image will say the same `upload`."""

    upload: str

"""Requests and answers of the web API about uploads."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from core.domain.errors import Code
from core.domain.model import Value
from core.domain.object_keys import PipelineName
from core.ports.web import Form

#: Files of this size or more are uploaded in parts; handler/web/static/upload.js has the same number.
PARTS_FROM = 50_000_000
#: The largest object that one CopyObject copies, and the default of the setting MAX_BYTES.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
MAX_BYTES = 5 * 1024**3
#: At most 640 parts; S3 allows 10,000, of at least 5 MiB each.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024**2
MAX_PARTS = MAX_BYTES // PART_BYTES

Name = Annotated[str, Meta(max_length=2000)]
Size = Annotated[int, Meta(ge=0, le=MAX_BYTES)]
Type = Annotated[str, Meta(max_length=200)]
PartNumber = Annotated[int, Meta(ge=1, le=MAX_PARTS)]


class AnnouncedFile(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to upload. `type` is the browser's media type; if it is empty, the extension of `name` decides."""

    name: Name
    bytes: Size
    type: Type = ""


class Announcement(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files to upload for one pipeline, each smaller than 50 MB."""

    pipeline: PipelineName
    files: Annotated[tuple[AnnouncedFile, ...], Meta(min_length=1, max_length=100)]


class AcceptedFile(Value, frozen=True, kw_only=True):
    """An accepted file: POST `form` with the file as its last field. `index` is its position in the announcement.

    The image will have this `upload` and this `name`.
    """

    index: int
    upload: str
    name: str
    form: Form


class RefusedFile(Value, frozen=True, kw_only=True):
    """A refused file, with the reason. `index` is its position in the announcement."""

    index: int
    code: Code
    detail: str


class AnnouncementResult(Value, frozen=True, kw_only=True):
    """The answer to an announcement. `at` is the server's time; the forms expire at `expires_at`."""

    at: datetime
    expires_at: datetime
    accepted: tuple[AcceptedFile, ...]
    refused: tuple[RefusedFile, ...]


class WaitingUpload(Value, frozen=True, kw_only=True):
    """A source that has arrived and has no result yet."""

    upload: str
    pipeline: str
    name: str
    bytes: int
    uploaded_at: datetime


class WaitingPage(Value, frozen=True, kw_only=True):
    """A page of waiting uploads. `next` is the `cursor` of the next page; null on the last one."""

    uploads: tuple[WaitingUpload, ...]
    next: str | None


class StartMultipart(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to upload in parts, of up to 5 GiB."""

    pipeline: PipelineName
    name: Name
    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]
    type: Type = ""


class MultipartUpload(Value, frozen=True, kw_only=True):
    """An upload in parts of `part_bytes` each; the last part may be smaller."""

    upload: str
    pipeline: str
    name: str
    part_bytes: int
    started_at: datetime


class UnfinishedUploads(Value, frozen=True, kw_only=True):
    """Uploads in parts that are not complete."""

    uploads: tuple[MultipartUpload, ...]


class ReceivedPart(Value, frozen=True, kw_only=True):
    """A part that S3 has received."""

    number: int
    bytes: int


class MultipartState(Value, frozen=True, kw_only=True):
    """An upload in parts, and the parts received so far. Any browser can send the missing ones."""

    upload: MultipartUpload
    parts: tuple[ReceivedPart, ...]


class SignParts(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts to send next, of a file of `bytes`."""

    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]
    numbers: Annotated[tuple[PartNumber, ...], Meta(min_length=1, max_length=100)]


class SignedPart(Value, frozen=True, kw_only=True):
    """A part's URL: PUT exactly `bytes` of the file from `offset` on to it."""

    number: int
    offset: int
    bytes: int
    url: str


class SignedParts(Value, frozen=True, kw_only=True):
    """The answer to `SignParts`. The URLs expire at `expires_at`."""

    expires_at: datetime
    parts: tuple[SignedPart, ...]


class CompleteMultipart(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """States that all parts of a file of `bytes` have been sent."""

    bytes: Annotated[int, Meta(ge=1, le=MAX_BYTES)]


class CompletedUpload(Value, frozen=True, kw_only=True):
    """A completed upload. Its image will have this `upload`."""

    upload: str

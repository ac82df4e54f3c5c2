"""Ports of the web API, besides the object store: presigned links, multipart uploads, and rows of the ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.domain.model import Value
from core.ports.gallery import Filter, UsageStats


class Form(Value, frozen=True, kw_only=True):
    """A presigned form: POST `fields` to `url`, then the file as the last field."""

    url: str
    fields: dict[str, str]


class Part(Value, frozen=True, kw_only=True):
    """A part that S3 has received. Numbers begin with 1."""

    number: int
    bytes: int
    etag: str


class OpenUpload(Value, frozen=True, kw_only=True):
    """An unfinished multipart upload. `upload_id` is S3's own id."""

    key: str
    upload_id: str
    started_at: datetime


class Links(Protocol):
    """Presigns requests for single keys of the home bucket, valid for 15 minutes or more. Makes no call."""

    #: The source that a Content-Security-Policy must allow for these links.
    csp_source: str

    def form(self, key: str, media_type: str, size: int) -> Form:
        """A form that uploads exactly this key, media type and size in bytes."""

    def part(self, key: str, upload_id: str, number: int, size: int) -> str:
        """A URL that takes a PUT of one part of exactly `size` bytes."""

    def get(self, key: str, media_type: str, save_as: str = "") -> str:
        """A URL that reads an object as this media type; with `save_as`, as a download under that file name."""


class Multiparts(Protocol):
    """Multipart uploads in the home bucket. Raises as ObjectStore does."""

    def begin(self, key: str, media_type: str) -> str:
        """Start an upload; returns S3's id of it."""

    def under(self, prefix: str) -> Sequence[OpenUpload]:
        """Unfinished uploads under a prefix, at most 1,000."""

    def parts(self, upload: OpenUpload) -> Sequence[Part]:
        """The parts received, by number; none if the upload has ended meanwhile."""

    def complete(self, upload: OpenUpload, parts: Sequence[Part]) -> bool:
        """Make the parts one object. False if the upload has ended meanwhile, or S3 refuses these parts."""

    def abort(self, upload: OpenUpload) -> None:
        """Delete the upload and its parts; does nothing if it has ended."""


class Rows(Protocol):
    """The ledger's rows of one customer. Raises Unavailable(DATABASE_UNAVAILABLE)."""

    def page(
        self, customer: str, filters: Filter, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Up to `limit` images with their renditions, the latest first, after the commit time and id in `after`."""

    def find(self, customer: str, image_id: str) -> dict[str, Any] | None:
        """One image; None if it is another customer's, or erased."""

    def knows_upload(self, customer: str, pipeline: str, upload: str, since: datetime) -> bool:
        """Whether an image of this upload has been committed since `since`."""

    def usage_stats(self, customer: str, since: datetime, until: datetime) -> UsageStats:
        """The usage on the UTC days from `since` to `until`."""

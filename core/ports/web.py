"""What the page's API needs from outside, beyond the object store: links, uploads in parts, and rows of the ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.domain.model import Value
from core.ports.gallery import Filter, Numbers


class Form(Value, frozen=True, kw_only=True):
    """A form that a browser posts to S3, the file as its last field."""

    url: str
    fields: dict[str, str]


class Part(Value, frozen=True, kw_only=True):
    """A part of an upload that S3 has. Numbers begin with 1."""

    number: int
    bytes: int
    etag: str


class OpenUpload(Value, frozen=True, kw_only=True):
    """An upload in parts that was begun and is not at its end. `upload_id` is S3's own name of it."""

    key: str
    upload_id: str
    started_at: datetime


class Links(Protocol):
    """Signs, without any call, what somebody else may do for some minutes with one key of the home bucket."""

    #: What a page's Content-Security-Policy must allow for them.
    csp_source: str

    def form(self, key: str, media_type: str, size: int) -> Form:
        """An upload of exactly this key, this media type and this size, in bytes."""

    def part(self, key: str, upload_id: str, number: int, size: int) -> str:
        """A URL to PUT one part to, of exactly this size."""

    def get(self, key: str, media_type: str, save_as: str = "") -> str:
        """A URL to read an object from, said to be of that media type; with `save_as` it is saved and not shown."""


class Multiparts(Protocol):
    """Uploads in parts, in the home bucket. Raises as ObjectStore does."""

    def begin(self, key: str, media_type: str) -> str:
        """S3's own name of the new upload."""

    def under(self, prefix: str) -> Sequence[OpenUpload]:
        """What was begun under a prefix, the newest 1,000."""

    def parts(self, upload: OpenUpload) -> Sequence[Part]:
        """What has arrived, by number. Nothing where it has ended meanwhile."""

    def complete(self, upload: OpenUpload, parts: Sequence[Part]) -> bool:
        """Make them one object; False where it has ended meanwhile, or S3 does not want those parts."""

    def abort(self, upload: OpenUpload) -> None:
        """Forget it; again is nothing."""


class Rows(Protocol):
    """What the ledger has of one customer. Raises Unavailable(DATABASE_UNAVAILABLE)."""

    def page(
        self, customer: str, wanted: Filter, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Images with their renditions, the latest first, those after `after`: a time of commit and an id."""

    def find(self, customer: str, image_id: str) -> dict[str, Any] | None:
        """One image, unless it is another's, or erased."""

    def knows_upload(self, customer: str, pipeline: str, upload: str, since: datetime) -> bool:
        """Whether an image of that upload has ended since then."""

    def numbers(self, customer: str, since: datetime, until: datetime) -> Numbers:
        """What there was from `since` on and before `until`."""

"""S3 notifications as jobs. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.model import ImageJob, ObjectRef
from core.services.intake.requests import upload_job


class S3Bucket(msgspec.Struct):
    """A bucket in a notification."""

    name: str


class S3Object(msgspec.Struct, rename="camel"):
    """An object in a notification: its key is URL-encoded, its ETag without quotes."""

    key: str
    size: int | None = None
    e_tag: str | None = None
    version_id: str | None = None

    @property
    def version(self) -> str | None:
        """The version; None without versioning. S3 writes "null" for an object written while it was suspended."""
        return None if self.version_id == "null" else self.version_id

    @property
    def plain_key(self) -> str:
        """The key, decoded."""
        return unquote_plus(self.key)


class S3Entity(msgspec.Struct):
    """The member `s3` of a record."""

    bucket: S3Bucket
    object: S3Object


class S3Record(msgspec.Struct, rename="camel"):
    """One record of an S3 notification.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """

    event_source: str
    event_name: str
    s3: S3Entity
    event_time: Annotated[datetime, Meta(tz=True)] | None = None

    @property
    def source(self) -> ObjectRef:
        """The object that was created."""
        item = self.s3.object
        return ObjectRef(bucket=self.s3.bucket.name, key=item.plain_key, version=item.version, etag=item.e_tag)


def is_s3_test(event: object) -> bool:
    """Whether `event` is the test event that S3 sends when a notification is set up: it names no object."""
    return isinstance(event, Mapping) and event.get("Event") == "s3:TestEvent"


def s3_records(event: Mapping[str, Any]) -> Sequence[S3Record]:
    """The records of a notification that are about new objects. Raises Refusal(INVALID_EVENT) for another event."""
    try:
        records = msgspec.convert(event["Records"], list[S3Record])
        msgspec.json.encode(records)  # fails for half of a surrogate pair, which no key can hold
    except (msgspec.ValidationError, KeyError, TypeError, UnicodeEncodeError) as error:
        raise Refusal(Code.INVALID_EVENT, f"This is not a notification of S3: {error}") from error
    others = [record.event_source for record in records if record.event_source != "aws:s3"]
    if others or not records:
        raise Refusal(Code.INVALID_EVENT, f"Records of {', '.join(others) or 'nothing'} are not processed here.")
    return [record for record in records if record.event_name.startswith("ObjectCreated:")]


def accept_upload(record: S3Record) -> ImageJob | None:
    """The job of one upload; None for a folder, and for a source that another door staged, which processes it itself.

    Raises Refusal for a key that names no customer's image: `core.services.intake.refusals.refuse_upload` stores it.
    """
    source = record.source
    if object_keys.is_folder(source.key, record.s3.object.size):
        return None
    incoming = object_keys.parse_incoming(source.key)
    return None if incoming.is_inline else upload_job(incoming, source, record.event_time or datetime.now(UTC))

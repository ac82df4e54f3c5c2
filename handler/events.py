"""What AWS sends, turned into what the core takes. Pure: no call is made here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.identity import image_id, s3_identity
from core.domain.model import Door, ImageJob, ObjectRef


class S3Bucket(msgspec.Struct):
    name: str


class S3Object(msgspec.Struct, rename="camel"):
    """An object in a notification: its key is URL-encoded, its ETag without quotes."""

    key: str
    size: int | None = None
    e_tag: str | None = None
    version_id: str | None = None

    @property
    def version(self) -> str | None:
        """None where there is none; "null" is how S3 names what came while versions were suspended."""
        return None if self.version_id == "null" else self.version_id

    @property
    def plain_key(self) -> str:
        return unquote_plus(self.key)


class S3Entity(msgspec.Struct):
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
        found = self.s3.object
        return ObjectRef(bucket=self.s3.bucket.name, key=found.plain_key, version=found.version, etag=found.e_tag)


def is_s3_test(event: object) -> bool:
    """S3 sends one of these when a notification is set up; there is nothing in it to do."""
    return isinstance(event, Mapping) and event.get("Event") == "s3:TestEvent"


def s3_records(event: Mapping[str, Any]) -> Sequence[S3Record]:
    """The records of a notification that tell of new objects. Raises Refusal(INVALID_EVENT)."""
    try:
        records = msgspec.convert(event["Records"], list[S3Record])
        msgspec.json.encode(records)  # JSON's escapes can spell half of a character: no key holds that
    except (msgspec.ValidationError, KeyError, TypeError, UnicodeEncodeError) as error:
        raise Refusal(Code.INVALID_EVENT, f"This is not a notification of S3: {error}") from error
    strange = [record.event_source for record in records if record.event_source != "aws:s3"]
    if strange or not records:
        raise Refusal(Code.INVALID_EVENT, f"Records of {', '.join(strange) or 'nothing'} are not worked on here.")
    return [record for record in records if record.event_name.startswith("ObjectCreated:")]


def upload_job(record: S3Record) -> ImageJob | None:
    """The job of one record; None for what another door staged and ends itself, and for folders.

    Raises Refusal for a key that says of no image whose it is: core.services.intake.refusals has what becomes of that.
    """
    source = record.source
    if object_keys.is_folder(source.key, record.s3.object.size):
        return None
    place = object_keys.parse_incoming(source.key)
    if place.is_inline:
        return None
    return ImageJob(
        image_id=image_id(place.customer, place.pipeline, *s3_identity(source)),
        customer=place.customer,
        pipeline=place.pipeline,
        door=Door.UPLOAD,
        name=object_keys.safe_name(place.name),
        source=source,
        received_at=record.event_time or datetime.now(UTC),
    )

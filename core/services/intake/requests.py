"""Requests to work on one image that carry it, or refer to it: the direct door's event and Batch's job."""

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.identity import image_id, s3_identity
from core.domain.model import Door, ImageJob, ObjectRef, Value
from core.ports.store import ObjectStore

_KEY_BYTES = 1024  # S3 answers what is longer as it answers what is forbidden


class ImageRequest(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends: exactly one of `image` (base64) and `s3` (s3://bucket/key) says which image."""

    customer: str
    pipeline: object_keys.PipelineName
    image: str | None = None
    s3: str | None = None
    filename: Annotated[str, Meta(max_length=1000)] | None = None
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


def read_request(event: object) -> ImageRequest:
    """Validate a request. Raises Refusal(INVALID_REQUEST) that names the field."""
    try:
        request = msgspec.convert(event, ImageRequest)
        msgspec.json.encode(request)  # JSON's escapes can spell half of a character: no key, no database holds that
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise Refusal(Code.INVALID_REQUEST, f"The request was not accepted: {error}") from error
    object_keys.check_customer(request.customer)
    if (request.image is None) == (request.s3 is None):
        raise Refusal(Code.INVALID_REQUEST, "Exactly one of `image` (base64) and `s3` (s3://bucket/key) is needed.")
    return request


def accept_bytes(request: ImageRequest, bucket: str, now: datetime) -> tuple[ImageJob, bytes]:
    """The job of an image that came inside the event, and its bytes.

    Its identity is the caller's idempotency key, else the hash of its content.
    """
    try:
        body = b64decode(request.image or "", validate=True)
    except (Base64Error, ValueError) as error:
        raise Refusal(Code.INVALID_REQUEST, f"image: is not base64: {error}.") from error
    source = caller_key(request) or ("sha256", hashlib.sha256(body).hexdigest())
    return staged_job(request, bucket, source, Door.DIRECT, now), body


def staged_job(request: ImageRequest, bucket: str, source: tuple[str, ...], door: Door, now: datetime) -> ImageJob:
    """The job of an image whose bytes came with the event; `source` is what makes it that image."""
    identity = image_id(request.customer, request.pipeline, *source)
    place = ObjectRef(bucket=bucket, key=object_keys.staged_key(request.customer, request.pipeline, identity))
    return _job(request, identity, door, place, now)


def stored_job(
    request: ImageRequest, place: ObjectRef, source: tuple[str, ...], door: Door, received_at: datetime
) -> ImageJob:
    """The job of an image that lies at `place`; `source` is what makes it that image."""
    return _job(request, image_id(request.customer, request.pipeline, *source), door, place, received_at)


def accept_reference(request: ImageRequest, store: ObjectStore, references: Sequence[str], now: datetime) -> ImageJob:
    """The job of an image that lies in S3 already, in a place of the customer's own.

    Its identity is the caller's idempotency key, else that of the content which lies there now; under `incoming/`
    always the latter. Raises Refusal(REFERENCE_REFUSED) for any other place, and Refusal(INVALID_REQUEST) where
    there is no object.
    """
    place = referred_place(request, store.bucket, references)
    stored = store.head(place)
    waits = is_waiting(place, store.bucket)
    key = None if waits else caller_key(request)
    if stored is None and key is None:
        moved = "; if it has ended, its source is in originals/ or quarantine/" if waits else ""
        raise Refusal(Code.INVALID_REQUEST, f"s3: there is no object at {place.quoted}{moved}.")
    source = stored.ref if stored else place  # with a key it may have ended, and be gone, already
    return stored_job(request, source, key or s3_identity(source), Door.REFERENCE, now)


def is_waiting(place: ObjectRef, bucket: str) -> bool:
    """Whether what lies there is an image already, by its upload.

    A key of the caller's would make a second one of it, and whichever ended first would take the source from the other.
    """
    return place.bucket == bucket and place.key.startswith(object_keys.INCOMING)


def caller_key(request: ImageRequest) -> tuple[str, str] | None:
    """What makes an image that image where its caller says so: the same key at any door is the same image."""
    return ("idempotency-key", request.idempotency_key) if request.idempotency_key else None


def _job(request: ImageRequest, identity: str, door: Door, source: ObjectRef, received_at: datetime) -> ImageJob:
    return ImageJob(
        image_id=identity,
        customer=request.customer,
        pipeline=request.pipeline,
        door=door,
        name=object_keys.safe_name(request.filename or (source.key if request.s3 else "")),
        source=source,
        received_at=received_at,
    )


def referred_place(request: ImageRequest, bucket: str, references: Sequence[str]) -> ObjectRef:
    """Where a request refers to, if that is a place of the customer's own. Raises Refusal."""
    # Not by urlsplit: it cuts keys at `?`, and raises for what is no host
    scheme, _, place = (request.s3 or "").partition("://")
    home, _, key = place.partition("/")
    if scheme != "s3" or not home or not key:
        raise Refusal(Code.INVALID_REQUEST, f"s3: {request.s3!r} is not s3://bucket/key.")
    if len(key.encode()) > _KEY_BYTES:
        raise Refusal(Code.INVALID_REQUEST, f"s3: a key of {len(key.encode()):,} bytes; S3 ends at {_KEY_BYTES:,}.")
    ref = ObjectRef(bucket=home, key=key)
    own = f"s3://{bucket}/"
    waiting = f"{own}{object_keys.upload_prefix(request.customer)}"
    allowed = [f"{own}{object_keys.originals_prefix(request.customer)}", waiting]
    allowed += [prefix.replace("{customer}", request.customer) for prefix in references]
    if ".." in key.split("/") or not any(str(ref).startswith(prefix) for prefix in allowed):
        raise Refusal(
            Code.REFERENCE_REFUSED,
            f"s3: {ref.quoted} is not in a place of customer {request.customer}; those are {', '.join(allowed)}.",
        )
    if str(ref).startswith(waiting) and object_keys.parse_incoming(key).is_inline:
        raise Refusal(
            Code.REFERENCE_REFUSED,
            f"s3: {ref.quoted} is held for the request that brought it; send that one again, with its own bytes.",
        )
    if str(ref).startswith(waiting) and object_keys.parse_incoming(key).pipeline != request.pipeline:
        raise Refusal(
            Code.REFERENCE_REFUSED,
            f"s3: {ref.quoted} waits for another pipeline than {request.pipeline}; ask for that one, or wait until "
            f"it is in {own}{object_keys.ORIGINALS}.",
        )
    return ref

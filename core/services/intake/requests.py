"""Requests and uploads as jobs: the identity of each image, and the object that is its source."""

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

_KEY_BYTES = 1024  # S3's limit: it answers a longer key with 403, as if it were forbidden


class ImageRequest(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for one image. Exactly one of `image` (its bytes in base64) and `s3` (s3://bucket/key) is set."""

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
        msgspec.json.encode(request)  # fails for half of a surrogate pair, which no key and no database can hold
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise Refusal(Code.INVALID_REQUEST, f"The request was not accepted: {error}") from error
    object_keys.check_customer(request.customer)
    if (request.image is None) == (request.s3 is None):
        raise Refusal(Code.INVALID_REQUEST, "Exactly one of `image` (base64) and `s3` (s3://bucket/key) is needed.")
    return request


def accept_bytes(request: ImageRequest, bucket: str, now: datetime) -> tuple[ImageJob, bytes]:
    """The job and the decoded bytes of a request that holds its image. Raises Refusal(INVALID_REQUEST).

    The image's identity is the caller's idempotency key, else the SHA-256 of the bytes.
    """
    try:
        body = b64decode(request.image or "", validate=True)
    except (Base64Error, ValueError) as error:
        raise Refusal(Code.INVALID_REQUEST, f"image: is not base64: {error}.") from error
    identity = caller_key(request) or ("sha256", hashlib.sha256(body).hexdigest())
    return inline_job(request, bucket, identity, Door.DIRECT, now), body


def accept_reference(request: ImageRequest, store: ObjectStore, references: Sequence[str], now: datetime) -> ImageJob:
    """The job of a request that refers to an object in S3.

    The image's identity is the caller's idempotency key, else the object's version or ETag; under `incoming/` always
    the latter. Raises Refusal: REFERENCE_REFUSED for an object that the customer may not refer to, INVALID_REQUEST if
    there is no object.
    """
    ref = referenced_object(request, store.bucket, references)
    stored = store.head(ref)
    pending = is_pending_upload(ref, store.bucket)
    key = None if pending else caller_key(request)
    if stored is None and key is None:
        moved = "; if it has ended, its source is in originals/ or quarantine/" if pending else ""
        raise Refusal(Code.INVALID_REQUEST, f"s3: there is no object at {ref.quoted}{moved}.")
    source = stored.ref if stored else ref  # with a key, its image may have a result already, and its source be gone
    return referenced_job(request, source, key or s3_identity(source), Door.REFERENCE, now)


def upload_job(incoming: object_keys.IncomingKey, source: ObjectRef, received_at: datetime) -> ImageJob:
    """The job of an upload with the key `incoming`."""
    return ImageJob(
        image_id=image_id(incoming.customer, incoming.pipeline, *s3_identity(source)),
        customer=incoming.customer,
        pipeline=incoming.pipeline,
        door=Door.UPLOAD,
        name=object_keys.safe_name(incoming.name),
        source=source,
        received_at=received_at,
    )


def inline_job(request: ImageRequest, bucket: str, identity: tuple[str, ...], door: Door, now: datetime) -> ImageJob:
    """The job of an image whose bytes the event carries; `identity` is hashed into its id."""
    identifier = image_id(request.customer, request.pipeline, *identity)
    ref = ObjectRef(bucket=bucket, key=object_keys.staged_key(request.customer, request.pipeline, identifier))
    return _job(request, identifier, door, ref, now)


def referenced_job(
    request: ImageRequest, source: ObjectRef, identity: tuple[str, ...], door: Door, received_at: datetime
) -> ImageJob:
    """The job of an image that is in S3 already, at `source`; `identity` is hashed into its id."""
    return _job(request, image_id(request.customer, request.pipeline, *identity), door, source, received_at)


def is_pending_upload(ref: ObjectRef, bucket: str) -> bool:
    """Whether `ref` is under `incoming/`, so that its upload has made an image of it.

    A caller's idempotency key would make a second image of it, and the first to end would move the other's source.
    """
    return ref.bucket == bucket and ref.key.startswith(object_keys.INCOMING)


def caller_key(request: ImageRequest) -> tuple[str, str] | None:
    """The identity by the caller's idempotency key: the same key means the same image at every door."""
    return ("idempotency-key", request.idempotency_key) if request.idempotency_key else None


def referenced_object(request: ImageRequest, bucket: str, references: Sequence[str]) -> ObjectRef:
    """The object that `request.s3` names. `references`: prefixes that are allowed, with `{customer}` in them.

    Raises Refusal: INVALID_REQUEST for a malformed URL, REFERENCE_REFUSED for an object that the customer may not use.
    """
    # Not urlsplit: it ends keys at `?`, and raises for an invalid host
    scheme, _, path = (request.s3 or "").partition("://")
    named_bucket, _, key = path.partition("/")
    if scheme != "s3" or not named_bucket or not key:
        raise Refusal(Code.INVALID_REQUEST, f"s3: {request.s3!r} is not s3://bucket/key.")
    if len(key.encode()) > _KEY_BYTES:
        raise Refusal(
            Code.INVALID_REQUEST, f"s3: the key has {len(key.encode()):,} bytes; the limit of S3 is {_KEY_BYTES:,}."
        )
    ref = ObjectRef(bucket=named_bucket, key=key)
    home = f"s3://{bucket}/"
    incoming = f"{home}{object_keys.upload_prefix(request.customer)}"
    allowed = [f"{home}{object_keys.originals_prefix(request.customer)}", incoming]
    allowed += [prefix.replace("{customer}", request.customer) for prefix in references]
    if ".." in key.split("/") or not any(str(ref).startswith(prefix) for prefix in allowed):
        raise Refusal(
            Code.REFERENCE_REFUSED,
            f"s3: customer {request.customer} may not refer to {ref.quoted}; allowed are {', '.join(allowed)}.",
        )
    if str(ref).startswith(incoming):
        _check_pending(request, ref, home)
    return ref


def _check_pending(request: ImageRequest, ref: ObjectRef, home: str) -> None:
    key = object_keys.parse_incoming(ref.key)
    if key.is_inline:
        raise Refusal(
            Code.REFERENCE_REFUSED,
            f"s3: {ref.quoted} was staged for the request that carried it; send that request again, with its bytes.",
        )
    if key.pipeline != request.pipeline:
        raise Refusal(
            Code.REFERENCE_REFUSED,
            f"s3: {ref.quoted} waits for another pipeline than {request.pipeline}; name that pipeline, or wait until "
            f"the source is in {home}{object_keys.ORIGINALS}.",
        )


def _job(request: ImageRequest, identifier: str, door: Door, source: ObjectRef, received_at: datetime) -> ImageJob:
    return ImageJob(
        image_id=identifier,
        customer=request.customer,
        pipeline=request.pipeline,
        door=door,
        name=object_keys.safe_name(request.filename or (source.key if request.s3 else "")),
        source=source,
        received_at=received_at,
    )

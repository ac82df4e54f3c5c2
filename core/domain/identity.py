"""The identity of an image, and the conflict of two contents that claim one identity: the first image stands."""

from uuid import UUID, uuid5

import msgspec

from core.domain.errors import Code, Refusal
from core.domain.model import ObjectRef, Source

_NAMESPACE = UUID("6d1c3a52-6f7e-5f0a-9c57-0d2f6f1d8f3b")


def image_id(customer: str, pipeline: str, *source: str) -> str:
    """The id of an image: the same customer, pipeline and source give the same id, for ever.

    UUIDv5 over a JSON array, so that two different sources never give the same text.
    """
    return str(uuid5(_NAMESPACE, msgspec.json.encode([customer, pipeline, *source]).decode()))


def s3_identity(ref: ObjectRef) -> tuple[str, str, str, str]:
    """The `source` of `image_id` for one content of one object: bucket, key, and its version or else its ETag."""
    return "s3", ref.bucket, ref.key, ref.version or ref.etag or ""


def conflict(image_id: str, customer: str) -> Refusal:
    """The refusal of the delivery that came second."""
    return Refusal(
        Code.IDENTITY_CONFLICT,
        f"Image {image_id} of customer {customer} was accepted before with other content; nothing was changed. Send a "
        "new idempotency key for a new image.",
    )


def differs(standing: Source, offered: Source) -> bool:
    """Whether two deliveries of one id bring different content.

    Digests decide if both are known, else ETags, else bucket and key.
    """
    if standing.sha256 and offered.sha256:
        return standing.sha256 != offered.sha256
    if standing.object.etag and offered.object.etag and standing.object.etag != offered.object.etag:
        return True
    return (standing.object.bucket, standing.object.key) != (offered.object.bucket, offered.object.key)

"""When two deliveries claim one identity with different content: the first image stands, the other is refused."""

from core.domain.errors import Code, Refusal
from core.domain.model import Source


def conflict(image_id: str, customer: str) -> Refusal:
    """What the later of the two is told."""
    return Refusal(
        Code.IDENTITY_CONFLICT,
        f"Image {image_id} of customer {customer} was accepted before with other content; nothing was changed. Send a "
        "new idempotency key for a new image.",
    )


def differs(standing: Source, offered: Source) -> bool:
    """Whether two deliveries of one id bring different content. What one of them does not know says nothing."""
    if standing.sha256 and offered.sha256:
        return standing.sha256 != offered.sha256
    if standing.object.etag and offered.object.etag and standing.object.etag != offered.object.etag:
        return True
    return (standing.object.bucket, standing.object.key) != (offered.object.bucket, offered.object.key)

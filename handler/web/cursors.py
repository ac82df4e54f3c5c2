"""Page cursors as opaque text, each valid only for the customer and query that it was made for."""

import base64
import hashlib
import hmac
from binascii import Error
from typing import TypeVar

import msgspec

from core.domain.errors import Code, Refusal

_DIGEST_LENGTH = 16  # hexadecimal digits
PositionT = TypeVar("PositionT", bound=tuple[object, ...])


def write(position: tuple[object, ...], *bound: object) -> str:
    """The position as a cursor that is valid only with `bound`: the customer and the query."""
    content = msgspec.json.encode([_digest(bound), *position])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def read(cursor: str, kind: type[PositionT], *bound: object) -> PositionT:
    """The cursor's position, checked against the type `kind`, since a client can forge any position.

    Raises Refusal(INVALID_REQUEST).
    """
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, *fields = msgspec.json.decode(content, type=list[str])
        position = msgspec.convert(fields, kind)
    except (Error, ValueError, msgspec.DecodeError) as error:
        raise invalid() from error
    if not hmac.compare_digest(digest.encode(), _digest(bound).encode()):
        raise invalid()
    return position


def _digest(bound: tuple[object, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(bound)).hexdigest()[:_DIGEST_LENGTH]


def invalid() -> Refusal:
    return Refusal(Code.INVALID_REQUEST, "cursor: it belongs to another query; start without a cursor.")

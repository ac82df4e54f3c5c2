"""Where a next page begins, as text that is good for the same customer and the same question alone."""

import base64
import hashlib
import hmac
from binascii import Error

import msgspec

from core.errors import Code, Refusal

_DIGITS = 16


def write(place: tuple[str, ...], *bound: object) -> str:
    """`bound` is whose it is, and what was asked."""
    content = msgspec.json.encode([_digest(bound), *place])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def read(cursor: str, count: int, *bound: object) -> tuple[str, ...]:
    """The `count` texts of a place. Raises Refusal(INVALID_REQUEST)."""
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, *place = msgspec.json.decode(content, type=list[str])
    except (Error, ValueError, msgspec.DecodeError) as error:
        raise _wrong() from error
    if not hmac.compare_digest(digest.encode(), _digest(bound).encode()) or len(place) != count:
        raise _wrong()
    return tuple(place)


def _digest(bound: tuple[object, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(bound)).hexdigest()[:_DIGITS]


def _wrong() -> Refusal:
    return Refusal(Code.INVALID_REQUEST, "cursor: it belongs to another question; begin without one.")

"""Where a next page begins, as text that is good for the same customer and the same question alone."""

import base64
import hashlib
import hmac
from binascii import Error
from typing import TypeVar

import msgspec

from core.domain.errors import Code, Refusal

_DIGITS = 16
PlaceT = TypeVar("PlaceT", bound=tuple[object, ...])


def write(place: tuple[object, ...], *bound: object) -> str:
    """`bound` is whose it is, and what was asked."""
    content = msgspec.json.encode([_digest(bound), *place])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def read(cursor: str, kind: type[PlaceT], *bound: object) -> PlaceT:
    """A place, of that type: whoever asks can make a cursor of any place. Raises Refusal(INVALID_REQUEST)."""
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, *place = msgspec.json.decode(content, type=list[str])
        found = msgspec.convert(place, kind)
    except (Error, ValueError, msgspec.DecodeError) as error:
        raise wrong() from error
    if not hmac.compare_digest(digest.encode(), _digest(bound).encode()):
        raise wrong()
    return found


def _digest(bound: tuple[object, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(bound)).hexdigest()[:_DIGITS]


def wrong() -> Refusal:
    return Refusal(Code.INVALID_REQUEST, "cursor: it belongs to another question; begin without one.")

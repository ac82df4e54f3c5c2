"""Reading JSON that somebody else wrote: whatever it is, there is one kind of error, and it says what is wrong."""

from typing import TypeVar

import msgspec

from core.domain.errors import Code, Misconfigured

T = TypeVar("T")


class UnreadableError(ValueError):
    """It is not the JSON that was expected; the message is a sentence that names the field, where it is one's."""


def decode(body: bytes | str, kind: type[T]) -> T:
    """Read a value. Raises UnreadableError: for what is no JSON, no UTF-8, of another shape, or nested without end."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UnicodeError as error:
        raise UnreadableError("it is not UTF-8") from error
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from error


def stored(body: bytes, kind: type[T], key: str, what: str) -> T:
    """Read what lies in the store; `what` says in a few words what it should be.

    Raises Misconfigured(INVALID_RESULT), which names key and field.
    """
    try:
        return decode(body, kind)
    except UnreadableError as error:
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is not {what}: {error}") from error

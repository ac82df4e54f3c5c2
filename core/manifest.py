"""How a result is written and read: `results/<image_id>/<run>.json`."""

from contextlib import suppress
from uuid import UUID

import msgspec

from core import documents, keys
from core.errors import Code, Misconfigured, Refusal
from core.model import Result, Status


def encode(result: Result) -> bytes:
    """The manifest, as JSON."""
    return msgspec.json.encode(result)


def decode(body: bytes, key: str) -> Result:
    """Read a manifest. Raises Misconfigured(INVALID_RESULT) when it is not one, naming key and field.

    Whatever is a result here has a row in the ledger: nothing that this lets pass may be refused there.
    """
    result = documents.stored(body, Result, key, "a result")
    try:
        _check(result)
    except (Refusal, ValueError) as error:
        words = error.message if isinstance(error, Refusal) else str(error)
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is not a result: {words}") from error
    return result


def _check(result: Result) -> None:
    """What its fields' types do not say. Raises ValueError, Refusal."""
    keys.check_customer(result.customer)
    if (result.status is Status.FAILED) != (result.code is not None):
        raise ValueError(f"status: {result.status} with the code {result.code}")
    with suppress(ValueError):
        if str(UUID(result.image_id)) == result.image_id:
            return
    raise ValueError(f"image_id: {result.image_id[:80]!r} is no UUID")

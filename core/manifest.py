"""How a result is written and read: `results/<image_id>/<run>.json`."""

import msgspec

from core.errors import Code, Misconfigured
from core.model import Result


def encode(result: Result) -> bytes:
    """The manifest, as JSON."""
    return msgspec.json.encode(result)


def decode(body: bytes, key: str) -> Result:
    """Read a manifest. Raises Misconfigured(INVALID_RESULT) when it is not one, naming key and field."""
    try:
        return msgspec.json.decode(body, type=Result)
    except msgspec.DecodeError as error:
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is not a result: {error}") from error

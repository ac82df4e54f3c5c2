"""How a result is written and read: `results/<image_id>/<run>.json`."""

import msgspec

from core import documents
from core.model import Result


def encode(result: Result) -> bytes:
    """The manifest, as JSON."""
    return msgspec.json.encode(result)


def decode(body: bytes, key: str) -> Result:
    """Read a manifest. Raises Misconfigured(INVALID_RESULT) when it is not one, naming key and field."""
    return documents.stored(body, Result, key, "a result")

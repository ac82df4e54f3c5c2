"""How a result is written and read: `results/<image_id>/<run>.json`."""

from uuid import UUID

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.model import Result, Status


def encode(result: Result) -> bytes:
    """The manifest, as JSON."""
    return msgspec.json.encode(result)


def decode(body: bytes, key: str) -> Result:
    """Read a manifest. Raises Misconfigured(INVALID_RESULT) when it is not one, naming key and field.

    Whatever is a result here has a row in the ledger: nothing that this lets pass may be refused there.
    """
    result = stored_documents.stored(body, Result, key, "a result")
    if fault := _fault(result):
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is not a result: {fault}")
    return result


def _fault(result: Result) -> str:
    """What is wrong that its fields' types do not say; empty where nothing is."""
    try:
        object_keys.check_customer(result.customer)
    except Refusal as refusal:
        return refusal.message
    if (result.status is Status.FAILED) != (result.code is not None):
        return f"status: {result.status} with the code {result.code}"
    if not _is_uuid(result.image_id):
        return f"image_id: {result.image_id[:80]!r} is no UUID"
    return ""


def _is_uuid(text: str) -> bool:
    """As keys have it: PostgreSQL reads more spellings, and two of them would be one row."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False

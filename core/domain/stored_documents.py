"""JSON documents in the bucket: reading any of them raises one kind of error, which names the key and the field.

`results/<image_id>/<run>.json` has an encoder and a decoder of its own, since the ledger trusts every result.
"""

from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from core.domain import object_keys
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.model import ImageJob, Result, Status

T = TypeVar("T")


class UnreadableError(ValueError):
    """Bytes are not the expected JSON. The message is a sentence that names the field, if one field is wrong."""


def decode(body: bytes | str, kind: type[T]) -> T:
    """Read JSON as a value of `kind`.

    Raises UnreadableError for bytes that are no JSON, no UTF-8, of another shape, or nested too deeply.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UnicodeError as error:
        raise UnreadableError("it is not UTF-8") from error
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from error


def decode_stored(body: bytes, kind: type[T], key: str, description: str) -> T:
    """Read the object at `key`; `description` names the kind of document in the message: "a lease".

    Raises Misconfigured(INVALID_RESULT), which names key and field.
    """
    try:
        return decode(body, kind)
    except UnreadableError as error:
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is not {description}: {error}") from error


def encode_result(result: Result) -> bytes:
    """The result as JSON: the manifest under `results/`."""
    return msgspec.json.encode(result)


def decode_result(body: bytes, key: str) -> Result:
    """Read the manifest at `key`. Raises Misconfigured(INVALID_RESULT), which names key and field.

    The ledger accepts every result that passes here, so each check of the ledger is one of these.
    """
    result = decode_stored(body, Result, key, "a result")
    if fault := _result_fault(result):
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is not a result: {fault}")
    return result


def staged_metadata(job: ImageJob, sha256: str) -> dict[str, str]:
    """The S3 metadata of a source that a door stages. The reconciler makes the job again from it."""
    return {
        "sha256": sha256,
        "door": job.door.value,
        "name": quote(job.name),
        "received-at": job.received_at.isoformat(),
    }


def _result_fault(result: Result) -> str:
    """The first fault that the types of the fields do not exclude; empty if there is none."""
    try:
        object_keys.check_customer(result.customer)
    except Refusal as refusal:
        return refusal.message
    if (result.status is Status.FAILED) != (result.code is not None):
        return f"status: {result.status} with the code {result.code}"
    if not _is_canonical_uuid(result.image_id):
        return f"image_id: {result.image_id[:80]!r} is no UUID"
    return ""


def _is_canonical_uuid(text: str) -> bool:
    """Whether `text` is a UUID as keys spell it. PostgreSQL reads other spellings too: two keys would be one row."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False

"""The object store: Amazon S3, or the fakes of the tests."""

from collections.abc import Iterator
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Protocol

import msgspec

from core.domain.model import ObjectRef, Value


class StoredObject(Value, frozen=True, kw_only=True):
    """The description of one object, without its content. `metadata` are its user-defined headers, in ASCII."""

    ref: ObjectRef
    bytes: int
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class ListedObject(Value, frozen=True, kw_only=True):
    """One object in a listing."""

    key: str
    bytes: int
    modified_at: datetime


class WriteContestedError(Exception):
    """A conditional write met another write in progress (S3's 409). Neither has succeeded yet: try again."""


class ObjectStore(Protocol):
    """Writes to one home bucket, and reads any object that a reference may name.

    Every method raises Unavailable(STORE_UNAVAILABLE) if no answer came; a write may have succeeded then.
    """

    bucket: str

    def head(self, ref: ObjectRef) -> StoredObject | None:
        """The object's description; None if there is no object, or none of that version or ETag."""

    def read(self, key: str) -> bytes | None:
        """The content of an object in the home bucket; None if there is none."""

    def download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float = inf) -> StoredObject:
        """Write the object's content to `path`. `deadline` is on the clock of time.monotonic.

        Raises ImageFailure: SOURCE_MISSING if the object is gone, SOURCE_REPLACED if its version or ETag is gone,
        SOURCE_UNREADABLE if it is archived or its encryption key disabled, TOO_MANY_BYTES if it is larger than
        `max_bytes`, before any byte is read, TIMED_OUT at the deadline.
        """

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        """Write an object if there is none at `key`; False if there is one (S3's 412).

        Raises WriteContestedError on S3's 409.
        """

    def move(self, source: ObjectRef, key: str) -> None:
        """Copy `source` to `key` in the home bucket, then remove the copied version. Without a source: nothing."""

    def delete(self, key: str) -> None:
        """Remove all versions of an object; without an object: nothing."""

    def erase(self, prefix: str) -> None:
        """Remove all versions of all objects under a folder, those behind delete markers too. Idempotent.

        Raises ValueError for a prefix that does not end in `/`, since other folders may begin with it.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys under a prefix, in order."""

    def entries(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        """The objects under a prefix, in the order of their keys; with `after`, only those behind that key."""

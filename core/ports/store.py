"""The object store: Amazon S3, or the fakes of the tests."""

from collections.abc import Iterator
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Protocol

import msgspec

from core.domain.model import (
    ObjectRef,
    Value,
)


class StoredObject(Value, frozen=True, kw_only=True):
    """What a store says of one object, without its content. `metadata` are the user's own ASCII headers."""

    ref: ObjectRef
    bytes: int
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class Listed(Value, frozen=True, kw_only=True):
    """One object in a listing."""

    key: str
    bytes: int
    modified_at: datetime


class WriteContestedError(Exception):
    """A conditional write met another one under way (S3's 409): nothing is known yet, try again."""


class ObjectStore(Protocol):
    """One home bucket to write to, and read access to what references may name.

    Every method raises `Unavailable(STORE_UNAVAILABLE)` when no answer came; a write may have happened then.
    """

    bucket: str

    def head(self, ref: ObjectRef) -> StoredObject | None:
        """The object's description, or None where there is none (or none of that version or ETag)."""

    def read(self, key: str) -> bytes | None:
        """The content of an object in the home bucket, or None."""

    def download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float = inf) -> StoredObject:
        """Write the object's content to `path`. `deadline` is on `time.monotonic`'s clock.

        Raises ImageFailure: SOURCE_MISSING when it is gone, SOURCE_REPLACED when it is not that content,
        SOURCE_UNREADABLE when it is there and cannot be had (archived, or under a key that is disabled),
        TOO_MANY_BYTES, before anything is read, when it is larger than `max_bytes`, TIMED_OUT at the deadline.
        """

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        """Put an object that must not be there yet; False when it is (S3's 412).

        Raises WriteContestedError on S3's 409.
        """

    def move(self, source: ObjectRef, key: str) -> None:
        """Copy within the home bucket, then remove exactly what was copied. No source: nothing happens."""

    def delete(self, key: str) -> None:
        """Remove an object, all its versions; nothing happens where there is none."""

    def erase(self, prefix: str) -> None:
        """Remove everything under a folder: all versions, also of what delete markers hide from every listing.

        Again is nothing. Raises ValueError for a prefix that does not end in `/`: it would be of others too.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys under a prefix, in order."""

    def entries(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """As `keys`, with size, and when each was written; only what comes after the key `after`, if that is given."""

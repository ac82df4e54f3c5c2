"""Fakes with state for every port. The contract suites test them together with the adapters.

Each calls `around` with the name of every effect and the effect itself. `around` may run the effect or not, raise an
error before or after it, or run other threads first.
"""
# ruff: noqa: ARG002 - the ports have parameters that a fake does not need

import hashlib
import itertools
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec

from core.domain.errors import Code, ImageFailure, Misconfigured
from core.domain.model import Door, Estimate, HandOver, ImageJob, ObjectRef, Result, Route, Tombstone, Value
from core.domain.object_keys import check_folder
from core.ports.store import ListedObject, StoredObject

T = TypeVar("T")


class Died(BaseException):
    """The process was killed at an effect. Not an Exception, so that no handler catches it."""


class Around(Protocol):
    """Runs an effect, or raises an error instead of it or after it."""

    def __call__(self, name: str, effect: Callable[[], T], /) -> T: ...


def undisturbed(_name: str, effect: Callable[[], T], /) -> T:
    return effect()


class Version(Value, frozen=True, kw_only=True):
    """One version of an object."""

    identifier: str
    body: bytes
    metadata: dict[str, str]
    modified_at: datetime

    @property
    def etag(self) -> str:
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()


class FakeStore:
    """Buckets with versions. `created` lists every write; each listener is called with its key."""

    def __init__(self, bucket: str = "home", around: Around = undisturbed) -> None:
        self.bucket = bucket
        self.around = around
        self.created: list[tuple[str, bytes]] = []
        self.listeners: list[Callable[[str], None]] = []
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._objects: dict[tuple[str, str], list[Version]] = {}
        self._hidden: dict[tuple[str, str], list[Version]] = {}
        self._sorted: list[str] = []  # the keys of the home bucket
        self._identifiers = itertools.count(1)

    # For tests, without `around`

    def put(
        self, key: str, body: bytes, bucket: str | None = None, metadata: dict[str, str] | None = None
    ) -> ObjectRef:
        """Upload an object: a new version of it."""
        version = Version(
            identifier=f"v{next(self._identifiers)}", body=body, metadata=metadata or {}, modified_at=self.now()
        )
        if (bucket or self.bucket) == self.bucket and (self.bucket, key) not in self._objects:
            insort(self._sorted, key)
        self._objects.setdefault((bucket or self.bucket, key), []).append(version)
        self.created.append((key, body))
        for listener in self.listeners:
            listener(key)
        return ObjectRef(bucket=bucket or self.bucket, key=key, version=version.identifier, etag=version.etag)

    def hide(self, key: str) -> None:
        """Put a delete marker on an object, as a lifecycle rule does: its versions stay, and no listing shows it."""
        place = self.bucket, key
        versions = self._objects.get(place, [])
        self._forget_shown(place)
        self._hidden.setdefault(place, []).extend(versions)

    def hidden(self, prefix: str = "") -> list[bytes]:
        """The objects of the home bucket that delete markers hide."""
        return [
            version.body
            for (_bucket, key), found in self._hidden.items()
            if key.startswith(prefix)
            for version in found
        ]

    def contents(self, prefix: str = "") -> dict[str, bytes]:
        """The objects of the home bucket that a listing shows, with their contents."""
        return {key: self._objects[self.bucket, key][-1].body for key in self._under(prefix)}

    def _under(self, prefix: str) -> list[str]:
        first = bisect_left(self._sorted, prefix)
        indices = itertools.count(first)
        under = itertools.takewhile(
            lambda index: index < len(self._sorted) and self._sorted[index].startswith(prefix), indices
        )
        return [self._sorted[index] for index in under]

    # The port

    def head(self, ref: ObjectRef) -> StoredObject | None:
        return self.around("store.head", lambda: self._head(ref))

    def read(self, key: str) -> bytes | None:
        return self.around("store.read", lambda: self._read(key))

    def download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float = inf) -> StoredObject:
        return self.around("store.download", lambda: self._download(ref, path, max_bytes, deadline))

    def create(self, key: str, body: bytes | Path, media_type: str, metadata: dict[str, str] | None = None) -> bool:
        content = body.read_bytes() if isinstance(body, Path) else body
        return self.around("store.create", lambda: self._create(key, content, metadata))

    def move(self, source: ObjectRef, key: str) -> None:
        stored = self.around("store.move.head", lambda: self._head(source))
        if stored is None:
            return
        exactly = stored.ref
        if self.around("store.move.copy", lambda: self._copy(exactly, key)):
            self.around("store.move.delete", lambda: self._remove(exactly))

    def delete(self, key: str) -> None:
        self.around("store.delete", lambda: self._forget((self.bucket, key)))

    def erase(self, prefix: str) -> None:
        check_folder(prefix)
        hidden = [key for _bucket, key in self._hidden if key.startswith(prefix)]
        for key in dict.fromkeys([*self.around("store.erase.list", lambda: self._under(prefix)), *hidden]):
            self.around("store.erase.delete", lambda key=key: self._forget((self.bucket, key)))  # type: ignore[misc]

    def keys(self, prefix: str) -> Iterator[str]:
        yield from self.around("store.keys", lambda: self._under(prefix))

    def entries(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        yield from self.around(
            "store.entries", lambda: [self._entry(key) for key in self._under(prefix) if key > after]
        )

    # Each of these is one effect

    def _read(self, key: str) -> bytes | None:
        versions = self._objects.get((self.bucket, key))
        return versions[-1].body if versions else None

    def _entry(self, key: str) -> ListedObject:
        newest = self._objects[self.bucket, key][-1]
        return ListedObject(key=key, bytes=len(newest.body), modified_at=newest.modified_at)

    def _forget(self, place: tuple[str, str]) -> None:
        self._hidden.pop(place, None)
        self._forget_shown(place)

    def _forget_shown(self, place: tuple[str, str]) -> None:
        if self._objects.pop(place, None) and place[0] == self.bucket:
            self._sorted.remove(place[1])

    def _find(self, ref: ObjectRef) -> Version | None:
        versions = self._objects.get((ref.bucket, ref.key), [])
        if ref.version:
            found = [*versions, *self._hidden.get((ref.bucket, ref.key), [])]
            return next((version for version in found if version.identifier == ref.version), None)
        return versions[-1] if versions else None

    def _head(self, ref: ObjectRef) -> StoredObject | None:
        found = self._find(ref)
        if found is None or (ref.etag and not ref.version and found.etag != ref.etag):
            return None
        exactly = ObjectRef(bucket=ref.bucket, key=ref.key, version=found.identifier, etag=found.etag)
        return StoredObject(ref=exactly, bytes=len(found.body), metadata=found.metadata)

    def _download(self, ref: ObjectRef, path: Path, max_bytes: int, deadline: float) -> StoredObject:
        found = self._find(ref)
        if found is None:
            raise ImageFailure(Code.SOURCE_MISSING, f"There is no object at {ref.quoted}.")
        stored = self._head(ref)
        if stored is None:
            raise ImageFailure(Code.SOURCE_REPLACED, f"{ref.quoted} was overwritten.")
        if stored.bytes > max_bytes:
            raise ImageFailure(Code.TOO_MANY_BYTES, f"The file has {stored.bytes} bytes; the limit is {max_bytes}.")
        path.write_bytes(found.body)
        if time.monotonic() > deadline:
            raise ImageFailure(Code.TIMED_OUT, f"{ref.quoted} was not downloaded in the time there was.")
        return stored

    def _create(self, key: str, body: bytes, metadata: dict[str, str] | None) -> bool:
        if (self.bucket, key) in self._objects:
            return False
        self.put(key, body, metadata=metadata)
        return True

    def _copy(self, source: ObjectRef, key: str) -> bool:
        found = self._find(source)
        if found is None:
            return False
        self.put(key, found.body, metadata=found.metadata)
        return True

    def _remove(self, exactly: ObjectRef) -> None:
        place = exactly.bucket, exactly.key
        self._hidden[place] = [one for one in self._hidden.get(place, []) if one.identifier != exactly.version]
        left = [version for version in self._objects.get(place, []) if version.identifier != exactly.version]
        if left:
            self._objects[place] = left
        else:
            self._forget_shown(place)


class FakeAnnouncements:
    """A queue that delivers at least once: a message that was taken returns unless it was removed."""

    def __init__(self, around: Around = undisturbed) -> None:
        self.around = around
        self.waiting: list[str] = []

    def announce(self, key: str) -> None:
        self.around("announcements.announce", lambda: self.waiting.append(key))

    def drop(self, index: int) -> None:
        del self.waiting[index]

    def double(self, index: int) -> None:
        self.waiting.append(self.waiting[index])

    def take(self, indices: Sequence[int]) -> list[str]:
        """Take messages, in any order. A consumer that fails puts them back."""
        taken = [self.waiting[index] for index in indices]
        for index in sorted(indices, reverse=True):
            del self.waiting[index]
        return taken


class FakeHandovers:
    """A queue of jobs, whose messages are JSON, in any order."""

    def __init__(self, around: Around = undisturbed) -> None:
        self.around = around
        self.waiting: list[str] = []

    def hand_over(
        self, job: ImageJob, reason: str, tier: str = "", estimate: Estimate | None = None, attempt: int = 0
    ) -> None:
        message = HandOver(job=job, reason=reason, tier=tier, estimate=estimate, attempt=attempt)
        body = msgspec.json.encode(message).decode()
        self.around("handovers.hand_over", lambda: self.waiting.append(body))


class FakeMetrics:
    """Lists the arguments of every call."""

    def __init__(self, around: Around = undisturbed) -> None:
        self.around = around
        self.emitted: list[Result] = []
        self.refused: list[tuple[Door, Code]] = []
        self.blocked: list[tuple[int, str]] = []
        self.handed_over: list[tuple[Route, Code | None]] = []
        self.submitted: list[tuple[str, int, int]] = []
        self.reconciled: list[tuple[int, int, int]] = []

    def emit(self, result: Result) -> None:
        self.around("metrics.emit", lambda: self.emitted.append(result))

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        self.around("metrics.refuse", lambda: self.refused.append((door, code)))

    def block(self, messages: int, cause: str, now: datetime) -> None:
        self.around("metrics.block", lambda: self.blocked.append((messages, cause)))

    def hand_over(self, route: Route, code: Code | None, now: datetime) -> None:
        self.around("metrics.hand_over", lambda: self.handed_over.append((route, code)))

    def submit(self, tier: str, images: int, jobs: int, now: datetime) -> None:
        self.around("metrics.submit", lambda: self.submitted.append((tier, images, jobs)))

    def reconcile(self, handed_over: int, abandoned: int, failed: int, now: datetime) -> None:
        self.around("metrics.reconcile", lambda: self.reconciled.append((handed_over, abandoned, failed)))


class FakeLedger:
    """The three tables as dictionaries; each call is a transaction."""

    def __init__(self, around: Around = undisturbed) -> None:
        self.around = around
        self.images: dict[str, dict[str, Any]] = {}
        self.renditions: dict[str, dict[tuple[str, str], str]] = {}
        self.tombstones: dict[tuple[str, str], Tombstone] = {}

    def record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        return self.around("ledger.record", lambda: self._record(results, tombstones))

    def _record(self, results: Sequence[Result], tombstones: Sequence[Tombstone]) -> frozenset[str]:
        touched = {result.image_id for result in results} | {tombstone.image_id for tombstone in tombstones}
        for image in touched:
            _check_uuid(image)
        for tombstone in tombstones:
            self.tombstones.setdefault((tombstone.image_id, tombstone.customer), tombstone)
        for result in results:
            standing = self.images.get(result.image_id)
            if standing is None or result.run > standing["run"]:
                self._upsert(result)
        return frozenset(image for image in touched if self._erase(image))

    def _upsert(self, result: Result) -> None:
        self.images[result.image_id] = {
            "run": result.run,
            "customer": result.customer,
            "status": result.status.value,
            "code": result.code,
            "name": result.source.name,
            "source_sha256": result.source.sha256,
            "erased_at": None,
        }
        self.renditions[result.image_id] = {
            (rendition.name, rendition.format.value): rendition.key for rendition in result.renditions
        }

    def _erase(self, image: str) -> bool:
        row = self.images.get(image)
        tombstone = self.tombstones.get((image, row["customer"])) if row else None
        if row is None or tombstone is None:
            return False
        row.update(name=None, source_sha256=None, erased_at=tombstone.requested_at)
        self.renditions[image] = {}
        return True


def _check_uuid(text: str) -> None:
    try:
        UUID(text)
    except ValueError as error:
        raise Misconfigured(Code.INVALID_RESULT, f"The database refused a row: {error}") from error

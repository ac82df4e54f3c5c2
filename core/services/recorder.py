"""The use case of the recorder: what was committed is archived, and written into the company's database.

Everything here may be done again at any time: S3 is the truth, and the ledger is made from it.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Refusal
from core.domain.model import ObjectRef, Result, Tombstone
from core.ports.ledger import Ledger
from core.ports.store import ObjectStore

_THREADS = 16  # round trips to S3 under way at once
_REPLAY_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Records results and tombstones, by their keys."""

    store: ObjectStore
    ledger: Ledger
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=_THREADS)

    def record(self, wanted: Iterable[str]) -> dict[str, PicturePerfectError]:
        """Archive and record; returns what could not be recorded, by key.

        Raises Unavailable when the database cannot be reached: then all of it should be delivered again.
        """
        with self.threads() as threads:
            prepared = list(threads.map(self._prepare, dict.fromkeys(wanted)))
        failures = {key: item for key, item in prepared if isinstance(item, PicturePerfectError)}
        items = [(key, item) for key, item in prepared if isinstance(item, Result | Tombstone)]
        return failures | self._write(items)

    def replay(self, progress: Callable[[int], None] = lambda _: None) -> dict[str, PicturePerfectError]:
        """Record everything there is, from the beginning: rebuilds an empty database, and heals any other.

        `progress` is told how many were done, a batch at a time.
        """
        failures: dict[str, PicturePerfectError] = {}
        for prefix in (object_keys.RESULTS, object_keys.TOMBSTONES):
            remaining = self.store.keys(prefix)
            while batch := list(islice(remaining, _REPLAY_BATCH)):
                failures |= self.record(batch)
                progress(len(batch))
        return failures

    def _prepare(self, key: str) -> tuple[str, Result | Tombstone | PicturePerfectError]:
        """Read one; bring its source to where it is kept."""
        try:
            if key.startswith(object_keys.RESULTS):
                return key, self._archive(stored_documents.decode_result(self._content(key), key))
            if key.startswith(object_keys.TOMBSTONES):
                return key, self._tombstone(key)
            raise Refusal(Code.INVALID_EVENT, f"{key} is neither a result nor a tombstone.")
        except PicturePerfectError as error:
            return key, error

    def _content(self, key: str) -> bytes:
        body = self.store.read(key)
        if body is None:
            raise Misconfigured(Code.INVALID_RESULT, f"There is no object at {key}, but a notification of it.")
        return body

    def _archive(self, result: Result) -> Result:
        source = result.source.object
        if source.bucket != self.store.bucket or not source.key.startswith(object_keys.INCOMING):
            return result
        if object_keys.parse_incoming(source.key).is_inline:
            self._archive_staged(source, result)
        elif source.version or source.etag:  # else it was never found: what lies there by now is another image
            self.store.move(source, result.archive_key)
        return result

    def _archive_staged(self, source: ObjectRef, result: Result) -> None:
        """A delivery with other content, too late to be accepted, may have staged it where this image's was."""
        stored = self.store.head(source)
        if stored and stored.metadata.get("sha256") == result.source.sha256:
            self.store.move(stored.ref, result.archive_key)  # this very content, whatever lies there by now
        elif stored:
            self.store.delete(source.key)  # its caller hears identity_conflict

    def _tombstone(self, key: str) -> Tombstone:
        tombstone = stored_documents.decode_stored(self._content(key), Tombstone, key, "a tombstone")
        if tombstone.key != key:
            raise Misconfigured(Code.INVALID_RESULT, f"{key} asks for {tombstone.key}; it was not followed.")
        return tombstone

    def _write(self, items: Sequence[tuple[str, Result | Tombstone]]) -> dict[str, PicturePerfectError]:
        """One transaction for all; if the database refuses one of them, each on its own, so that one fails."""
        results = [item for _, item in items if isinstance(item, Result)]
        tombstones = [item for _, item in items if isinstance(item, Tombstone)]
        try:
            erased = self.ledger.record(results, tombstones) if items else frozenset()
        except Misconfigured as error:
            if len(items) == 1:
                return {items[0][0]: error}
            return {key: failure for item in items for key, failure in self._write([item]).items()}
        # Not by image alone: a stray tombstone of another customer must not stand for the owner's
        for customer, image in dict.fromkeys((item.customer, item.image_id) for _, item in items):
            if image in erased:
                self._erase(customer, image)
        return {}

    def _erase(self, customer: str, image: str) -> None:
        for prefix in object_keys.erasable_prefixes(customer, image):
            self.store.erase(prefix)

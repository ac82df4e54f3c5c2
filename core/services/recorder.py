"""The use case of the recorder: archive the sources of committed images, and write results to the ledger.

Everything here can be repeated at any time: S3 is the source of truth, and the ledger is derived from it.
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

_THREADS = 16  # concurrent requests to S3
_REPLAY_BATCH = 500  # keys in one transaction


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Records results and tombstones by their keys in the store."""

    store: ObjectStore
    ledger: Ledger
    threads: Callable[[], Executor] = lambda: ThreadPoolExecutor(max_workers=_THREADS)

    def record(self, keys: Iterable[str]) -> dict[str, PicturePerfectError]:
        """Archive the sources and record the objects at `keys`; returns errors by key.

        Raises Unavailable if the database cannot be reached: then all keys should be delivered again.
        """
        with self.threads() as threads:
            prepared = list(threads.map(self._prepare, dict.fromkeys(keys)))
        failures = {key: item for key, item in prepared if isinstance(item, PicturePerfectError)}
        items = [(key, item) for key, item in prepared if isinstance(item, Result | Tombstone)]
        return failures | self._write(items)

    def replay(self, progress: Callable[[int], None] = lambda _: None) -> dict[str, PicturePerfectError]:
        """Record all results and tombstones in the store: rebuilds an empty database and repairs any other.

        Calls `progress` with the number of keys of each batch; returns errors by key.
        """
        failures: dict[str, PicturePerfectError] = {}
        for prefix in (object_keys.RESULTS, object_keys.TOMBSTONES):
            keys = self.store.keys(prefix)
            while batch := list(islice(keys, _REPLAY_BATCH)):
                failures |= self.record(batch)
                progress(len(batch))
        return failures

    def _prepare(self, key: str) -> tuple[str, Result | Tombstone | PicturePerfectError]:
        """Read one object; if it is a result, archive its source."""
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
            raise Misconfigured(
                Code.INVALID_RESULT, f"There is no object at {key}, although S3 sent a notification of it."
            )
        return body

    def _archive(self, result: Result) -> Result:
        source = result.source.object
        if source.bucket != self.store.bucket or not source.key.startswith(object_keys.INCOMING):
            return result
        if object_keys.parse_incoming(source.key).is_inline:
            self._archive_staged(source, result)
        elif source.version or source.etag:  # else it was never found: an object there now is another image's source
            self.store.move(source, result.archive_key)
        return result

    def _archive_staged(self, source: ObjectRef, result: Result) -> None:
        """Archive a source that came inline. A refused delivery with other content may have overwritten it."""
        stored = self.store.head(source)
        if stored and stored.metadata.get("sha256") == result.source.sha256:
            self.store.move(stored.ref, result.archive_key)  # exactly the version looked at
        elif stored:
            self.store.delete(source.key)  # staged by a refused delivery: its caller got identity_conflict

    def _tombstone(self, key: str) -> Tombstone:
        tombstone = stored_documents.decode_stored(self._content(key), Tombstone, key, "a tombstone")
        if tombstone.key != key:
            raise Misconfigured(
                Code.INVALID_RESULT, f"{key} contains the tombstone of {tombstone.key}; it was ignored."
            )
        return tombstone

    def _write(self, items: Sequence[tuple[str, Result | Tombstone]]) -> dict[str, PicturePerfectError]:
        """Record all in one transaction. If the database refuses a row, record each alone: only that one fails."""
        results = [item for _, item in items if isinstance(item, Result)]
        tombstones = [item for _, item in items if isinstance(item, Tombstone)]
        try:
            erased = self.ledger.record(results, tombstones) if items else frozenset()
        except Misconfigured as error:
            if len(items) == 1:
                return {items[0][0]: error}
            return {key: failure for item in items for key, failure in self._write([item]).items()}
        # By customer too: another customer's stray tombstone must not erase the owner's files
        for customer, image_id in dict.fromkeys((item.customer, item.image_id) for _, item in items):
            if image_id in erased:
                self._erase(customer, image_id)
        return {}

    def _erase(self, customer: str, image_id: str) -> None:
        for prefix in object_keys.erasable_prefixes(customer, image_id):
            self.store.erase(prefix)

"""What `pictureperfect process` has done, kept beside the renditions, so that it can be taken up again.

One line of JSON for each answer, appended once its renditions lie where they belong: whoever is killed at any moment
leaves at most one line cut short, and no line for what was half done. A line that cannot be read counts for nothing.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import msgspec

from core.domain.model import Status, Value

NAME = ".pictureperfect.jsonl"
# Seconds. What a power cut takes of the lines after the last sync is done again, which is cheaper than a sync each.
_SYNC_SECONDS = 1.0

Answer = dict[str, Any]
Key = tuple[str, str, str]


class InUse(Exception):  # noqa: N818 - a state of the folder
    """Another process works into the same folder."""


class Work(Value, frozen=True, kw_only=True):
    """One file through one pipeline, and all that decides what comes of it: equal works have equal answers."""

    #: The source's absolute path, its size in bytes and when it was last written to.
    file: str
    size: int
    mtime_ns: int
    #: The folder of its renditions, within that of the journal.
    label: str
    #: The pipeline's name, and a digest of all that decides how renditions look.
    pipeline: str
    digest: str
    #: Memory and time: they decide nothing but whether an image fails.
    bounds: str

    @property
    def key(self) -> Key:
        return self.file, self.label, self.pipeline


class _Entry(Value, frozen=True, kw_only=True):
    """`answer` has the renditions' paths relative to the journal's folder, so that the folder may be moved."""

    work: Work
    answer: Answer

    @property
    def paths(self) -> set[str]:
        return {rendition["path"] for rendition in self.answer["renditions"]}


class Journal:
    """The journal of one folder. Threads may share it; processes may not: the second one gets InUse."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._entries: dict[Key, _Entry] = {}
        self._owners: dict[str, Key] = {}  # of each rendition's path: who wrote it last
        self._synced = time.monotonic()
        #: Answers added since it was opened.
        self.added = 0
        self._claim = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel gives it back, however we end
            self._read()
            self._file = self._path.open("ab", buffering=0)
        except BlockingIOError as error:
            os.close(self._claim)
            raise InUse from error
        except BaseException:
            os.close(self._claim)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            os.fsync(self._file.fileno())
            self._file.close()
            os.close(self._claim)

    def answer(self, work: Work) -> Answer | None:
        """What came of the same work earlier; None where nothing did, or its renditions are not there any more."""
        entry = self._entries.get(work.key)
        if entry is None:
            return None
        failed = entry.answer["status"] == Status.FAILED
        known = entry.work if failed else msgspec.structs.replace(entry.work, bounds=work.bounds)
        if known != work or not all(self._whole(rendition, work.key) for rendition in entry.answer["renditions"]):
            return None
        return {**entry.answer, "renditions": [self._absolute(rendition) for rendition in entry.answer["renditions"]]}

    def add(self, work: Work, answer: Answer) -> None:
        """Keep an answer whose renditions lie in the folder; what an earlier answer to it left besides goes."""
        renditions = [
            {**rendition, "path": str(Path(rendition["path"]).relative_to(self._folder))}
            for rendition in answer["renditions"]
        ]
        entry = _Entry(work=work, answer={**answer, "renditions": renditions})
        with self._lock:
            self._remove_superseded(entry)
            self._append(msgspec.json.encode(entry) + b"\n")
            self._take(entry)
            self.added += 1
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()

    def forget(self, works: Iterable[Work]) -> None:
        """No answer to these is known any more. That they own their renditions still is."""
        for work in works:
            entry = self._entries.get(work.key)
            if entry:
                nothing = msgspec.structs.replace(entry.work, digest="")
                self._entries[work.key] = msgspec.structs.replace(entry, work=nothing)
        self._rewrite()
        self._file.close()
        self._file = self._path.open("ab", buffering=0)

    def _append(self, line: bytes) -> None:
        while line:  # a disk that fills up takes a part, and refuses the rest
            line = line[self._file.write(line) :]

    def _read(self) -> None:
        *lines, rest = self._path.read_bytes().split(b"\n") if self._path.exists() else [b""]
        for line in (*lines, rest):
            try:
                self._take(msgspec.json.decode(line, type=_Entry))
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
                continue
        if rest or len(lines) != len(self._entries):  # cut short, or with what later lines made void
            self._rewrite()

    def _rewrite(self) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(msgspec.json.encode(entry) + b"\n" for entry in self._entries.values())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _take(self, entry: _Entry) -> None:
        paths = entry.paths
        self._entries.pop(entry.work.key, None)  # the order is that of the last writing: whose a path is depends on it
        self._entries[entry.work.key] = entry
        self._owners |= dict.fromkeys(paths, entry.work.key)

    def _remove_superseded(self, entry: _Entry) -> None:
        before = self._entries.get(entry.work.key)
        stale = before.paths - entry.paths if before else set()
        for path in sorted(path for path in stale if self._owners.get(path) == entry.work.key):
            (self._folder / path).unlink(missing_ok=True)
        folder = self._folder / entry.work.label
        if stale and not entry.paths and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _whole(self, rendition: Answer, key: Key) -> bool:
        """There, as long as it was, and not written by another since."""
        try:
            length = (self._folder / rendition["path"]).stat().st_size
        except OSError:
            return False
        return length == rendition["bytes"] and self._owners.get(rendition["path"]) == key

    def _absolute(self, rendition: Answer) -> Answer:
        return {**rendition, "path": str(self._folder / rendition["path"])}

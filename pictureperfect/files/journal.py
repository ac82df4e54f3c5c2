"""The journal of `pictureperfect process`, kept beside the renditions, so that an interrupted run can be resumed.

It has one line of JSON for each answer, appended once the renditions are in place. A process that is killed leaves at
most one incomplete line, and no line for an unfinished image. Lines that cannot be read are ignored.
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
# Seconds between syncs. Lines that a power cut loses are done again, which is cheaper than a sync for each line.
_SYNC_SECONDS = 1.0

Answer = dict[str, Any]
Key = tuple[str, str, str]


class FolderInUse(Exception):  # noqa: N818 - a state of the folder
    """Another process holds the journal of this folder."""


class Work(Value, frozen=True, kw_only=True):
    """One file and one pipeline, with everything that decides the answer: equal works have equal answers."""

    #: The source's absolute path, its size in bytes and the time of its last change.
    file: str
    size: int
    mtime_ns: int
    #: The folder of its renditions, relative to the journal's.
    label: str
    #: The pipeline's name, and the digest of everything that decides the renditions (`pipeline_digest`).
    pipeline: str
    digest: str
    #: Limits of memory and time, which decide only whether an image fails.
    bounds: str

    @property
    def key(self) -> Key:
        return self.file, self.label, self.pipeline


class _Entry(Value, frozen=True, kw_only=True):
    """A line. The answer's rendition paths are relative to the journal's folder, so that the folder can be moved."""

    work: Work
    answer: Answer

    @property
    def paths(self) -> set[str]:
        return {rendition["path"] for rendition in self.answer["renditions"]}


class Journal:
    """The journal of one folder. Threads may share it; a second process gets FolderInUse."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._entries: dict[Key, _Entry] = {}
        self._owners: dict[str, Key] = {}  # rendition path → the key that wrote it last
        self._synced = time.monotonic()
        #: Count of answers added since the journal was opened.
        self.added = 0
        self._lock_file = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(
                self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB
            )  # the kernel releases it, however the process ends
            self._read()
            self._file = self._path.open("ab", buffering=0)
        except BlockingIOError as error:
            os.close(self._lock_file)
            raise FolderInUse from error
        except BaseException:
            os.close(self._lock_file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            os.fsync(self._file.fileno())
            self._file.close()
            os.close(self._lock_file)

    def answer(self, work: Work) -> Answer | None:
        """The earlier answer to the same work; None without one, or if its renditions are gone or changed."""
        entry = self._entries.get(work.key)
        if entry is None:
            return None
        failed = entry.answer["status"] == Status.FAILED
        known = entry.work if failed else msgspec.structs.replace(entry.work, bounds=work.bounds)
        if known != work or not all(self._is_intact(rendition, work.key) for rendition in entry.answer["renditions"]):
            return None
        return {**entry.answer, "renditions": [self._absolute(rendition) for rendition in entry.answer["renditions"]]}

    def add(self, work: Work, answer: Answer) -> None:
        """Append an answer whose renditions are in place, and delete those that only the earlier answer had."""
        renditions = [
            {**rendition, "path": str(Path(rendition["path"]).relative_to(self._folder))}
            for rendition in answer["renditions"]
        ]
        entry = _Entry(work=work, answer={**answer, "renditions": renditions})
        with self._lock:
            self._remove_superseded(entry)
            self._append(msgspec.json.encode(entry) + b"\n")
            self._remember(entry)
            self.added += 1
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()

    def forget(self, works: Iterable[Work]) -> None:
        """Drop the answers to these works, but remember which renditions they own."""
        for work in works:
            entry = self._entries.get(work.key)
            if entry:
                unmatched = msgspec.structs.replace(entry.work, digest="")
                self._entries[work.key] = msgspec.structs.replace(entry, work=unmatched)
        self._rewrite()
        self._file.close()
        self._file = self._path.open("ab", buffering=0)

    def _append(self, line: bytes) -> None:
        while line:  # a full disk takes a part of the line and refuses the rest
            line = line[self._file.write(line) :]

    def _read(self) -> None:
        *lines, rest = self._path.read_bytes().split(b"\n") if self._path.exists() else [b""]
        for line in (*lines, rest):
            try:
                self._remember(msgspec.json.decode(line, type=_Entry))
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
                continue
        if rest or len(lines) != len(self._entries):  # an incomplete line, or lines that later ones replace
            self._rewrite()

    def _rewrite(self) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(msgspec.json.encode(entry) + b"\n" for entry in self._entries.values())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _remember(self, entry: _Entry) -> None:
        paths = entry.paths
        self._entries.pop(entry.work.key, None)  # keep the order of the last write, which decides the owner of a path
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

    def _is_intact(self, rendition: Answer, key: Key) -> bool:
        """Whether the file exists with its length and was not overwritten by another work."""
        try:
            length = (self._folder / rendition["path"]).stat().st_size
        except OSError:
            return False
        return length == rendition["bytes"] and self._owners.get(rendition["path"]) == key

    def _absolute(self, rendition: Answer) -> Answer:
        return {**rendition, "path": str(self._folder / rendition["path"])}

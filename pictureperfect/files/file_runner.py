"""Runs one pipeline over many files: a supervised child for each job, and a journal of finished files."""

import os
import re
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from errno import EEXIST, ENOTEMPTY
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

import msgspec

from core import __version__
from core.bootstrap.worker import start_worker
from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageHeader, Rendered, RenditionFile, Route, Status, Usage
from core.pipelines.definition import Pipeline, to_bytes
from core.routing.plan import Capacity, Limits, plan
from core.settings import entries
from core.worker.supervisor import SupervisedWorker
from pictureperfect.files.journal import Answer, Journal, Work

#: Prefix of folders with the renditions of an unfinished image; a killed process leaves them behind.
UNFINISHED = ".unfinished-"
_POLL_SECONDS = 0.02


class _Stopped(Exception):  # noqa: N818 - no error
    """The image was abandoned because the whole run is stopping."""


class FileRunner:
    """Runs `jobs` files at once, each in a supervised child with a thread of its own. Closes them on exit.

    The children share the CPUs and four fifths of the memory of this machine, unless THREADS and MEMORY_MB say more.
    """

    def __init__(self, pipeline: Pipeline, journal: Journal, out: Path, jobs: int) -> None:
        self._pipeline, self._journal, self._out, self._jobs = pipeline, journal, out, jobs
        self._environment = {"THREADS": "1", "MEMORY_MB": str(max(512, _memory_mb() // jobs)), **os.environ}
        values = entries.load(entries.WorkerSettings, self._environment)
        self._limits = Limits(max_megapixels=values.max_megapixels, max_bytes=values.max_bytes)
        self._seconds = values.timeout_seconds
        self._bounds = f"{values.memory_mb} MB, {values.timeout_seconds:g} s"
        self._digest = pipeline_digest(pipeline, self._limits, values.operations.split())
        self._thread = threading.local()
        self._children: list[SupervisedWorker] = []
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for child in self._children:
            child.close()

    def work_for(self, file: Path, label: str) -> Work:
        """The journal's key for a file as it is now. A missing file has size and time -1."""
        try:
            status = file.stat()
            size, mtime_ns = status.st_size, status.st_mtime_ns
        except OSError:
            size = mtime_ns = -1
        return Work(
            file=str(file.resolve()),
            size=size,
            mtime_ns=mtime_ns,
            label=label,
            pipeline=self._pipeline.name,
            digest=self._digest,
            bounds=self._bounds,
        )

    def answers(self, works: Sequence[Work]) -> Generator[tuple[int, Answer], None, None]:
        """Index and answer of each work, in the order of their end. Closing the generator kills the children."""
        done: SimpleQueue[tuple[int, Answer | BaseException]] = SimpleQueue()

        def answer(number: int, work: Work) -> None:
            try:
                done.put((number, self._answer(work)))
            except BaseException as error:  # noqa: BLE001 - raised again by the consumer
                done.put((number, error))

        pool = ThreadPoolExecutor(self._jobs)
        try:
            futures = [pool.submit(answer, number, work) for number, work in enumerate(works)]
            for _ in works:
                number, outcome = done.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield number, outcome
        finally:
            self._stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):
                _kill_children()
                time.sleep(_POLL_SECONDS)

    def _child(self) -> SupervisedWorker:
        """The child of the calling thread."""
        if not hasattr(self._thread, "child"):
            self._thread.child = start_worker(self._environment)
            self._children.append(self._thread.child)
        child: SupervisedWorker = self._thread.child
        return child

    def _answer(self, work: Work) -> Answer:
        if self._stopping.is_set():
            raise _Stopped
        header: ImageHeader | None = None
        rendered, failure = Rendered(renditions=()), None
        file, child, deadline = Path(work.file), self._child(), time.monotonic() + self._seconds
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self._out) as scratch:
            whole = Path(scratch, "whole")
            whole.mkdir()
            try:
                _refuse_missing(work)
                header = child.probe(file, deadline)
                plan(header, self._pipeline, self._limits, Capacity(route=Route.LOCAL))
                rendered = child.run(file, header, self._pipeline, whole, deadline)
            except ImageFailure as error:
                if self._stopping.is_set():  # `_kill_children` caused it, not the image
                    raise _Stopped from error
                failure, rendered = error, Rendered(renditions=(), usage=getattr(error, "usage", Usage()))
            if rendered.renditions:
                _publish(whole, self._out / work.label)
        line = {
            "status": Status.FAILED if failure else Status.PROCESSED,
            "code": failure.code if failure else None,
            "message": failure.message if failure else None,
            "format": header.format if header else None,
            "width": header.width if header else None,
            "height": header.height if header else None,
            "seconds": round(rendered.usage.seconds, 4),
            "cpu_seconds": round(rendered.usage.cpu_seconds, 4),
            "peak_bytes": rendered.usage.peak_bytes,
            "measurements": rendered.measurements,
            "operations": self._pipeline.custom_operations,
            "renditions": [_rendition_fields(rendition, self._out / work.label) for rendition in rendered.renditions],
        }
        self._journal.add(work, line)
        return line


def pipeline_digest(pipeline: Pipeline, limits: Limits, functions: Sequence[str] = ()) -> str:
    """A digest of everything that decides the result: steps, the files they name, outputs, limits and release.

    For a company's own operations it also covers every file in the packages of `functions` (`package.module:function`),
    since code changes more often than its version.
    """
    content = sha256(to_bytes(msgspec.structs.replace(pipeline, description="")))
    content.update(msgspec.json.encode([__version__, limits.max_megapixels, limits.max_bytes]))
    for text in _strings(msgspec.to_builtins(pipeline)):
        if Path(text).is_absolute() and Path(text).is_file():  # `Operation.resolved` made file names absolute
            content.update(sha256(Path(text).read_bytes()).digest())
    if pipeline.custom_operations:
        content.update(msgspec.json.encode(pipeline.custom_operations, order="sorted"))
        for file in _package_files(functions):
            content.update(sha256(file.read_bytes()).digest())
    return content.hexdigest()


def _package_files(functions: Sequence[str]) -> Iterator[Path]:
    """The files of the packages that hold these functions, found without importing them."""
    for package in sorted({re.split("[.:]", function)[0] for function in functions}):
        spec = find_spec(package)
        folders = (spec.submodule_search_locations if spec else None) or ()
        if spec and spec.origin and not folders:
            yield Path(spec.origin)
        for folder in folders:
            paths = sorted(path for path in Path(folder).rglob("*") if "__pycache__" not in path.parts)
            yield from (path for path in paths if path.is_file())


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - plain values, nested
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _refuse_missing(work: Work) -> None:
    if not os.access(work.file, os.R_OK):
        raise ImageFailure(Code.SOURCE_MISSING, f"{work.file} is not there any more, or may not be read.")


def _publish(whole: Path, folder: Path) -> None:
    """Move all renditions to `folder`: in one step, or file by file if an earlier run has left files there."""
    try:
        whole.rename(folder)
    except OSError as error:
        if error.errno not in {EEXIST, ENOTEMPTY}:
            raise
        for file in whole.iterdir():
            file.replace(folder / file.name)


def _rendition_fields(rendition: RenditionFile, folder: Path) -> dict[str, Any]:
    return {
        "name": rendition.name,
        "path": str(folder / f"{rendition.name}.{rendition.format.extension}"),
        "format": rendition.format,
        "width": rendition.width,
        "height": rendition.height,
        "bytes": rendition.bytes,
        "frames": rendition.frames,
    }


def _kill_children() -> None:
    """End the children's work; the threads that wait for them see them die."""
    import psutil  # noqa: PLC0415 - used at the end only

    for child in psutil.Process().children():
        with suppress(psutil.Error):
            child.kill()


def _memory_mb() -> int:
    """Four fifths of this machine's memory, in MB."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return total * 4 // 5

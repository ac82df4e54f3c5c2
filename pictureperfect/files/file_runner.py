"""Many files through one pipeline on this machine: a supervised child for each CPU, and a journal of what is done."""

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

#: What begins so in the folder of the renditions is an image amid its work, or what a killed process left of one.
UNFINISHED = ".unfinished-"
_PATIENCE = 0.02  # seconds between looks at whether all threads have ended


class _Stopped(Exception):  # noqa: N818 - no error
    """The image was given up because all are."""


class Press:
    """As many supervised children as there are jobs, and a thread for each. A context manager that ends them."""

    def __init__(self, pipeline: Pipeline, journal: Journal, out: Path, jobs: int) -> None:
        self._pipeline, self._journal, self._out, self._jobs = pipeline, journal, out, jobs
        # The children share the CPUs and the memory of this machine.
        self._environment = {"THREADS": "1", "MEMORY_MB": str(max(512, _memory_mb() // jobs)), **os.environ}
        values = entries.load(entries.WorkerSettings, self._environment)
        self._limits = Limits(max_megapixels=values.max_megapixels, max_bytes=values.max_bytes)
        self._seconds = values.timeout_seconds
        self._bounds = f"{values.memory_mb} MB, {values.timeout_seconds:g} s"
        self._digest = digest(pipeline, self._limits, values.operations.split())
        self._mine = threading.local()
        self._workers: list[SupervisedWorker] = []
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for worker in self._workers:
            worker.close()

    def work(self, file: Path, label: str) -> Work:
        """What the file is now. One that has vanished meanwhile is known by no size."""
        try:
            now = file.stat()
            size, mtime_ns = now.st_size, now.st_mtime_ns
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
        """Each work's number and answer, as they are done. What ends the iteration early stops them all at once."""
        done: SimpleQueue[tuple[int, Answer | BaseException]] = SimpleQueue()

        def answer(number: int, work: Work) -> None:
            try:
                done.put((number, self._answer(work)))
            except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
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
                time.sleep(_PATIENCE)

    def _worker(self) -> SupervisedWorker:
        if not hasattr(self._mine, "worker"):
            self._mine.worker = start_worker(self._environment)
            self._workers.append(self._mine.worker)
        mine: SupervisedWorker = self._mine.worker
        return mine

    def _answer(self, work: Work) -> Answer:
        if self._stopping.is_set():
            raise _Stopped
        header: ImageHeader | None = None
        rendered, failure = Rendered(renditions=()), None
        file, worker, deadline = Path(work.file), self._worker(), time.monotonic() + self._seconds
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self._out) as scratch:
            whole = Path(scratch, "whole")
            whole.mkdir()
            try:
                _refuse_missing(work)
                header = worker.probe(file, deadline)
                plan(header, self._pipeline, self._limits, Capacity(route=Route.LOCAL))
                rendered = worker.run(file, header, self._pipeline, whole, deadline)
            except ImageFailure as error:
                if self._stopping.is_set():  # we killed the child: it is not the image's failure
                    raise _Stopped from error
                failure, rendered = error, Rendered(renditions=(), usage=getattr(error, "usage", Usage()))
            if rendered.renditions:
                _place(whole, self._out / work.label)
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
            "operations": self._pipeline.company_operations,
            "renditions": [_described(rendition, self._out / work.label) for rendition in rendered.renditions],
        }
        self._journal.add(work, line)
        return line


def digest(pipeline: Pipeline, limits: Limits, functions: Sequence[str] = ()) -> str:
    """Of all that decides what comes of a file: steps, the files they name, encodings, limits and release.

    Where the pipeline has operations of a company's own, the packages of `functions` too, file by file: who is at
    work on them does not change their version each time.
    """
    content = sha256(to_bytes(msgspec.structs.replace(pipeline, description="")))
    content.update(msgspec.json.encode([__version__, limits.max_megapixels, limits.max_bytes]))
    for text in _texts(msgspec.to_builtins(pipeline)):
        if Path(text).is_absolute() and Path(text).is_file():  # `Operation.resolved` made names of files absolute
            content.update(sha256(Path(text).read_bytes()).digest())
    if pipeline.company_operations:
        content.update(msgspec.json.encode(pipeline.company_operations, order="sorted"))
        for file in _files_of(functions):
            content.update(sha256(file.read_bytes()).digest())
    return content.hexdigest()


def _files_of(functions: Sequence[str]) -> Iterator[Path]:
    """The files of the packages that these functions are in, found without importing them."""
    for package in sorted({re.split("[.:]", function)[0] for function in functions}):
        spec = find_spec(package)
        folders = (spec.submodule_search_locations if spec else None) or ()
        if spec and spec.origin and not folders:
            yield Path(spec.origin)
        for folder in folders:
            found = sorted(path for path in Path(folder).rglob("*") if "__pycache__" not in path.parts)
            yield from (path for path in found if path.is_file())


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - of whatever a pipeline is made
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _refuse_missing(work: Work) -> None:
    if not os.access(work.file, os.R_OK):
        raise ImageFailure(Code.SOURCE_MISSING, f"{work.file} is not there any more, or may not be read.")


def _place(whole: Path, folder: Path) -> None:
    """Move all renditions to where they belong: in one step, but where an earlier run left others there."""
    try:
        whole.rename(folder)
    except OSError as error:
        if error.errno not in {EEXIST, ENOTEMPTY}:
            raise
        for file in whole.iterdir():
            file.replace(folder / file.name)


def _described(rendition: RenditionFile, folder: Path) -> dict[str, Any]:
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
    """What they were at is given up; the threads that wait for them see them die."""
    import psutil  # noqa: PLC0415 - for the end alone

    for child in psutil.Process().children():
        with suppress(psutil.Error):
            child.kill()


def _memory_mb() -> int:
    """Four fifths of this machine's memory."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return total * 4 // 5

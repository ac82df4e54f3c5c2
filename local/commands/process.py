"""`pictureperfect process`: a pipeline over files, with no cloud at all."""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from local.console import progress

if TYPE_CHECKING:
    from core.model import RenditionFile
    from core.pipeline import Pipeline
    from core.worker import SupervisedWorker


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE…")
@click.option("--pipeline", required=True, help="The name of the pipeline.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="For the renditions, a folder each image.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Images at once; one for each CPU by default.")
@click.option(
    "--pipelines",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of pipeline files, instead of the shipped ones.",
)
def process(files: tuple[Path, ...], pipeline: str, out: Path, jobs: int | None, pipelines: Path | None) -> None:
    """Run a pipeline over files, and over all files in folders, with no cloud at all.

    Writes one line of JSON for each file on stdout, in the order of the files. Exit 0 when every file was
    answered: an image that failed is an answer too.
    """
    from core.pipeline import load_folder, shipped  # noqa: PLC0415 - `--help` needs none of it

    known = load_folder(pipelines or shipped())
    if pipeline not in known:
        raise click.UsageError(f"There is no pipeline named {pipeline!r}; there are {', '.join(sorted(known))}.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()  # now, and not after the first image was worked on
    except OSError as error:
        raise click.UsageError(f"--out {out} cannot be written to: {error.strerror}.") from error
    found = list(_files(files))
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(found)))
    with _Press(known[pipeline], out.resolve(), jobs) as press, progress() as bars:
        task = bars.add_task("processing", total=len(found))
        for line in press.answers(labelled(found)):
            bars.advance(task)
            click.echo(json.dumps(line, ensure_ascii=False))


def _files(given: Iterable[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_file():
            yield path
            continue
        if not path.is_dir():  # a pipe or a device may never come to an end
            raise click.UsageError(f"{path} is neither a file nor a folder.")
        for inner in sorted(path.rglob("*")):
            if inner.is_file() and not any(part.startswith(".") for part in inner.relative_to(path).parts):
                yield inner


def labelled(files: Iterable[Path]) -> list[tuple[Path, str]]:
    """Each file with a folder name that no other has, on any file system: its stem, its name, or a number more."""
    files, taken, labels = list(files), set(), []
    stems = [file.stem.casefold() for file in files]
    for file in files:
        plain = file.stem if stems.count(file.stem.casefold()) == 1 else file.name
        label, number = plain, 1
        while label.casefold() in taken:
            number += 1
            label = f"{plain}-{number}"
        taken.add(label.casefold())
        labels.append((file, label))
    return labels


class _Press:
    """As many supervised children as there are jobs, and a thread for each. A context manager that ends them."""

    def __init__(self, pipeline: "Pipeline", out: Path, jobs: int) -> None:
        from core import settings  # noqa: PLC0415
        from core.planning import Limits  # noqa: PLC0415

        self._pipeline, self._out, self._jobs = pipeline, out, jobs
        # The children share the CPUs and the memory of this machine.
        self._environment = {"THREADS": "1", "MEMORY_MB": str(max(512, _memory_mb() // jobs)), **os.environ}
        values = settings.load(settings.WorkerSettings, self._environment)
        self._limits: Limits = Limits(max_megapixels=values.max_megapixels, max_bytes=values.max_bytes)
        self._seconds = values.timeout_seconds
        self._mine = threading.local()
        self._workers: list[SupervisedWorker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for worker in self._workers:
            worker.close()

    def answers(self, files: list[tuple[Path, str]]) -> Iterator[dict[str, Any]]:
        pool = ThreadPoolExecutor(self._jobs)
        try:
            yield from pool.map(lambda pair: self._answer(*pair), files)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _worker(self) -> "SupervisedWorker":
        from core.bootstrap import worker  # noqa: PLC0415

        if not hasattr(self._mine, "worker"):
            self._mine.worker = worker(self._environment)
            self._workers.append(self._mine.worker)
        mine: SupervisedWorker = self._mine.worker
        return mine

    def _answer(self, file: Path, label: str) -> dict[str, Any]:
        from core.errors import ImageFailure  # noqa: PLC0415
        from core.model import ImageHeader, Route, Status, Usage  # noqa: PLC0415
        from core.planning import plan  # noqa: PLC0415

        header: ImageHeader | None = None
        usage, failure = Usage(), None
        renditions: tuple[RenditionFile, ...] = ()
        worker, deadline = self._worker(), time.monotonic() + self._seconds
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=self._out) as scratch:
            try:
                header = worker.probe(file.resolve(), deadline)
                plan(header, self._pipeline, self._limits, Route.LOCAL)
                rendered = worker.run(file.resolve(), header, self._pipeline, Path(scratch), deadline)
                renditions, usage = rendered.renditions, rendered.usage
            except ImageFailure as error:
                failure, usage = error, getattr(error, "usage", usage)
            finished = [self._finished(rendition, self._out / label) for rendition in renditions]
        return {
            "file": str(file),
            "status": Status.FAILED if failure else Status.PROCESSED,
            "code": failure.code if failure else None,
            "message": failure.message if failure else None,
            "format": header.format if header else None,
            "width": header.width if header else None,
            "height": header.height if header else None,
            "seconds": round(usage.seconds, 4),
            "cpu_seconds": round(usage.cpu_seconds, 4),
            "peak_bytes": usage.peak_bytes,
            "renditions": finished,
        }

    def _finished(self, rendition: "RenditionFile", folder: Path) -> dict[str, Any]:
        """Move a whole file to where it belongs, so that a half-written one is never seen there."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{rendition.name}.{rendition.format.extension}"
        shutil.move(rendition.path, path)
        return {
            "name": rendition.name,
            "path": str(path),
            "format": rendition.format,
            "width": rendition.width,
            "height": rendition.height,
            "bytes": rendition.bytes,
        }


def _memory_mb() -> int:
    """Four fifths of this machine's memory."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return total * 4 // 5

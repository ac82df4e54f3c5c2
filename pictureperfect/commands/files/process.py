"""`pictureperfect process`: run a pipeline over image files, without a cloud."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.console import ended_by_signals, load_pipeline, pipelines_option, writable_folder
from pictureperfect.visible_files import visible_files

if TYPE_CHECKING:
    from core.pipelines.definition import Pipeline
    from pictureperfect.files.journal import Journal

_INTERRUPTED = 130


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE…")
@click.option("--pipeline", required=True, help="Name of the pipeline.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the renditions, with a folder for each image.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Images at once; the count of CPUs by default.")
@pipelines_option
@click.option("--again", is_flag=True, help="Process files again that an earlier run has finished.")
def process(
    files: tuple[Path, ...], pipeline: str, out: Path, jobs: int | None, pipelines: Path | None, again: bool
) -> int:
    """Run a pipeline over image files and over all files in folders, without a cloud.

    Prints a line of JSON for each file, in the order of the files. Exit 0 if every file has an answer; a failed image
    is an answer too. Files that an earlier run into the same folder has finished are not processed again.
    """
    from pictureperfect.files.journal import FolderInUse, Journal  # noqa: PLC0415 - not for `--help`

    loaded = load_pipeline(pipeline, pipelines)
    writable_folder(out)
    labelled_files = labelled(map(_check_utf8, _files(files, out.resolve())))
    if not labelled_files:
        click.echo(f"There is no file in {', '.join(map(str, files))}; hidden files are left out.", err=True)
    try:
        with ended_by_signals(), Journal(out.resolve()) as journal:
            return _run(loaded, labelled_files, journal, out.resolve(), jobs, again=again)
    except FolderInUse:
        raise click.ClickException(f"Another process writes to {out}: wait for it, or choose another --out.") from None


def _run(
    pipeline: "Pipeline",
    files: list[tuple[Path, str]],
    journal: "Journal",
    out: Path,
    jobs: int | None,
    *,
    again: bool,
) -> int:
    """Process the files without an answer, and print all answers in the order of the files. Returns the exit code."""
    from pictureperfect.files.file_runner import FileRunner  # noqa: PLC0415
    from pictureperfect.files.progress import FileProgress  # noqa: PLC0415

    _remove_unfinished(out)
    with FileRunner(pipeline, journal, out, min(jobs or _cpus(), max(1, len(files)))) as runner:
        works = [runner.work_for(*pair) for pair in files]
        if again:
            journal.forget(works)
        earlier = [journal.answer(work) for work in works]
        failed = sum(answer is not None and answer["status"] == "failed" for answer in earlier)
        unanswered = [number for number, answer in enumerate(earlier) if answer is None]
        resumed = len(files) - len(unanswered)
        lines = _OrderedLines([file for file, _ in files], earlier)
        try:
            fresh = closing(runner.answers([works[number] for number in unanswered]))
            with FileProgress(len(files), resumed, failed) as progress, fresh as answers:
                lines.print_ready()
                for number, answer in answers:
                    lines.add(unanswered[number], answer)
                    progress.add(failed=answer["status"] == "failed")
        except KeyboardInterrupt:
            count = resumed + journal.added
            same = "the same command without --again" if again else "the same command"
            click.echo(f"Interrupted: {count} of {len(files)} files are done, and {same} does the rest.", err=True)
            return _INTERRUPTED
        except BrokenPipeError:
            raise  # the reader of our output has gone
        except OSError as error:
            raise click.ClickException(f"{out} can no longer be written to: {error.strerror}.") from error
        finally:
            _remove_unfinished(out)
    return 0


class _OrderedLines:
    """Prints the answers, which arrive in any order, in the order of the files."""

    def __init__(self, files: list[Path], earlier: list[dict[str, Any] | None]) -> None:
        self._files, self._written = files, 0
        self._waiting = {
            number: {**answer, "resumed": True} for number, answer in enumerate(earlier) if answer is not None
        }

    def add(self, number: int, answer: dict[str, Any]) -> None:
        self._waiting[number] = {**answer, "resumed": False}
        self.print_ready()

    def print_ready(self) -> None:
        while answer := self._waiting.pop(self._written, None):
            line = {"file": str(self._files[self._written]), **answer}
            self._written += 1
            click.echo(json.dumps(line, ensure_ascii=False))


def _remove_unfinished(out: Path) -> None:
    """Remove the folders of unfinished images. The journal's lock ensures that no other process is writing them."""
    from pictureperfect.files.file_runner import UNFINISHED  # noqa: PLC0415

    for stale in out.glob(f"{UNFINISHED}*"):
        shutil.rmtree(stale, ignore_errors=True)


def _cpus() -> int:
    """The count of CPUs that this process may use; of all CPUs on macOS, which does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _files(given: Iterable[Path], out: Path) -> Iterator[Path]:
    """The files, and the files in folders that are neither hidden nor in `out`, which holds earlier renditions."""
    for path in given:
        if path.is_file():
            yield path
            continue
        if not path.is_dir():  # a pipe or a device may never end
            raise click.UsageError(f"{path} is neither a file nor a folder.")
        if path.resolve() == out:
            raise click.UsageError(
                f"--out {path} is a folder that images are read from; choose another folder, inside it or elsewhere."
            )
        yield from (inner for inner in visible_files(path) if not inner.resolve().is_relative_to(out))


def _check_utf8(path: Path) -> Path:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        message = f"The name {str(path)!r} is not UTF-8: JSON cannot hold it. Rename the file."
        raise click.UsageError(message) from None
    return path


def labelled(files: Iterable[Path]) -> list[tuple[Path, str]]:
    """Each file with a folder name that is unique on any file system: its stem, else its name, else with a number."""
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

"""`pictureperfect process`: a pipeline over files, with no cloud at all."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.console import ended_by_signals, pipelines_option, writable_folder

if TYPE_CHECKING:
    from core.pipelines.definition import Pipeline
    from pictureperfect.files.journal import Journal

_INTERRUPTED = 130


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
@pipelines_option
@click.option("--again", is_flag=True, help="Do everything anew, what was done earlier too.")
def process(
    files: tuple[Path, ...], pipeline: str, out: Path, jobs: int | None, pipelines: Path | None, again: bool
) -> int:
    """Run a pipeline over files, and over all files in folders, with no cloud at all.

    Writes one line of JSON for each file on stdout, in the order of the files. Exit 0 when every file was
    answered: an image that failed is an answer too. What an earlier run into the same folder has done is not
    done again.
    """
    from core.bootstrap.worker import load_catalogue  # noqa: PLC0415 - `--help` needs none of these
    from core.pipelines.definition import load_folder, shipped  # noqa: PLC0415
    from pictureperfect.files.journal import InUse, Journal  # noqa: PLC0415

    known = load_folder(pipelines or shipped(), load_catalogue(os.environ))
    if pipeline not in known:
        raise click.UsageError(f"There is no pipeline named {pipeline!r}; there are {', '.join(sorted(known))}.")
    writable_folder(out)
    found = labelled(map(_utf8, _files(files, out.resolve())))
    if not found:
        click.echo(f"There is no file in {', '.join(map(str, files))}; hidden ones are left out.", err=True)
    try:
        with ended_by_signals(), Journal(out.resolve()) as journal:
            return _run(known[pipeline], found, journal, out.resolve(), jobs, again=again)
    except InUse:
        raise click.ClickException(f"Another process works into {out}; wait for its end, or take another.") from None


def _run(
    pipeline: "Pipeline", found: list[tuple[Path, str]], journal: "Journal", out: Path, jobs: int | None, *, again: bool
) -> int:
    """Answer what is not answered yet, and write all answers in the order of the files; returns the exit code."""
    from pictureperfect.files.file_runner import Press  # noqa: PLC0415
    from pictureperfect.files.progress import Tally  # noqa: PLC0415

    _clear(out)
    with Press(pipeline, journal, out, min(jobs or _cpus(), max(1, len(found)))) as press:
        works = [press.work(*pair) for pair in found]
        if again:
            journal.forget(works)
        earlier = [journal.answer(work) for work in works]
        failed = sum(answer is not None and answer["status"] == "failed" for answer in earlier)
        open_ones = [number for number, answer in enumerate(earlier) if answer is None]
        resumed = len(found) - len(open_ones)
        lines = _Lines([file for file, _ in found], earlier)
        try:
            fresh = closing(press.answers([works[number] for number in open_ones]))
            with Tally(len(found), resumed, failed) as tally, fresh as answers:
                lines.write()
                for number, answer in answers:
                    lines.take(open_ones[number], answer)
                    tally.add(failed=answer["status"] == "failed")
        except KeyboardInterrupt:
            count = resumed + journal.added
            same = "the same command without --again" if again else "the same command"
            click.echo(f"Interrupted: {count} of {len(found)} files are done, and {same} does the rest.", err=True)
            return _INTERRUPTED
        except BrokenPipeError:
            raise  # whoever read our output has left
        except OSError as error:
            raise click.ClickException(f"{out} cannot be written to any more: {error.strerror}.") from error
        finally:
            _clear(out)
    return 0


class _Lines:
    """Answers come as they are done; their lines are written in the order of the files."""

    def __init__(self, files: list[Path], earlier: list[dict[str, Any] | None]) -> None:
        self._files, self._written = files, 0
        self._waiting = {
            number: {**answer, "resumed": True} for number, answer in enumerate(earlier) if answer is not None
        }

    def take(self, number: int, answer: dict[str, Any]) -> None:
        self._waiting[number] = {**answer, "resumed": False}
        self.write()

    def write(self) -> None:
        while answer := self._waiting.pop(self._written, None):
            line = {"file": str(self._files[self._written]), **answer}
            self._written += 1
            click.echo(json.dumps(line, ensure_ascii=False))


def _clear(out: Path) -> None:
    """Remove what killed processes left of images they were at; the journal sees to it that none is at work now."""
    from pictureperfect.files.file_runner import UNFINISHED  # noqa: PLC0415

    for stale in out.glob(f"{UNFINISHED}*"):
        shutil.rmtree(stale, ignore_errors=True)


def _cpus() -> int:
    """The CPUs that this process may run on, where the system tells; macOS does not."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _files(given: Iterable[Path], out: Path) -> Iterator[Path]:
    """All files; of folders what is neither hidden nor in `out`: renditions of an earlier run are no sources."""
    for path in given:
        if path.is_file():
            yield path
            continue
        if not path.is_dir():  # a pipe or a device may never come to an end
            raise click.UsageError(f"{path} is neither a file nor a folder.")
        if path.resolve() == out:
            raise click.UsageError(
                f"--out {path} is where the images are read from; take a folder of its own, within it or elsewhere."
            )
        for inner in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
            if inner.is_file() and not hidden and not inner.resolve().is_relative_to(out):
                yield inner


def _utf8(path: Path) -> Path:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        message = f"The name {str(path)!r} is not UTF-8: no answer in JSON can tell of it. Rename the file."
        raise click.UsageError(message) from None
    return path


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

"""Parts of several commands: options, consoles, progress bars, checks of --out, the running cloud, signals."""

import os
import signal
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    from core.pipelines.definition import Pipeline
    from localcloud.config import CloudConfig

#: The default folder of a cloud's state file and logs, in the current directory.
FOLDER = Path(".picture-perfect")

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Folder of the cloud's state file and logs.",
)
pipelines_option = click.option(
    "--pipelines",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="PIPELINES",
    show_envvar=True,
    help="Folder of pipeline files, instead of the shipped ones.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def notes() -> "Console":
    """The console for progress and messages: stderr, since stdout is for results."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second

    return Console(stderr=True, highlight=False)


def output() -> "Console":
    """The console for tables: stdout, 120 columns wide if it is no terminal. Long cells are folded."""
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


@contextmanager
def progress() -> Iterator["Progress"]:
    """Progress bars on stderr; nothing if stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = notes()
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield bars


def writable_folder(out: Path) -> None:
    """Create the folder and check that it can be written to, before the work. Raises UsageError."""
    with _as_usage_error(out):
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()


def writable_file(out: Path) -> None:
    """Check that a file can be written to, and change nothing. Raises UsageError."""
    with _as_usage_error(out):
        if out.exists() and not out.is_file():
            return  # opening a pipe would wait for its reader
        if out.exists():
            os.close(os.open(out, os.O_WRONLY | os.O_APPEND))
        else:
            tempfile.TemporaryFile(dir=out.parent).close()


@contextmanager
def _as_usage_error(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"--out {out} cannot be written to: {error.strerror}.") from error


def load_pipeline(name: str, folder: Path | None) -> "Pipeline":
    """The pipeline of that name in `folder`, or else among the shipped ones. Raises UsageError if there is none."""
    from core.bootstrap.worker import load_catalogue  # noqa: PLC0415 - not for `--help`
    from core.pipelines import SHIPPED_FOLDER  # noqa: PLC0415
    from core.pipelines.loader import load_folder  # noqa: PLC0415

    pipelines = load_folder(folder or SHIPPED_FOLDER, load_catalogue(os.environ))
    if name not in pipelines:
        raise click.UsageError(f"There is no pipeline named {name!r}; there are {', '.join(sorted(pipelines))}.")
    return pipelines[name]


def cloud_at(folder: Path) -> "CloudConfig":
    """The addresses of the cloud that runs in `folder`. Raises ClickException if none does."""
    from localcloud.config import running  # noqa: PLC0415

    address = running(folder)
    if address is None:
        raise click.ClickException(f"No cloud is running in {folder}. Start one with `pictureperfect up`.")
    return address


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end the block as Ctrl-C does. Further signals are ignored, so that it can clean up."""

    def interrupt(*_arguments: object) -> Never:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def printable(text: str) -> str:
    """The text on one line, with control characters replaced: they could steer the terminal."""
    return "".join(
        character if character.isprintable() or unicodedata.category(character) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def literal(text: str, style: str = "", **how: Any) -> "Text":  # noqa: ANN401 - as Rich has them
    """Text that may hold names: printable, and never read as Rich's markup."""
    from rich.text import Text  # noqa: PLC0415

    return Text(printable(text), style=style, **how)


def dimensions(width: int | None, height: int | None) -> str:
    """Width times height in pixels; a dash without a width."""
    return f"{width}\N{MULTIPLICATION SIGN}{height}" if width else "-"

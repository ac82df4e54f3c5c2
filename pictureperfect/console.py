"""What the commands share on the terminal: progress, sizes in words, the way to the running cloud, signals."""

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

    from localcloud.config import Address

#: Where a cloud keeps its state file and logs, from the folder one stands in.
FOLDER = Path(".picture-perfect")

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where the cloud keeps its state file and its logs.",
)
pipelines_option = click.option(
    "--pipelines",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="PIPELINES",
    show_envvar=True,
    help="A folder of pipeline files, instead of the shipped ones.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, for programs.")


def notes() -> "Console":
    """For people, on stderr: stdout is for what was asked for."""
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second

    return Console(stderr=True, highlight=False)


def output() -> "Console":
    """Tables on stdout; without a terminal 120 columns are theirs. What has no room is folded, and nothing cut off."""
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


@contextmanager
def progress() -> Iterator["Progress"]:
    """Progress bars on stderr, if that is a terminal; otherwise nothing."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = notes()
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield bars


def writable_folder(out: Path) -> None:
    """Make it, and try it: before the work, and not after. Raises UsageError."""
    with _told(out):
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()


def writable_file(out: Path) -> None:
    """Try whether a file can be written, and leave it as it is. Raises UsageError."""
    with _told(out):
        if out.exists() and not out.is_file():
            return  # a pipe would wait for its reader
        if out.exists():
            os.close(os.open(out, os.O_WRONLY | os.O_APPEND))
        else:
            tempfile.TemporaryFile(dir=out.parent).close()


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"--out {out} cannot be written to: {error.strerror}.") from error


def cloud_at(folder: Path) -> "Address":
    """The running cloud. Raises ClickException when there is none."""
    from localcloud.config import running  # noqa: PLC0415

    address = running(folder)
    if address is None:
        raise click.ClickException(f"No cloud is running in {folder}. Start one with `pictureperfect up`.")
    return address


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does; once it is ending, no second one cuts that short."""

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
    """On one line, without what would steer the terminal; spaces of all kinds stay."""
    return "".join(
        sign if sign.isprintable() or unicodedata.category(sign) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )


def literal(text: str, style: str = "", **how: Any) -> "Text":  # noqa: ANN401 - as Rich has them
    """A name, or a sentence with names in it, as it is: nothing in it is markup."""
    from rich.text import Text  # noqa: PLC0415

    return Text(printable(text), style=style, **how)


def size(count: float | None) -> str:
    """Bytes in words: 713 kB."""
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if count < 999.5:  # noqa: PLR2004 - the next unit begins
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"  # noqa: PLR2004
        count /= 1000
    return f"{count:.1f} GB"


def dimensions(width: int | None, height: int | None) -> str:
    """Width times height in pixels, as one writes it."""
    return f"{width}\N{MULTIPLICATION SIGN}{height}" if width else "-"

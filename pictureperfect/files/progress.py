"""Progress of `process` on stderr: a bar on a terminal, otherwise a line now and then."""

import sys
import time
from typing import Self

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pictureperfect.console import notes

_SHORTEST, _LONGEST = 10.0, 60.0  # seconds between two lines: more the longer the command runs


class FileProgress:
    """Counts finished files. `done` and `failed` start with the counts of earlier runs. A context manager."""

    def __init__(self, total: int, done: int = 0, failed: int = 0) -> None:
        self._total, self._done, self._failed = total, done, failed
        self._before = done
        self._began = time.monotonic()
        self._due = self._began + _SHORTEST
        self._has_printed = False
        console = notes()
        self._terminal = console.is_terminal
        columns = (
            TextColumn("processing"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(compact=True),
        )
        # If stdout is a terminal too, its lines go above the bar; if it is a file, Rich must not touch it.
        self._bar = Progress(
            *columns,
            console=console,
            disable=not console.is_terminal,
            transient=True,
            expand=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task("", total=total, completed=done, counts=self._failures_and_rate())

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        self._bar.stop()
        if kind is None and (self._terminal or self._has_printed):
            again = f", {self._before} of them earlier" if self._before else ""
            seconds = time.monotonic() - self._began
            click.echo(f"{self._done} done{again}, {self._failed} failed, in {_duration(seconds)}.", err=True)

    def add(self, *, failed: bool) -> None:
        """Count one more finished file."""
        self._done += 1
        self._failed += failed
        self._bar.update(self._task, completed=self._done, counts=self._failures_and_rate())
        now = time.monotonic()
        if not self._terminal and now >= self._due:
            left = (self._total - self._done) / self._rate()
            count = f"{self._done} of {self._total} done"
            click.echo(f"{count}, {self._failures_and_rate()}, about {_duration(left)} left", err=True)
            self._due, self._has_printed = now + min(_LONGEST, max(_SHORTEST, (now - self._began) / 4)), True

    def _failures_and_rate(self) -> str:
        rate = self._rate()
        return f"{self._failed} failed, {rate:.1f} a second" if rate else f"{self._failed} failed"

    def _rate(self) -> float:
        return (self._done - self._before) / max(time.monotonic() - self._began, 1e-3)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

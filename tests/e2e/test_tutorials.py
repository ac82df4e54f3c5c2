"""Every tutorial is executed: its commands run in order in an empty folder, and their output is the one that is shown.

What a page may hold, by the info string of a fenced block:

- `sh`: commands that end with exit 0; `sh exit=1` with that exit. Exported variables last until the end of the page.
- `sh terminal=NAME`: a command that keeps running, until the page is through.
- `text`: the output of the commands before it. `…` stands for any text within a line, or alone for any lines.
- `yaml file=PATH`, `python file=PATH`: a file that the reader saves.

Other blocks are not executed.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.waiting import HANGS_AFTER, until

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorial").glob("*.md"))
_FENCE = re.compile(r"^```([a-z]+)?(?: ([a-z]+)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, one option of its info string, and its text."""

    language: str
    option: str
    value: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(page)]


def matches(shown: str, output: str) -> bool:
    """Whether `output` is what the page shows."""
    lines = [
        r"(?:[^\n]*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"[ ]*\n"
        for line in shown.splitlines()
    ]
    return re.fullmatch("".join(lines), output) is not None


@contextmanager
def running(command: str, shown: str, folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """A command in a terminal of its own, from the moment that it has said what is shown."""
    log = folder.parent / "terminal.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: process.poll() is not None or matches(f"{shown}…\n", log.read_text("utf-8")))
        assert process.poll() is None, log.read_text("utf-8")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(HANGS_AFTER)


def run(block: Block, folder: Path, environ: dict[str, str]) -> str:
    """The output of the commands, both streams."""
    exports = folder.parent / "exports"
    script = f"set -euo pipefail; . {shlex.quote(str(exports))}\n{block.text}\nexport -p > {shlex.quote(str(exports))}"
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANGS_AFTER,
        check=False,
    )
    assert ended.returncode == int(block.value or 0), f"{block.text}\n{ended.stdout}"
    return ended.stdout


#: Tutorials that start the embedded cloud.
STARTS_A_CLOUD = {"first-customer"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            path, id=path.stem, marks=[pytest.mark.long] if path.stem == "first-customer" else []
        )  # starts a cloud
        for path in TUTORIALS
    ],
)
def test_the_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "exports").touch()
    ours = {"PYTHONPATH", "OPERATIONS", "PIPELINES", "DATABASE_URL", "BUCKET"}
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name not in ours},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    listed = blocks(page.read_text("utf-8"))
    with ExitStack() as terminals:
        for block, after in zip(listed, [*listed[1:], Block("", "", "", "")], strict=True):
            shown = after.text if after.language == "text" else None
            if block.option == "file":
                (folder / block.value).parent.mkdir(parents=True, exist_ok=True)
                (folder / block.value).write_text(block.text, "utf-8")
            elif block.option == "terminal":
                terminals.enter_context(running(block.text.strip(), shown or "", folder, environ))
            elif block.language == "sh":
                output = run(block, folder, environ)
                assert shown is None or matches(shown, output), f"{block.text}\nprints\n{output}\nand shown is\n{shown}"


def test_there_are_tutorials() -> None:
    assert len(TUTORIALS) >= 3


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a   \n", True),
        ("a\n", "a\nb\n", False),
        ("a … c\n", "a b c\n", True),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd\n", "a\nd\n", True),
        ("a\n…\nd\n", "a\nb\nc\n", False),
        ("$1.5\n", "$195\n", False),
    ],
)
def test_an_ellipsis_stands_for_what_differs_from_run_to_run(shown: str, output: str, same: bool) -> None:
    assert matches(shown, output) is same

"""Every `pictureperfect` command line in a document names a command that exists, with options that it has."""

import re
from pathlib import Path

import click
import pytest

from pictureperfect.cli import COMMANDS, cli

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Fenced blocks and inline code; in both a line may continue after a backslash.
_CODE = re.compile(r"^```.*?\n(.*?)^```|`([^`]+)`", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"\bpictureperfect ([a-z]+)(.*)")


def calls(text: str) -> set[tuple[str, str]]:
    """Each command and the rest of its line."""
    code = "\n".join(block or inline for block, inline in _CODE.findall(text)).replace("\\\n", " ")
    return {(name, rest.partition(" #")[0]) for name, rest in _CALL.findall(code)}


CALLS = sorted({(path.name, *call) for path in DOCUMENTS for call in calls(path.read_text("utf-8"))})


@pytest.mark.parametrize(("page", "name", "rest"), CALLS)
def test_the_command_and_its_options_exist(page: str, name: str, rest: str) -> None:
    assert name in COMMANDS, f"{page}: pictureperfect {name}"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options, f"{page}: pictureperfect {name}{rest}"


def test_documents_show_most_commands() -> None:
    assert len({name for _, name, _ in CALLS}) > len(COMMANDS) // 2

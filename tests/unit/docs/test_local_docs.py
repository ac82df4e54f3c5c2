"""docs/reference/cli.md names every command and every option, and none that is not there."""

import re
from pathlib import Path

import click
import pytest

from pictureperfect.cli import COMMANDS, cli

DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text()
_PARTS = [part.partition("\n") for part in re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:]]
SECTIONS = {title.strip(): text for title, _, text in _PARTS}


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_every_documented_one_exists(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = {
        option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts
    }
    assert set(re.findall(r"^\| `(--[a-z-]+)`", SECTIONS[name], flags=re.MULTILINE)) == options


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_itself_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").strip()
    assert COMMANDS[name][1].endswith(".")

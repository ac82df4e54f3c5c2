"""docs/reference/cli.md has a section for every command; its tables of options are made from the commands."""

import re
from pathlib import Path

import click
import pytest

from pictureperfect.cli import COMMANDS, cli

DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text()


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert set(re.findall(r"^## (.+)$", DOCUMENT, flags=re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_each_of_its_options_have_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").strip()
    assert COMMANDS[name][1].endswith(".")
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []

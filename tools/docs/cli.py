"""The tables of options in docs/reference/cli.md, from the commands themselves."""

from collections.abc import Iterator
from functools import partial

import click

from pictureperfect.cli import COMMANDS, cli
from tools.docs.section import Section, table


def render(command: str) -> str:
    """A row for each option: its name, and what its help says."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None, command  # noqa: S101 - a name of COMMANDS
    return table(("option", ""), list(_rows(found)))


def _rows(command: click.Command) -> Iterator[tuple[str, str]]:
    for option in command.params:
        if isinstance(option, click.Option):
            help_record = option.get_help_record(click.Context(command))
            assert help_record is not None, option.name  # noqa: S101 - no option is hidden
            name, text = help_record
            yield f"`{name}`", text.replace("|", "\\|")


SECTIONS = tuple(Section("reference/cli.md", f"options of {command}", partial(render, command)) for command in COMMANDS)

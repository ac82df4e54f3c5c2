"""The tables of options in docs/reference/cli.md, from the commands themselves."""

from functools import partial

import click

from pictureperfect.cli import COMMANDS, cli
from tools.docs.section import Section, table


def render(command: str) -> str:
    """A row for each option: its name, its default, its help, the range of a number, and its variable."""
    loaded = cli.get_command(click.Context(cli), command)
    assert loaded is not None, command  # noqa: S101 - a name of COMMANDS
    options = [option for option in loaded.params if isinstance(option, click.Option)]
    return table(("option", "default", "what it does"), [_row(option, click.Context(loaded)) for option in options])


def _row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    extra = option.get_help_extra(context)
    default = "required" if "required" in extra else f"`{extra['default']}`" if "default" in extra else ""
    texts = [option.help or ""]
    if isinstance(option.type, click.Choice):
        texts.append(f"One of {', '.join(f'`{choice}`' for choice in option.type.choices)}.")
    if "range" in extra:
        texts.append(f"`{extra['range']}`.")
    if "envvars" in extra:
        texts.append(f"Variable {', '.join(f'`{variable}`' for variable in extra['envvars'])}.")
    return f"`{', '.join(option.opts)}`", default, " ".join(texts)


SECTIONS = tuple(Section("reference/cli.md", f"options of {command}", partial(render, command)) for command in COMMANDS)

"""The catalogue of image steps in docs/reference/image-steps.md, from the operations' docstrings and fields."""

import inspect

from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Operation
from pictureperfect.catalogue.operation_page import listed, parameters
from tools.docs.section import Section, table


def render() -> str:
    """A heading, the docstring and a table of parameters for each operation."""
    return "\n\n".join(f"## `{name}`\n\n{_described(kind)}" for name, kind in OPERATIONS.items())


def _described(kind: type[Operation]) -> str:
    rows = [(f"`{each.name}`", _default(each.default), each.description) for each in parameters(kind)]
    text = "\n\n".join(map(_paragraph, inspect.cleandoc(kind.__doc__ or "").split("\n\n")))
    return f"{text}\n\n{table(('parameter', 'default', 'what it is'), rows)}" if rows else text


def _default(default: str | None) -> str:
    if default is None:
        return "required"
    return f"`{default}`" if default else ""


def _paragraph(text: str) -> str:
    items, rest = listed(text)
    return "\n".join([*(f"- `{word}`: {meaning}" for word, meaning in items), *([rest] if rest else [])])


SECTION = Section("reference/image-steps.md", "image steps", render)

"""A setting's text as a value of its type, and what such a value must be, in words for who has to mend it."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta


def must(words: str, pattern: str) -> Meta:
    """Words for who has to mend it: a regular expression tells few people anything."""
    return Meta(pattern=pattern, extra={"must": words})


def read(text: str, kind: Any) -> Any:  # noqa: ANN401 - a type, and a value of it
    """The value that a variable's text stands for. Raises ValueError, `must be …`, without the text."""
    try:
        value = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"must {wanted(kind)}") from error
    if isinstance(value, float) and math.isnan(value):  # less than nothing, and more than nothing
        raise ValueError(f"must {wanted(kind)}")
    return value


def wanted(kind: Any) -> str:  # noqa: ANN401 - a type
    """What a value of a setting's type must be, in words that follow `must`; empty where any text will do."""
    base, *metas = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    for meta in metas:
        if meta.extra:
            return str(meta.extra["must"])
    if get_origin(base) is Literal:
        return _one_of(get_args(base))
    if base is bool:
        return "be true or false"
    if isinstance(base, type) and issubclass(base, StrEnum):
        return _one_of([member.value for member in base])
    bounds = {
        name: getattr(meta, name)
        for meta in metas
        for name in ("gt", "ge", "le", "max_length")
        if getattr(meta, name) is not None
    }
    if base in (int, float):
        return f"be a {'whole ' if base is int else ''}number{_between(bounds)}"
    return f"be {bounds['max_length']} characters at most" if "max_length" in bounds else ""


def _one_of(values: Sequence[str]) -> str:
    named = [value or "empty" for value in values]
    return f"be {', '.join(named[:-1])} or {named[-1]}"


def _between(bounds: Mapping[str, float]) -> str:
    said = {name: f"{bound:.12g}" for name, bound in bounds.items()}
    if "gt" in said:
        return f" above {said['gt']}" + (f", and {said['le']} at most" if "le" in said else "")
    if "ge" in said:
        return f" from {said['ge']} to {said['le']}" if "le" in said else f", {said['ge']} or more"
    return f", {said['le']} at most" if "le" in said else ""

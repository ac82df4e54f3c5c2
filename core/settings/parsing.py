"""Converts the text of an environment variable to the setting's type, and describes the valid values in words."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta


def must(description: str, pattern: str) -> Meta:
    """A `pattern` for a text, with the description that error messages show instead, as in `must be a URL`."""
    return Meta(pattern=pattern, extra={"must": description})


def parse(text: str, kind: Any) -> Any:  # noqa: ANN401 - a type, and a value of it
    """The text as a value of the type `kind`. Raises ValueError(`must be …`), which never contains the text."""
    try:
        value = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"must {requirement(kind)}") from error
    if isinstance(value, float) and math.isnan(value):  # it passes every comparison with a bound
        raise ValueError(f"must {requirement(kind)}")
    return value


def requirement(kind: Any) -> str:  # noqa: ANN401 - a type
    """The valid values of the type `kind`, in words that follow `must`; empty if any text is valid."""
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
        return f"be a {'whole ' if base is int else ''}number{_range(bounds)}"
    return f"be {bounds['max_length']} characters at most" if "max_length" in bounds else ""


def _one_of(values: Sequence[str]) -> str:
    names = [value or "empty" for value in values]
    return f"be {', '.join(names[:-1])} or {names[-1]}"


def _range(bounds: Mapping[str, float]) -> str:
    texts = {name: f"{bound:.12g}" for name, bound in bounds.items()}
    if "gt" in texts:
        return f" above {texts['gt']}" + (f", and {texts['le']} at most" if "le" in texts else "")
    if "ge" in texts:
        return f" from {texts['ge']} to {texts['le']}" if "le" in texts else f", {texts['ge']} or more"
    return f", {texts['le']} at most" if "le" in texts else ""

"""Finds a company's functions and reads what they take. In the worker's child only: it runs their modules."""

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from core.domain.errors import Code, Misconfigured
from core.imaging.operations import Catalogue
from core.imaging.operations.custom_operation import CONSTRAINTS, PLAIN, CompanyOperation, Description, Parameter, build

_STEP = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_TYPES = (
    "int, float, str, bool, a Literal of text or whole numbers, any of them in Annotated[…, msgspec.Meta(…)] or | None"
)


class _UnfitError(Exception):
    """What is wrong with one function, to be told together with what is wrong with the others."""


def load(references: Sequence[str], shipped: Catalogue) -> dict[str, type[CompanyOperation]]:
    """The functions that the setting OPERATIONS refers to, as operations, by the names that pipelines use.

    `references` are `package.module:function`; `shipped` are the operations whose names are taken.
    Raises Misconfigured(INVALID_SETTINGS) that names every one that cannot be an operation, and why.
    """
    found: dict[str, type[CompanyOperation]] = {}
    faults = []
    for reference in references:
        try:
            kind = _operation(reference)
        except _UnfitError as fault:
            faults.append(f"{reference}: {fault}")
            continue
        name = kind.description.name
        if name in shipped or name in found:
            whose = "a shipped" if name in shipped else "another"
            faults.append(f"{reference}: there is {whose} operation named {name}")
        found[name] = kind
    if faults:
        raise Misconfigured(Code.INVALID_SETTINGS, f"OPERATIONS is wrong: {'; '.join(faults)}.")
    return found


def _operation(reference: str) -> type[CompanyOperation]:
    module_name, _, attribute = reference.partition(":")
    function = _function(module_name, attribute)
    name = attribute.replace("_", "-")
    if not _STEP.fullmatch(name):
        raise _UnfitError(
            "the function's name becomes the step's, - for _: it must be of lower-case letters, digits and single _"
        )
    description = Description(
        name=name,
        reference=reference,
        version=_version(module_name.partition(".")[0]),
        documentation=inspect.getdoc(function) or "",
        parameters=tuple(_parameters(function)),
    )
    try:
        kind = build(description, function)
        for parameter in description.parameters:
            msgspec.msgpack.Decoder(parameter.type)  # else it is looked at when the first pipeline is read
        msgspec.msgpack.encode(description)
    except (TypeError, ValueError, OverflowError, re.error) as error:
        raise _UnfitError(str(error)) from error
    for parameter in description.parameters:
        if not parameter.required:
            _refuse_unfit_default(parameter)
    return kind


def _function(module_name: str, attribute: str) -> Callable[..., object]:
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        message = f"importing {module_name} failed: {type(error).__name__}: {error}; the traceback is in the log"
        raise _UnfitError(message) from error
    function = getattr(module, attribute, None)
    if function is None:
        raise _UnfitError(f"there is no {attribute} in {module_name}")
    if not callable(function):
        raise _UnfitError(f"{attribute} is no function, but of type {type(function).__name__}")
    found: Callable[..., object] = function
    return found


def _version(package: str) -> str:
    """`acme_pictures 1.2.0`: by the package's own word, else of the distribution that brought it."""
    own = getattr(sys.modules[package], "__version__", None)
    if isinstance(own, str) and own:
        return f"{package} {own}"
    distributions = metadata.packages_distributions().get(package, ())
    if not distributions:
        raise _UnfitError(f"{package} has no version for its results: give it a __version__, or install it with one")
    return f"{package} {metadata.version(distributions[0])}"


def _parameters(function: Callable[..., object]) -> Iterator[Parameter]:
    """All but the first, which must be `image`."""
    try:
        parameters = [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError) as error:
        raise _UnfitError(f"what it takes cannot be read: {error}") from error
    if not parameters or parameters[0].name != "image" or parameters[0].kind not in _POSITIONAL:
        raise _UnfitError(f"its first parameter must be `image`, and is {parameters[0] if parameters else 'not there'}")
    names = getattr(inspect.unwrap(function), "__globals__", {})
    for parameter in parameters[1:]:
        if parameter.kind not in _KEYWORD:
            raise _UnfitError(f"its parameter {parameter} cannot be given by name")
        if parameter.name == "operation":
            raise _UnfitError("no parameter can be named operation: that is where a pipeline keeps the step's name")
        if parameter.annotation is parameter.empty:
            raise _UnfitError(f"its parameter {parameter.name} has no annotation; there may be {_TYPES}")
        yield _described(parameter, names)


def _described(parameter: inspect.Parameter, names: Mapping[str, Any]) -> Parameter:
    kind, constraints = _constrained(_annotation(parameter, names))
    kind, optional = _without_none(kind)
    if optional and not constraints:  # Annotated[float, …] | None
        kind, constraints = _constrained(kind)
    choices: tuple[Any, ...] = get_args(kind) if get_origin(kind) is Literal else ()
    if None in choices:
        choices, optional = tuple(choice for choice in choices if choice is not None), True
    known = {type(choice) for choice in choices} <= {int, str} if choices else kind in PLAIN.values()
    if not known:
        shown = inspect.formatannotation(parameter.annotation)
        raise _UnfitError(f"its parameter {parameter.name} is of type {shown}; there may be {_TYPES}")
    required = parameter.default is parameter.empty
    return Parameter(
        name=parameter.name,
        kind="" if choices else kind.__name__,
        choices=choices,
        constraints=constraints,
        optional=optional,
        required=required,
        default=None if required else parameter.default,
    )


def _annotation(parameter: inspect.Parameter, names: Mapping[str, Any]) -> Any:  # noqa: ANN401 - it may be anything
    """Of this parameter alone: `image` may be annotated with what is imported for type checkers only."""
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    try:  # `from __future__ import annotations`
        return eval(parameter.annotation, dict(names))  # noqa: S307 - the company's own source, in its own module
    except Exception as error:
        message = f"the annotation of {parameter.name}, {parameter.annotation}, cannot be read: {error}"
        raise _UnfitError(message) from error


def _constrained(annotation: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """The type in `Annotated`, and what its Metas demand."""
    if get_origin(annotation) is not Annotated:
        return annotation, {}
    kind, *extras = get_args(annotation)
    metas = [extra for extra in extras if isinstance(extra, msgspec.Meta)]
    demands = [(name, getattr(meta, name)) for meta in metas for name in CONSTRAINTS]
    return kind, {name: value for name, value in demands if value is not None}


def _without_none(kind: Any) -> tuple[Any, bool]:  # noqa: ANN401
    if get_origin(kind) not in (Union, UnionType) or NoneType not in get_args(kind):
        return kind, False
    others = [item for item in get_args(kind) if item is not NoneType]
    return (others[0] if len(others) == 1 else kind), True


def _refuse_unfit_default(parameter: Parameter) -> None:
    try:
        msgspec.convert(parameter.default, parameter.type)
    except msgspec.ValidationError as error:
        message = f"the default of its parameter {parameter.name} is not of its own kind: {error}"
        raise _UnfitError(message) from error

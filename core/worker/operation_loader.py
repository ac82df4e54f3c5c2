"""Imports a company's functions and makes operations of them. Only the worker's child runs their modules."""

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
from core.imaging.operations.custom_operation import CONSTRAINTS, PLAIN, CustomOperation, Description, Parameter, build

_STEP = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_TYPES = (
    "int, float, str, bool, a Literal of text or whole numbers, any of them in Annotated[…, msgspec.Meta(…)] or | None"
)


class _InvalidFunctionError(Exception):
    """The fault of one function. `load` reports the faults of all functions together."""


def load(references: Sequence[str], shipped: Catalogue) -> dict[str, type[CustomOperation]]:
    """The functions of the setting OPERATIONS as operations, by the names that pipelines use.

    `references` are `package.module:function`; the names in `shipped` are taken.
    Raises Misconfigured(INVALID_SETTINGS) with the fault of every function that cannot be an operation.
    """
    loaded: dict[str, type[CustomOperation]] = {}
    faults = []
    for reference in references:
        try:
            operation = _operation(reference)
        except _InvalidFunctionError as fault:
            faults.append(f"{reference}: {fault}")
            continue
        name = operation.description.name
        if name in shipped or name in loaded:
            owner = "a shipped" if name in shipped else "another"
            faults.append(f"{reference}: there is {owner} operation named {name}")
        loaded[name] = operation
    if faults:
        raise Misconfigured(Code.INVALID_SETTINGS, f"OPERATIONS is wrong: {'; '.join(faults)}.")
    return loaded


def _operation(reference: str) -> type[CustomOperation]:
    module_name, _, attribute = reference.partition(":")
    function = _function(module_name, attribute)
    name = attribute.replace("_", "-")
    if not _STEP.fullmatch(name):
        raise _InvalidFunctionError(
            "the step is named like the function, with - for _: use lower-case letters, digits and single _"
        )
    description = Description(
        name=name,
        reference=reference,
        version=_version(module_name.partition(".")[0]),
        documentation=inspect.getdoc(function) or "",
        parameters=tuple(_parameters(function)),
    )
    try:
        operation = build(description, function)
        for parameter in description.parameters:
            msgspec.msgpack.Decoder(parameter.type)  # checks the type now, not when the first pipeline is read
        msgspec.msgpack.encode(description)
    except (TypeError, ValueError, OverflowError, re.error) as error:
        raise _InvalidFunctionError(str(error)) from error
    for parameter in description.parameters:
        if not parameter.required:
            _refuse_invalid_default(parameter)
    return operation


def _function(module_name: str, attribute: str) -> Callable[..., object]:
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        message = f"importing {module_name} failed: {type(error).__name__}: {error}; the traceback is in the log"
        raise _InvalidFunctionError(message) from error
    function = getattr(module, attribute, None)
    if function is None:
        raise _InvalidFunctionError(f"there is no {attribute} in {module_name}")
    if not callable(function):
        raise _InvalidFunctionError(f"{attribute} is not a function, but of type {type(function).__name__}")
    checked: Callable[..., object] = function
    return checked


def _version(package: str) -> str:
    """`acme_pictures 1.2.0`: the package's `__version__`, or the version of the distribution that installed it."""
    own = getattr(sys.modules[package], "__version__", None)
    if isinstance(own, str) and own:
        return f"{package} {own}"
    distributions = metadata.packages_distributions().get(package, ())
    if not distributions:
        raise _InvalidFunctionError(
            f"{package} has no version to store in results: give it a __version__, or install it as a distribution"
        )
    return f"{package} {metadata.version(distributions[0])}"


def _parameters(function: Callable[..., object]) -> Iterator[Parameter]:
    """All parameters after the first, which must be `image`."""
    try:
        parameters = [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError) as error:
        raise _InvalidFunctionError(f"its parameters cannot be read: {error}") from error
    if not parameters or parameters[0].name != "image" or parameters[0].kind not in _POSITIONAL:
        raise _InvalidFunctionError(
            f"its first parameter must be `image`, and is {parameters[0] if parameters else 'missing'}"
        )
    module_globals = getattr(inspect.unwrap(function), "__globals__", {})
    for parameter in parameters[1:]:
        if parameter.kind not in _KEYWORD:
            raise _InvalidFunctionError(f"its parameter {parameter} cannot be passed by name")
        if parameter.name == "operation":
            raise _InvalidFunctionError(
                "no parameter may be named operation: a pipeline keeps the step's name under it"
            )
        if parameter.annotation is parameter.empty:
            raise _InvalidFunctionError(f"its parameter {parameter.name} has no annotation; supported are {_TYPES}")
        yield _parameter(parameter, module_globals)


def _parameter(parameter: inspect.Parameter, module_globals: Mapping[str, Any]) -> Parameter:
    kind, constraints = _constrained(_annotation(parameter, module_globals))
    kind, optional = _without_none(kind)
    if optional and not constraints:  # Annotated[float, …] | None
        kind, constraints = _constrained(kind)
    choices: tuple[Any, ...] = get_args(kind) if get_origin(kind) is Literal else ()
    if None in choices:
        choices, optional = tuple(choice for choice in choices if choice is not None), True
    known = {type(choice) for choice in choices} <= {int, str} if choices else kind in PLAIN.values()
    if not known:
        shown = inspect.formatannotation(parameter.annotation)
        raise _InvalidFunctionError(f"its parameter {parameter.name} is of type {shown}; supported are {_TYPES}")
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


def _annotation(parameter: inspect.Parameter, module_globals: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any annotation
    """The evaluated annotation of one parameter: that of `image` may name a type imported under TYPE_CHECKING."""
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    try:  # `from __future__ import annotations`
        return eval(parameter.annotation, dict(module_globals))  # noqa: S307 - the company's own source, in its own module
    except Exception as error:
        message = f"the annotation of {parameter.name}, {parameter.annotation}, cannot be read: {error}"
        raise _InvalidFunctionError(message) from error


def _constrained(annotation: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """The type in `Annotated`, and the constraints of its Metas by name."""
    if get_origin(annotation) is not Annotated:
        return annotation, {}
    kind, *extras = get_args(annotation)
    metas = [extra for extra in extras if isinstance(extra, msgspec.Meta)]
    constraints = [(name, getattr(meta, name)) for meta in metas for name in CONSTRAINTS]
    return kind, {name: value for name, value in constraints if value is not None}


def _without_none(kind: Any) -> tuple[Any, bool]:  # noqa: ANN401
    """The type without `| None`, and whether it had that."""
    if get_origin(kind) not in (Union, UnionType) or NoneType not in get_args(kind):
        return kind, False
    others = [item for item in get_args(kind) if item is not NoneType]
    return (others[0] if len(others) == 1 else kind), True


def _refuse_invalid_default(parameter: Parameter) -> None:
    try:
        msgspec.convert(parameter.default, parameter.type)
    except msgspec.ValidationError as error:
        message = f"the default of its parameter {parameter.name} is not of the parameter's type: {error}"
        raise _InvalidFunctionError(message) from error

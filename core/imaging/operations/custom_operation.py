"""A company's own function as an operation: docs/reference/company-code.md is its contract.

The function's module is loaded by the worker's child alone, which says in a Description what it found. Both sides
build the same parameters from that, and only the child's kind has the function in it.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import msgspec
from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.domain.model import Value
from core.imaging.operations.base import Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.imaging.raster import Raster

#: What an annotation may be, by the name it is sent under.
PLAIN: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, str)}
#: The constraints of msgspec.Meta that are honoured.
CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")

Plain = bool | int | float | str | None


class Parameter(Value, frozen=True, kw_only=True):
    """One keyword parameter: of a plain type, or one of `choices`; None too where it is `optional`."""

    name: str
    kind: str = ""
    choices: tuple[int | str, ...] = ()
    constraints: dict[str, int | float | str] = msgspec.field(default_factory=dict)
    optional: bool = False
    required: bool = True
    default: Plain = None

    @property
    def type(self) -> Any:  # noqa: ANN401 - a type, as annotations have it
        """The annotation that msgspec validates by. Raises TypeError where the constraints do not fit it."""
        kind: Any = Literal[self.choices] if self.choices else PLAIN[self.kind]
        if self.constraints:
            kind = Annotated[kind, Meta(**cast("Any", self.constraints))]
        return kind | None if self.optional else kind


class Description(Value, frozen=True, kw_only=True):
    """A function as the child found it: `reference` is where, `version` names its package: `acme_pictures 1.2.0`."""

    name: str
    reference: str
    version: str
    documentation: str = ""
    parameters: tuple[Parameter, ...] = ()


class CompanyOperation(Operation, frozen=True):
    """The base of the kinds that `build` makes. Their fields begin with `_`, so that a parameter may have any name."""

    description: ClassVar[Description]
    function: ClassVar[Callable[..., object] | None] = None

    def apply(self, raster: "Raster") -> "Raster":
        """Call the function. Whatever it raises is left to the caller, its traceback in the log.

        Raises ImageFailure(OPERATION_FAILED) for what it must not return.
        """
        import traceback

        if self.function is None:
            raise NotImplementedError("the company's code is in the worker's child alone")
        values = {field.encode_name: getattr(self, field.name) for field in msgspec.structs.fields(self)}
        try:
            returned = self.function(_read_only(raster), **values)
        except Exception:
            traceback.print_exc()
            raise
        return self._taken(returned, raster)

    def _taken(self, returned: object, given: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.raster import Raster

        depth = given.pixels.dtype
        if not isinstance(returned, np.ndarray):
            raise self._fault(_named(returned), depth.name)
        if returned.dtype != depth:
            raise self._fault(f"an array of {returned.dtype}", depth.name)
        pixels = returned[:, :, np.newaxis] if returned.ndim == 2 else returned  # noqa: PLR2004 - grey, without its axis
        if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or not pixels.size:  # noqa: PLR2004 - as Raster has it
            raise self._fault(f"an array of shape {returned.shape}", depth.name)
        return Raster(np.ascontiguousarray(pixels))

    def _fault(self, what: str, depth: str) -> ImageFailure:
        message = (
            f"{self.description.reference} returned {what}. It must return an array of {depth}, as the image it was "
            "given is, of shape (height, width) or (height, width, channels), with 1 to 4 channels."
        )
        return ImageFailure(Code.OPERATION_FAILED, message)


def build(description: Description, function: Callable[..., object] | None = None) -> type[CompanyOperation]:
    """The operation of that description. Raises TypeError or ValueError where its parameters cannot be."""
    fields = []
    for parameter in description.parameters:
        default = {} if parameter.required else {"default": parameter.default}
        fields.append((f"_{parameter.name}", parameter.type, msgspec.field(name=parameter.name, **default)))
    kind = msgspec.defstruct(
        description.name,
        fields,
        bases=(CompanyOperation,),
        namespace={
            "__doc__": description.documentation,
            "description": description,
            "function": staticmethod(function) if function else None,
        },
        tag=description.name,
        frozen=True,
        kw_only=True,
    )
    return cast("type[CompanyOperation]", kind)


def versions(steps: Iterable[Operation]) -> dict[str, str]:
    """The company's operations among `steps`, each with its package's version."""
    own = (step.description for step in steps if isinstance(step, CompanyOperation))
    return {description.name: description.version for description in own}


def _read_only(raster: "Raster") -> "NDArray[Any]":
    """The pixels, not copied, and not to be made writeable again: the buffer below them is not."""
    import numpy as np

    return np.asarray(raster.pixels.data.toreadonly())


def _named(returned: object) -> str:
    if returned is None:
        return "None"
    kind = type(returned)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"something of type {name}"

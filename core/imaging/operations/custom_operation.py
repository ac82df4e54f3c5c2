"""Operations made of a company's own functions: docs/reference/company-code.md is the contract.

Only the worker's child loads the module of such a function, and reports it as a Description. Parent and child build the
same class of parameters from it; only the child's class holds the function.
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

#: The types that annotations may have, by the names under which they are sent.
PLAIN: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, str)}
#: The constraints of msgspec.Meta that are supported.
CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")

Plain = bool | int | float | str | None


class Parameter(Value, frozen=True, kw_only=True):
    """One keyword parameter: of the plain type `kind`, or one of `choices`; or None, if it is `optional`."""

    name: str
    kind: str = ""
    choices: tuple[int | str, ...] = ()
    constraints: dict[str, int | float | str] = msgspec.field(default_factory=dict)
    optional: bool = False
    required: bool = True
    default: Plain = None

    @property
    def type(self) -> Any:  # noqa: ANN401 - a type, as annotations have it
        """The annotation for msgspec. Raises TypeError if the constraints do not fit the type."""
        kind: Any = Literal[self.choices] if self.choices else PLAIN[self.kind]
        if self.constraints:
            kind = Annotated[kind, Meta(**cast("Any", self.constraints))]
        return kind | None if self.optional else kind


class Description(Value, frozen=True, kw_only=True):
    """A function: `reference` is its address, `version` its package with the version, as `acme_pictures 1.2.0`."""

    name: str
    reference: str
    version: str
    documentation: str = ""
    parameters: tuple[Parameter, ...] = ()


class CustomOperation(Operation, frozen=True):
    """The base of the classes that `build` makes. Their fields begin with `_`: a parameter may have any name."""

    description: ClassVar[Description]
    function: ClassVar[Callable[..., object] | None] = None

    def apply(self, raster: "Raster") -> "Raster":
        """Call the function. Its exceptions are logged with their tracebacks, and raised again.

        Raises ImageFailure(OPERATION_FAILED) if it returns no valid array.
        """
        import traceback

        if self.function is None:
            raise NotImplementedError("only the worker's child has the code")
        values = {field.encode_name: getattr(self, field.name) for field in msgspec.structs.fields(self)}
        try:
            returned = self.function(_read_only(raster), **values)
        except Exception:
            traceback.print_exc()
            raise
        return self._to_raster(returned, raster)

    def _to_raster(self, returned: object, given: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.raster import Raster

        depth = given.pixels.dtype
        if not isinstance(returned, np.ndarray):
            raise self._fault(_describe(returned), depth.name)
        if returned.dtype != depth:
            raise self._fault(f"an array of {returned.dtype}", depth.name)
        pixels = returned[:, :, np.newaxis] if returned.ndim == 2 else returned  # noqa: PLR2004 - grey without its axis
        if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or not pixels.size:  # noqa: PLR2004 - the shape of a Raster
            raise self._fault(f"an array of shape {returned.shape}", depth.name)
        return Raster(np.ascontiguousarray(pixels))

    def _fault(self, returned: str, depth: str) -> ImageFailure:
        message = (
            f"{self.description.reference} returned {returned}. It must return an array of {depth}, like the image "
            "that it received, of shape (height, width) or (height, width, channels), with 1 to 4 channels."
        )
        return ImageFailure(Code.OPERATION_FAILED, message)


def build(description: Description, function: Callable[..., object] | None = None) -> type[CustomOperation]:
    """Make the class of an operation. Raises TypeError or ValueError if its parameters are impossible."""
    fields = []
    for parameter in description.parameters:
        default = {} if parameter.required else {"default": parameter.default}
        fields.append((f"_{parameter.name}", parameter.type, msgspec.field(name=parameter.name, **default)))
    kind = msgspec.defstruct(
        description.name,
        fields,
        bases=(CustomOperation,),
        namespace={
            "__doc__": description.documentation,
            "description": description,
            "function": staticmethod(function) if function else None,
        },
        tag=description.name,
        frozen=True,
        kw_only=True,
    )
    return cast("type[CustomOperation]", kind)


def versions(steps: Iterable[Operation]) -> dict[str, str]:
    """The names of the company's operations among `steps`, with the version of each one's package."""
    descriptions = (step.description for step in steps if isinstance(step, CustomOperation))
    return {description.name: description.version for description in descriptions}


def _read_only(raster: "Raster") -> "NDArray[Any]":
    """The pixels without a copy. Their buffer is read-only, so that the array cannot be made writeable."""
    import numpy as np

    return np.asarray(raster.pixels.data.toreadonly())


def _describe(returned: object) -> str:
    if returned is None:
        return "None"
    kind = type(returned)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"something of type {name}"

"""What every operation is: frozen, validated parameters, and one pure function from raster to raster."""

from typing import TYPE_CHECKING, ClassVar

import msgspec

if TYPE_CHECKING:
    from core.model import Raster


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="operation"):
    """One step of a pipeline. Subclasses carry their parameters as fields, and their name as `tag`.

    `apply` is pure: it returns a new raster and never writes to its input's pixels. It accepts one to four
    channels, uint8 and uint16, and any size from 1 x 1. It imports OpenCV inside, since the parent process
    reads parameters and must not load it.
    """

    #: Measurement: how many pixels around a pixel decide its value; None when the whole image does.
    radius: ClassVar[int | None] = None

    def apply(self, raster: "Raster") -> "Raster":
        """The operation itself. Raises ImageFailure(OPERATION_FAILED) when it cannot be done."""
        raise NotImplementedError

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """The size, in pixels, of what `apply` returns for an image of `width` x `height`."""
        return width, height

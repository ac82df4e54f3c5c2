"""The base class of operations: frozen, validated parameters, and one pure function from raster to raster.

Types of parameters and arithmetic that several operations share are here too. Nothing here loads NumPy.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from core.imaging.raster import Raster

#: Pixels in a band: intermediate values of 16 bytes a pixel, as colours weighted by alpha take, are then 64 MB.
BAND_PIXELS = 4 * 2**20
_BAND_RADII = 4  # the least height of a band, in radii: at most half of the work is done twice

Side = Annotated[int, Meta(ge=1, le=65_536)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class Gravity(StrEnum):
    """The place of a smaller box in a larger one: the centre, a side or a corner."""

    CENTER = "center"
    NORTH = "north"
    NORTHEAST = "northeast"
    EAST = "east"
    SOUTHEAST = "southeast"
    SOUTH = "south"
    SOUTHWEST = "southwest"
    WEST = "west"
    NORTHWEST = "northwest"

    def place(self, outer: tuple[int, int], inner: tuple[int, int], margin: int = 0) -> tuple[int, int]:
        """The left top corner (x, y) of a box of size `inner` in a box of size `outer`, both (width, height) in pixels.

        `margin` is the distance in pixels to the sides towards which the box is placed.
        """
        free_x, free_y = outer[0] - inner[0], outer[1] - inner[1]
        x = free_x // 2
        y = free_y // 2
        if "west" in self:
            x = min(margin, free_x)
        elif "east" in self:
            x = max(free_x - margin, 0)
        if "north" in self:
            y = min(margin, free_y)
        elif "south" in self:
            y = max(free_y - margin, 0)
        return x, y


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="operation"):
    """One step of a pipeline. A subclass has its parameters as fields, and its name as `tag`.

    `apply` is pure: it returns a new raster and never writes to its input's pixels. It accepts one to four channels,
    uint8 and uint16, from 1 x 1 pixels. It imports OpenCV inside the method, since the parent process reads parameters
    and must not load it. `__post_init__` raises ValueError for parameters that exclude each other.
    """

    @property
    def radius(self) -> int | None:
        """The distance in pixels up to which other pixels decide the value of a pixel; None if there is no limit."""
        return None

    def apply(self, raster: "Raster") -> "Raster":
        """Process `raster`. Raises ImageFailure(OPERATION_FAILED) if the operation is impossible for it."""
        raise NotImplementedError

    def settled(self, raster: "Raster") -> "Operation":
        """The same operation with every value that depends on pixels taken from `raster`: a box, an angle, a gain.

        All frames of an animation are processed by the operation that its first frame settles.
        """
        del raster
        return self

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """The size (width, height) that `apply` returns for an image of `width` x `height` pixels.

        If the size depends on pixels, as in trimming, it is an upper bound of each side.
        """
        return width, height

    def output_channels(self, channels: int) -> int:
        """The number of channels, 1 to 4, that `apply` returns for an image of `channels`."""
        return channels

    def resolved(self, folder: Path) -> Self:
        """The same operation with absolute paths of its files; relative ones are in `folder`.

        Called when a pipeline is loaded. Raises ValueError if a file is missing.
        """
        del folder
        return self


class Measurement(Operation, frozen=True):
    """A step that measures the image and does not change it. The result holds its value under its name."""

    def apply(self, raster: "Raster") -> "Raster":
        return raster

    @property
    def side(self) -> int | None:
        """The longer side in pixels that suffices for the measurement; None if it needs every pixel."""
        return None

    def measure(self, raster: "Raster") -> float | str:
        """A finite number, or a text if the value is no quantity. Raises as `apply` does."""
        raise NotImplementedError


def band_rows(width: int, radius: int, pixels: int = BAND_PIXELS) -> int:
    """The rows of a band of an image of `width` pixels, without the `radius` of rows above and below it."""
    return max(1, pixels // width, _BAND_RADII * radius)


def resolve_file(folder: Path, name: str) -> str:
    """The absolute path of the file `name` in `folder`. Raises ValueError if there is no such file."""
    path = (folder / name).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return str(path)

"""What every operation is: frozen, validated parameters, and one pure function from raster to raster.

What several operations share of parameters and arithmetic is here too; nothing of it needs NumPy.
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
    """Where something smaller lies in something larger: the middle, or towards a side or corner."""

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
        """The left top corner (x, y) of a box of size `inner` in one of size `outer`, both (width, height)."""
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
    """One step of a pipeline. Subclasses carry their parameters as fields, and their name as `tag`.

    `apply` is pure: it returns a new raster and never writes to its input's pixels. It accepts one to four
    channels, uint8 and uint16, and any size from 1 x 1. It imports OpenCV inside, since the parent process
    reads parameters and must not load it. What parameters exclude together is said by `__post_init__`, as
    ValueError.
    """

    @property
    def radius(self) -> int | None:
        """How many pixels around a pixel decide its value; None where more than a neighbourhood does."""
        return None

    def apply(self, raster: "Raster") -> "Raster":
        """The operation itself. Raises ImageFailure(OPERATION_FAILED) when it cannot be done."""
        raise NotImplementedError

    def settled(self, raster: "Raster") -> "Operation":
        """The same operation, with all that it reads from the pixels read from those of `raster`, once and for all.

        So are an animation's frames done as its first is: with the same box, the same angle, the same gain.
        """
        del raster
        return self

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """The size, in pixels, of what `apply` returns for an image of `width` x `height`.

        Where pixels decide on it, as in trimming, an upper bound of either side.
        """
        return width, height

    def output_channels(self, channels: int) -> int:
        """How many channels, 1 to 4, `apply` returns for so many."""
        return channels

    def resolved(self, folder: Path) -> Self:
        """The same operation with the files it names made absolute; relative ones lie in `folder`.

        Called once, when a pipeline is loaded. Raises ValueError where such a file is missing.
        """
        del folder
        return self


class Measurement(Operation, frozen=True):
    """A step that looks at the image and leaves it as it is; what it finds stands in the result, under its name."""

    def apply(self, raster: "Raster") -> "Raster":
        return raster

    @property
    def side(self) -> int | None:
        """The longer side, in pixels, that is enough for it; None where it needs every pixel."""
        return None

    def measure(self, raster: "Raster") -> float | str:
        """A finite number, or text where it is no quantity. Raises as `apply` does."""
        raise NotImplementedError


def band_rows(width: int, radius: int, pixels: int = BAND_PIXELS) -> int:
    """The rows of a band of an image of `width` pixels, without the `radius` of rows above and below it."""
    return max(1, pixels // width, _BAND_RADII * radius)


def existing_file(folder: Path, name: str) -> str:
    """The absolute path of `name` in `folder`. Raises ValueError where there is none."""
    path = (folder / name).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return str(path)

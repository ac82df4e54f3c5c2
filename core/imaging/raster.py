"""Decoded pixels as one value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Raster:
    """Decoded pixels, upright, in sRGB.

    `pixels` has shape (height, width, channels), always three axes, C-contiguous, dtype uint8 or uint16.
    Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha; alpha is straight, not premultiplied.
    `opaque` is set for a band: whether the whole image is opaque, so that all bands are processed alike.
    """

    pixels: "NDArray[Any]"
    opaque: bool | None = None

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)

    @property
    def is_opaque(self) -> bool:
        """Whether every pixel is opaque."""
        if self.opaque is None:
            return not self.has_alpha or int(self.pixels[..., -1].min()) == self.white
        return self.opaque

    @property
    def white(self) -> int:
        """The largest value a channel holds: 255 or 65,535."""
        return (1 << (8 * self.pixels.itemsize)) - 1

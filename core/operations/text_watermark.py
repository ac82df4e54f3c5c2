"""A line of text over the image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

from core.operations.base import Fraction, Gravity, Operation, existing_file
from core.output import Colour, rgba

if TYPE_CHECKING:
    from core.model import Raster
    from core.operations.pixels import Pixels


class TextWatermark(Operation, frozen=True, tag="text-watermark", kw_only=True):
    """Write `text` over the image. It shrinks where it would not fit; lines are broken at line breaks."""

    #: What is written. The built-in font holds Latin letters; for others give a `font`.
    text: Annotated[str, Meta(min_length=1, max_length=500)]
    #: The letters' height as a fraction of the image's shorter side.
    size: Annotated[float, Meta(gt=0, le=1)] = 0.05
    #: The letters' colour.
    color: Colour = "#ffffff"
    #: 0 is invisible, 1 opaque.
    opacity: Fraction = 0.5
    #: Where the text stands.
    gravity: Gravity = Gravity.SOUTHEAST
    #: The space to the image's edges, as a fraction of its shorter side.
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.03
    #: A TrueType or OpenType file, relative to the pipeline's folder; the built-in font where it is empty.
    font: str = ""

    def resolved(self, folder: Path) -> Self:
        if not self.font:
            return self
        return msgspec.structs.replace(self, font=existing_file(folder, self.font))

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.operations.pixels import fill_value, laid_over

        shorter = min(raster.width, raster.height)
        margin = min(round(self.margin * shorter), (shorter - 1) // 2)
        room = raster.width - 2 * margin, raster.height - 2 * margin
        mask = _fitted(self._drawn(self.size * shorter), room)
        opacity = self.opacity * rgba(self.color)[3] / 255
        coverage = mask.astype(np.float32)[..., np.newaxis] * np.float32(opacity / 255)
        colour = np.array(fill_value(raster, self.color)[: raster.channels - raster.has_alpha], np.float32)
        size = mask.shape[1], mask.shape[0]
        place = self.gravity.place((raster.width, raster.height), size, margin)
        return laid_over(raster, colour, coverage, place)

    def _drawn(self, height: float) -> "Pixels":
        """The text's coverage, (h, w) uint8, as tight as the letters are."""
        import numpy as np
        from PIL import Image, ImageDraw, ImageFont

        points = min(max(height, 8.0), 2000.0)  # below 8 letters lose their shape: they are drawn, then shrunk
        font = ImageFont.truetype(self.font, points) if self.font else ImageFont.load_default(points)
        left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), self.text, font)
        size = max(1, round(right - left)), max(1, round(bottom - top))
        image = Image.new("L", size)
        ImageDraw.Draw(image).multiline_text((-left, -top), self.text, 255, font)
        drawn = np.asarray(image)
        scale = height / points
        return drawn if scale == 1 else _fitted(drawn, (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))))


def _fitted(mask: "Pixels", room: tuple[int, int]) -> "Pixels":
    """The mask shrunk, its shape kept, where it is larger than `room` (width, height)."""
    import cv2

    height, width = mask.shape
    scale = min(room[0] / width, room[1] / height, 1)
    if scale == 1:
        return mask
    return cv2.resize(mask, (max(1, int(width * scale)), max(1, int(height * scale))), interpolation=cv2.INTER_AREA)

"""A line of text over the image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.domain.outputs import Colour, rgba
from core.imaging.operations.base import Fraction, Gravity, Operation, existing_file

if TYPE_CHECKING:
    import cv2

    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# Pixels. Below, letters lose their shape, and are drawn larger, then shrunk; above, they are all image.
_SMALLEST, _LARGEST = 10, 2000
# Pixels that a text is measured at, to know about how large it would be: OpenCV draws every letter to measure it, which
# takes seconds for some hundred of the largest.
_MEASURED = 100


class TextWatermark(Operation, frozen=True, tag="text-watermark", kw_only=True):
    """Write `text` over the image. It shrinks where it would not fit; lines are broken at line breaks."""

    #: What is written. The built-in font holds Latin, Greek, Cyrillic, Arabic, Chinese and Japanese letters.
    text: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
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
    #: A TrueType file, relative to the pipeline's folder; the built-in font where it is empty.
    font: str = ""

    def resolved(self, folder: Path) -> Self:
        if not self.font:
            return self
        return msgspec.structs.replace(self, font=existing_file(folder, self.font))

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import fill_value, laid_over

        shorter = min(raster.width, raster.height)
        margin = min(round(self.margin * shorter), (shorter - 1) // 2)
        room = raster.width - 2 * margin, raster.height - 2 * margin
        mask = _fitted(self._drawn(self.size * shorter, room), room)
        opacity = self.opacity * rgba(self.color)[3] / 255
        coverage = mask.astype(np.float32)[..., np.newaxis] * np.float32(opacity / 255)
        colour = np.array(fill_value(raster, self.color)[: raster.channels - raster.has_alpha], np.float32)
        size = mask.shape[1], mask.shape[0]
        place = self.gravity.place((raster.width, raster.height), size, margin)
        return laid_over(raster, colour, coverage, place)

    def _drawn(self, height: float, room: tuple[int, int]) -> "Pixels":
        """The text's coverage, (h, w) uint8, cut to what is not empty.

        What is far too large for `room` (width, height) is drawn twice as large as that: the rest is shrunk away.
        """
        import cv2
        import numpy as np

        points = min(max(round(height), _SMALLEST), _LARGEST)
        face = cv2.FontFace("sans")
        if self.font and not face.set(self.font):
            raise ImageFailure(Code.OPERATION_FAILED, f"The font of text-watermark cannot be read: {self.font}.")
        texts = self.text.splitlines()
        measured = min(points, _MEASURED)
        length = max(_length(face, text, measured) for text in texts) * points // measured
        natural = length, max(1, len(texts) * points * 5 // 4)
        points = max(min(_SMALLEST, points), min(points, round(2 * points * _scale(natural, room))))
        lines = [_line(face, text, points) for text in texts]
        mask = np.zeros((len(lines) * points * 5 // 4 + 2 * points, max(line.shape[1] for line in lines)), np.uint8)
        for number, line in enumerate(lines):
            top = number * points * 5 // 4
            part = mask[top : top + line.shape[0], : line.shape[1]]
            np.maximum(part, line, out=part)
        rows, columns = np.nonzero(mask.max(axis=1))[0], np.nonzero(mask.max(axis=0))[0]
        if not rows.size:
            return np.zeros((1, 1), np.uint8)
        drawn = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        scale = min(height / points, 1)
        return _fitted(drawn, (max(1, round(drawn.shape[1] * scale)), max(1, round(drawn.shape[0] * scale))))


def _length(face: "cv2.FontFace", text: str, points: int) -> int:
    """How wide a line is, in pixels, 1 or more."""
    import cv2

    return max(1, cv2.getTextSize((1 << 24, points), text, (0, 0), face, points)[2])


def _scale(size: tuple[int, int], room: tuple[int, int]) -> float:
    """By how much `size` must shrink to fit into `room`, both (width, height); 1 where it need not."""
    return min(room[0] / size[0], room[1] / size[1], 1)


def _line(face: "cv2.FontFace", text: str, points: int) -> "Pixels":
    """One line's coverage, three times as high as its letters, its first baseline at two thirds."""
    import cv2
    import numpy as np

    mask = np.zeros((3 * points, _length(face, text, points) + 3 * points), np.uint8)
    cv2.putText(mask, text, (points, 2 * points), (255,), face, points)
    return mask


def _fitted(mask: "Pixels", room: tuple[int, int]) -> "Pixels":
    """The mask shrunk, its shape kept, where it is larger than `room` (width, height)."""
    import cv2

    height, width = mask.shape
    scale = _scale((width, height), room)
    if scale == 1:
        return mask
    return cv2.resize(mask, (max(1, int(width * scale)), max(1, int(height * scale))), interpolation=cv2.INTER_AREA)

"""Drawing text over the image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.domain.outputs import Colour, to_rgba
from core.imaging.operations.base import Fraction, Gravity, Operation, resolve_file

if TYPE_CHECKING:
    import cv2

    from core.imaging.operations.pixels import Pixels
    from core.imaging.raster import Raster

# The heights in pixels at which letters are drawn. Smaller letters would lose their shape: they are drawn larger, then
# shrunk. Larger ones would fill any image.
_SMALLEST, _LARGEST = 10, 2000
# The height in pixels at which a text is measured to estimate its width: OpenCV draws every letter to measure it, which
# takes seconds for some hundred of the largest letters.
_MEASURED_HEIGHT = 100


class TextWatermark(Operation, frozen=True, tag="text-watermark", kw_only=True):
    """Write `text` over the image. A text that does not fit is shrunk. Line breaks begin new lines."""

    #: The text. The built-in font has Latin, Greek, Cyrillic, Arabic, Chinese and Japanese letters.
    text: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
    #: The letters' height as a fraction of the image's shorter side.
    size: Annotated[float, Meta(gt=0, le=1)] = 0.05
    #: The letters' colour.
    color: Colour = "#ffffff"
    #: 0 is invisible, 1 opaque.
    opacity: Fraction = 0.5
    #: The place of the text.
    gravity: Gravity = Gravity.SOUTHEAST
    #: The distance to the image's edges, as a fraction of its shorter side.
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.03
    #: A TrueType file, relative to the pipeline's folder; if empty, the built-in font.
    font: str = ""

    def resolved(self, folder: Path) -> Self:
        if not self.font:
            return self
        return msgspec.structs.replace(self, font=resolve_file(folder, self.font))

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.pixels import draw_over, fill_value

        shorter = min(raster.width, raster.height)
        margin = min(round(self.margin * shorter), (shorter - 1) // 2)
        room = raster.width - 2 * margin, raster.height - 2 * margin
        mask = _shrink(self._draw(self.size * shorter, room), room)
        opacity = self.opacity * to_rgba(self.color)[3] / 255
        coverage = mask.astype(np.float32)[..., np.newaxis] * np.float32(opacity / 255)
        colour = np.array(fill_value(raster, self.color)[: raster.channels - raster.has_alpha], np.float32)
        size = mask.shape[1], mask.shape[0]
        place = self.gravity.place((raster.width, raster.height), size, margin)
        return draw_over(raster, colour, coverage, place)

    def _draw(self, height: float, room: tuple[int, int]) -> "Pixels":
        """The text's coverage, (h, w) uint8, without empty borders; letters are `height` pixels high.

        A text that is too large for `room` (width, height) is drawn at up to twice that size, and shrunk later.
        """
        import cv2
        import numpy as np

        points = min(max(round(height), _SMALLEST), _LARGEST)
        face = cv2.FontFace("sans")
        if self.font and not face.set(self.font):
            raise ImageFailure(Code.OPERATION_FAILED, f"The font of text-watermark cannot be read: {self.font}.")
        texts = self.text.splitlines()
        measured = min(points, _MEASURED_HEIGHT)
        length = max(_line_width(face, text, measured) for text in texts) * points // measured
        natural = length, max(1, len(texts) * points * 5 // 4)
        points = max(min(_SMALLEST, points), min(points, round(2 * points * _scale(natural, room))))
        lines = [_draw_line(face, text, points) for text in texts]
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
        return _shrink(drawn, (max(1, round(drawn.shape[1] * scale)), max(1, round(drawn.shape[0] * scale))))


def _line_width(face: "cv2.FontFace", text: str, points: int) -> int:
    """The width of a line in pixels, 1 or more."""
    import cv2

    return max(1, cv2.getTextSize((1 << 24, points), text, (0, 0), face, points)[2])


def _scale(size: tuple[int, int], room: tuple[int, int]) -> float:
    """The factor, at most 1, by which `size` fits into `room`, both (width, height)."""
    return min(room[0] / size[0], room[1] / size[1], 1)


def _draw_line(face: "cv2.FontFace", text: str, points: int) -> "Pixels":
    """The coverage of one line: three times as high as its letters, the baseline at two thirds of the height."""
    import cv2
    import numpy as np

    mask = np.zeros((3 * points, _line_width(face, text, points) + 3 * points), np.uint8)
    cv2.putText(mask, text, (points, 2 * points), (255,), face, points)
    return mask


def _shrink(mask: "Pixels", room: tuple[int, int]) -> "Pixels":
    """The mask, shrunk to fit into `room` (width, height) with its aspect ratio."""
    import cv2

    height, width = mask.shape
    scale = _scale((width, height), room)
    if scale == 1:
        return mask
    return cv2.resize(mask, (max(1, int(width * scale)), max(1, int(height * scale))), interpolation=cv2.INTER_AREA)

"""The catalogue of operations, by the names that pipelines use. One operation, one file, one line here."""

from collections.abc import Mapping

from core.operations.attention_crop import AttentionCrop
from core.operations.base import Operation
from core.operations.blur import Blur
from core.operations.contrast import Contrast
from core.operations.crop import Crop
from core.operations.denoise import Denoise
from core.operations.deskew import Deskew
from core.operations.flip import Flip
from core.operations.grayscale import Grayscale
from core.operations.image_watermark import ImageWatermark
from core.operations.pad import Pad
from core.operations.perspective import Perspective
from core.operations.pixelate import Pixelate
from core.operations.resize import Resize
from core.operations.rotate import Rotate
from core.operations.sharpen import Sharpen
from core.operations.text_watermark import TextWatermark
from core.operations.trim import Trim

_KINDS: tuple[type[Operation], ...] = (
    AttentionCrop,
    Blur,
    Contrast,
    Crop,
    Denoise,
    Deskew,
    Flip,
    Grayscale,
    ImageWatermark,
    Pad,
    Perspective,
    Pixelate,
    Resize,
    Rotate,
    Sharpen,
    TextWatermark,
    Trim,
)

#: Operations by the names that pipelines use: those that are shipped, or these and a company's own.
Catalogue = Mapping[str, type[Operation]]

OPERATIONS: dict[str, type[Operation]] = {str(kind.__struct_config__.tag): kind for kind in _KINDS}

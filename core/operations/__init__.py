"""The catalogue of operations, by the names that pipelines use. One operation, one file, one line here."""

from collections.abc import Mapping

from core.operations.base import Operation
from core.operations.blur import Blur
from core.operations.contrast import Contrast
from core.operations.crop import Crop
from core.operations.denoise import Denoise
from core.operations.flip import Flip
from core.operations.grayscale import Grayscale
from core.operations.image_watermark import ImageWatermark
from core.operations.resize import Resize
from core.operations.rotate import Rotate
from core.operations.sharpen import Sharpen
from core.operations.text_watermark import TextWatermark

_KINDS: tuple[type[Operation], ...] = (
    Blur,
    Contrast,
    Crop,
    Denoise,
    Flip,
    Grayscale,
    ImageWatermark,
    Resize,
    Rotate,
    Sharpen,
    TextWatermark,
)

#: Operations by the names that pipelines use: those that are shipped, or these and a company's own.
Catalogue = Mapping[str, type[Operation]]

OPERATIONS: dict[str, type[Operation]] = {str(kind.__struct_config__.tag): kind for kind in _KINDS}

"""The catalogue of operations, by the names that pipelines use. One operation, one file, one line here."""

from collections.abc import Mapping

from core.operations.attention_crop import AttentionCrop
from core.operations.base import Operation
from core.operations.bilateral_blur import BilateralBlur
from core.operations.blur import Blur
from core.operations.brightness import Brightness
from core.operations.color_map import ColorMap
from core.operations.contrast import Contrast
from core.operations.crop import Crop
from core.operations.denoise import Denoise
from core.operations.deskew import Deskew
from core.operations.detail import Detail
from core.operations.flip import Flip
from core.operations.gamma import Gamma
from core.operations.grayscale import Grayscale
from core.operations.image_watermark import ImageWatermark
from core.operations.median_blur import MedianBlur
from core.operations.pad import Pad
from core.operations.perceptual_hash import PerceptualHash
from core.operations.perspective import Perspective
from core.operations.pixelate import Pixelate
from core.operations.resize import Resize
from core.operations.rotate import Rotate
from core.operations.saturation import Saturation
from core.operations.sharpen import Sharpen
from core.operations.sharpness import Sharpness
from core.operations.stylize import Stylize
from core.operations.text_watermark import TextWatermark
from core.operations.threshold import Threshold
from core.operations.trim import Trim
from core.operations.white_balance import WhiteBalance

_KINDS: tuple[type[Operation], ...] = (
    AttentionCrop,
    BilateralBlur,
    Blur,
    Brightness,
    ColorMap,
    Contrast,
    Crop,
    Denoise,
    Deskew,
    Detail,
    Flip,
    Gamma,
    Grayscale,
    ImageWatermark,
    MedianBlur,
    Pad,
    PerceptualHash,
    Perspective,
    Pixelate,
    Resize,
    Rotate,
    Saturation,
    Sharpen,
    Sharpness,
    Stylize,
    TextWatermark,
    Threshold,
    Trim,
    WhiteBalance,
)

#: Operations by the names that pipelines use: those that are shipped, or these and a company's own.
Catalogue = Mapping[str, type[Operation]]

OPERATIONS: dict[str, type[Operation]] = {str(kind.__struct_config__.tag): kind for kind in _KINDS}

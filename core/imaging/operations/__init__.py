"""The catalogue of operations by the names that pipelines use. A new operation is a module and a line here."""

from collections.abc import Mapping

from core.imaging.operations.attention_crop import AttentionCrop
from core.imaging.operations.base import Operation
from core.imaging.operations.bilateral_blur import BilateralBlur
from core.imaging.operations.blur import Blur
from core.imaging.operations.brightness import Brightness
from core.imaging.operations.color_map import ColorMap
from core.imaging.operations.contrast import Contrast
from core.imaging.operations.crop import Crop
from core.imaging.operations.denoise import Denoise
from core.imaging.operations.deskew import Deskew
from core.imaging.operations.detail import Detail
from core.imaging.operations.flip import Flip
from core.imaging.operations.gamma import Gamma
from core.imaging.operations.grayscale import Grayscale
from core.imaging.operations.image_watermark import ImageWatermark
from core.imaging.operations.median_blur import MedianBlur
from core.imaging.operations.pad import Pad
from core.imaging.operations.perceptual_hash import PerceptualHash
from core.imaging.operations.perspective import Perspective
from core.imaging.operations.pixelate import Pixelate
from core.imaging.operations.resize import Resize
from core.imaging.operations.rotate import Rotate
from core.imaging.operations.saturation import Saturation
from core.imaging.operations.sharpen import Sharpen
from core.imaging.operations.sharpness import Sharpness
from core.imaging.operations.stylize import Stylize
from core.imaging.operations.text_watermark import TextWatermark
from core.imaging.operations.threshold import Threshold
from core.imaging.operations.trim import Trim
from core.imaging.operations.white_balance import WhiteBalance

_SHIPPED: tuple[type[Operation], ...] = (
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

#: Operations by the names that pipelines use: the shipped ones, with or without a company's own.
Catalogue = Mapping[str, type[Operation]]

OPERATIONS: dict[str, type[Operation]] = {str(kind.__struct_config__.tag): kind for kind in _SHIPPED}

"""Decoding a file to a raster.

OpenCV decodes. Pillow decodes the files that OpenCV does not read, or reads wrongly: CMYK, LAB, palettes in TIFF, 8-bit
TIFF with alpha, which libtiff premultiplies. core.imaging.codec.second_decoder decodes the rarer formats.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageHeader
from core.imaging.codec import colour, deep_tiff, layout, png_colour_profile, second_decoder
from core.imaging.codec.cv2_errors import translate_errors
from core.imaging.formats import avif, jpeg, png, readers, tiff, tiff_directory, webp
from core.imaging.formats.tiff_ifd import Tag
from core.imaging.header import icc_profile, open_image
from core.imaging.raster import Raster

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Pixels = NDArray[Any]

_JPEG_FLAGS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB}
_REDUCED = {
    1: {2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 8: cv2.IMREAD_REDUCED_GRAYSCALE_8},
    3: {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8},
}


def decode(path: Path, header: ImageHeader, reduction: int = 1) -> Raster:
    """The first frame of the file at `path`, upright, in sRGB, with its alpha and its depth.

    `header` is the one that core.imaging.header read. A `reduction` of 2, 4 or 8 decodes a JPEG at that fraction of
    its size, rounded up, in a fraction of the time; other formats ignore it.
    Raises ImageFailure: CORRUPT_IMAGE, also if pixels are missing at the end; OUT_OF_MEMORY.
    """
    with _translate_decoder_errors(header):
        if header.format == "webp":
            pixels, profile, upright = _decode_by_opencv(path, header, reduction), webp.read(path).icc, False
        elif decoded := second_decoder.read(path, header):
            pixels, profile, upright = *decoded, True
        else:
            pixels, profile, upright = _decode_deep_tiff(path, header) or _decode_common(path, header, reduction)
        pixels = layout.with_channels(pixels, header.channels)
        if not upright:
            pixels = layout.make_upright(pixels, header.orientation)
        if reduction == 1 and pixels.shape[1::-1] != (header.width, header.height):
            raise _corrupt(header, "the number of its pixels differs from its header")
        if profile:
            pixels = colour.to_srgb(pixels, profile)
        return Raster(np.ascontiguousarray(pixels))


def _decode_deep_tiff(path: Path, header: ImageHeader) -> tuple[Pixels, bytes | None, bool] | None:
    """The pixels, the profile, and that they are not upright, of a TIFF for core.imaging.codec.deep_tiff; else None."""
    if header.format != "tiff":
        return None
    directory = tiff_directory.read(path)
    kind = directory.deep_kind if directory else None
    if directory is None or kind is None:
        return None
    profile = bytes(directory.fields.get(Tag.ICC_PROFILE, ()))
    return deep_tiff.read(path, directory, kind), None if kind in {"lab", "cmyk"} else profile or None, False


def _decode_common(path: Path, header: ImageHeader, reduction: int) -> tuple[Pixels, bytes | None, bool]:
    """The pixels, the ICC profile that is still to be applied, and whether the pixels are upright already."""
    with open_image(path, header.format) as image:
        profile = icc_profile(image)
        if image.mode in {"CMYK", "LAB"}:
            return second_decoder.load_by_pillow(image, profile), None, header.format == "tiff"
        if image.mode == "YCbCr" or _needs_pillow(header, image):
            return (
                second_decoder.load_by_pillow(image, None),
                profile,
                True,
            )  # Pillow applies the orientation of TIFF only
        if header.format == "jpeg" and not jpeg.is_complete(path):
            # Perhaps only the end mark is missing. Pillow, unlike OpenCV, fails if pixels are missing.
            return second_decoder.load_by_pillow(image, None), profile, False
        if header.format == "png" and profile is None:
            profile = png_colour_profile.make_profile(png.read_colour(path))
        pixels = _decode_by_opencv(path, header, reduction)
        if isinstance(image, TiffImageFile) and tiff.is_premultiplied(image.tag_v2):
            pixels = layout.unpremultiply(pixels)
        return pixels, profile, False


def _decode_by_opencv(path: Path, header: ImageHeader, reduction: int) -> Pixels:
    """The pixels in RGB order, not yet upright, with two or three axes."""
    if header.format == "jpeg":
        flags = _JPEG_FLAGS[header.channels] if reduction == 1 else _REDUCED[header.channels][reduction]
        pixels = _require_pixels(cv2.imread(str(path), flags | cv2.IMREAD_IGNORE_ORIENTATION), header)
        return pixels if reduction == 1 or header.channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if header.format == "png" and png.exceeds_file(path):
        raise _corrupt(header, "it is damaged or cut short")
    if header.format == "tiff" and header.orientation != 1:
        # OpenCV applies some orientations by itself and refuses the others, so it must not see the field.
        content = np.frombuffer(tiff.without_orientation(path.read_bytes()), np.uint8)
        pixels = _require_pixels(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), header)
    else:
        pixels = _require_pixels(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), header)
    if header.format == "avif" and pixels.dtype == np.uint16:
        bits = avif.read_bits(path)
        pixels = (pixels << (16 - bits)) | (pixels >> (2 * bits - 16))  # full scale: white is 65,535
    return layout.to_rgb(pixels)


def _require_pixels(pixels: Pixels | None, header: ImageHeader) -> Pixels:
    """The pixels. Raises if OpenCV returned none: it does not report why, not even that memory ran out."""
    if pixels is not None:
        if pixels.dtype not in (np.uint8, np.uint16):
            raise _corrupt(header, f"its pixels are of the kind {pixels.dtype}")
        return pixels
    needed = header.width * header.height * header.channels * header.depth // 8
    np.empty(2 * needed, np.uint8)  # raises MemoryError if the raster did not fit
    raise _corrupt(header, "it is damaged or cut short")


def _needs_pillow(header: ImageHeader, image: "ImageFile") -> bool:
    """Whether OpenCV reads this TIFF wrongly: 8 bits with alpha (libtiff premultiplies), a palette, 2 or 4 bits."""
    if not isinstance(image, TiffImageFile) or header.depth != 8:  # noqa: PLR2004
        return False
    few_bits = set(image.tag_v2.get(Tag.BITS, (1,))) & {2, 4}
    return bool(few_bits) or image.mode in {"P", "PA", "LA", "RGBA", "RGBX"}


@contextmanager
def _translate_decoder_errors(header: ImageHeader) -> Iterator[None]:
    """Raise every error of a decoder as ImageFailure."""
    with translate_errors(f"decoding {header.width} x {header.height} pixels", Code.CORRUPT_IMAGE):
        try:
            yield
        except (ImageFailure, MemoryError, cv2.error):
            raise
        except Exception as error:  # Pillow's decoders raise many kinds
            raise _corrupt(header, "it is damaged or cut short") from error


def _corrupt(header: ImageHeader, reason: str) -> ImageFailure:
    name = readers.READERS[header.format].name
    return ImageFailure(Code.CORRUPT_IMAGE, f"The {name} cannot be decoded: {reason}.")

"""File ⇄ Raster: the only place that knows BGR, EXIF's orientations, ICC profiles and imread's flags.

OpenCV decodes and encodes. Pillow decodes what OpenCV does not, or not rightly (CMYK, LAB, palettes in TIFF,
8-bit TIFF with alpha, which libtiff premultiplies). Nothing of the source's metadata reaches an output.
"""

import mmap
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

# The limit is core.planning's, with a code and a number; OpenCV reads its own once, when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 40))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what it would log is raised, with a code

import cv2
import numpy as np
from numpy.typing import NDArray

from core import colour, probe, tiff
from core.errors import Code, ImageFailure
from core.model import ImageFormat, ImageHeader, Raster
from core.pipeline import Output

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

Pixels = NDArray[Any]

#: What `quality` means where the pipeline does not say: near each other to the eye.
QUALITY = {ImageFormat.JPEG: 82, ImageFormat.WEBP: 80, ImageFormat.AVIF: 60}
_SETTINGS: dict[ImageFormat, list[int]] = {
    ImageFormat.JPEG: [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    ImageFormat.PNG: [cv2.IMWRITE_PNG_COMPRESSION, 6],
    ImageFormat.WEBP: [],
    ImageFormat.AVIF: [cv2.IMWRITE_AVIF_SPEED, 8],  # a fifth of the default's time, a few per cent more bytes
    ImageFormat.TIFF: [
        *(cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE),
        *(cv2.IMWRITE_TIFF_PREDICTOR, cv2.IMWRITE_TIFF_PREDICTOR_HORIZONTAL),
    ],
}
_QUALITY_SETTING = {
    ImageFormat.JPEG: cv2.IMWRITE_JPEG_QUALITY,
    ImageFormat.WEBP: cv2.IMWRITE_WEBP_QUALITY,
    ImageFormat.AVIF: cv2.IMWRITE_AVIF_QUALITY,
}
_DEEP = {ImageFormat.PNG, ImageFormat.TIFF}  # can hold 16 bits per channel
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # within a scan, what is not data ends it
_JPEG_FLAGS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB}
_REDUCED = {
    1: {2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 8: cv2.IMREAD_REDUCED_GRAYSCALE_8},
    3: {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8},
}


def decode(path: Path, header: ImageHeader, reduction: int = 1) -> Raster:
    """The first frame of the file at `path`, upright, in sRGB, with its alpha and its depth.

    `header` is what core.probe read of the same file. `reduction` of 2, 4 or 8 lets a JPEG be decoded at that
    fraction of its size, rounded up, in a fraction of the time; other files ignore it.
    Raises ImageFailure: CORRUPT_IMAGE, also when pixels are missing at the end; OUT_OF_MEMORY.
    """
    with _decoding(header), probe.open_image(path, header.format) as image:
        profile = probe.icc_profile(image)
        if image.mode in {"CMYK", "LAB", "YCbCr"} or _is_odd_tiff(header, image):
            pixels, upright = _by_pillow(image, profile), header.format == "tiff"
            profile = None if image.mode in {"CMYK", "LAB"} else profile
        elif header.format == "jpeg" and not _is_complete_jpeg(path):
            # Only the end mark may be missing; Pillow, unlike OpenCV, says so when pixels are.
            pixels, upright = _by_pillow(image, profile), False
        else:
            pixels, upright = _by_opencv(path, header, reduction), False
        pixels = _with_channels(pixels, header.channels)
        if not upright:
            pixels = _upright(pixels, header.orientation)
        if reduction == 1 and pixels.shape[1::-1] != (header.width, header.height):
            raise _corrupt(header, "its pixels are not as many as its header says")
        if profile:
            pixels = colour.to_srgb(pixels, profile)
        return Raster(np.ascontiguousarray(pixels))


def encode(raster: Raster, output: Output, path: Path) -> int:
    """Write `raster` to `path`, whose suffix is that of the output's format; the number of bytes written.

    16 bits per channel become 8, and alpha is laid on the output's background, where the format cannot hold
    them. The same raster gives the same bytes at any number of threads.
    Raises ImageFailure: RESULT_TOO_LARGE, OUT_OF_MEMORY, OPERATION_FAILED when the encoder refuses.
    """
    output.refuse_larger(raster.width, raster.height)
    with _allocating(f"writing {output.format.value}"):
        pixels = raster.pixels
        if pixels.dtype == np.uint16 and output.format not in _DEEP:
            pixels = _to_8_bits(pixels)
        if raster.has_alpha and output.format is ImageFormat.JPEG:
            pixels = _flattened(pixels, output.background_rgb)
        settings = list(_SETTINGS[output.format])
        if output.format in QUALITY:
            quality = output.quality if output.quality is not None else QUALITY[output.format]
            settings += [_QUALITY_SETTING[output.format], quality]
        if not cv2.imwrite(str(path), _to_bgr(pixels), settings):
            raise ImageFailure(
                Code.OPERATION_FAILED,
                f"The {output.format.value} encoder refused an image of {raster.width} x {raster.height} pixels.",
            )
    if output.format is ImageFormat.TIFF and raster.has_alpha:
        tiff.declare_alpha(path)
    return path.stat().st_size


def _by_opencv(path: Path, header: ImageHeader, reduction: int) -> Pixels:
    """The decoder's pixels, RGB order, not yet upright; two or three axes."""
    if header.format == "jpeg":
        flags = _JPEG_FLAGS[header.channels] if reduction == 1 else _REDUCED[header.channels][reduction]
        pixels = _required(cv2.imread(str(path), flags | cv2.IMREAD_IGNORE_ORIENTATION), header)
        return pixels if reduction == 1 or header.channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if header.format == "tiff" and header.orientation != 1:
        # OpenCV turns some orientations by itself and refuses the others: it gets to see none.
        content = np.frombuffer(tiff.without_orientation(path.read_bytes()), np.uint8)
        pixels = _required(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), header)
    else:
        pixels = _required(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), header)
    if header.format == "avif" and pixels.dtype == np.uint16:
        bits = probe.avif_bits(path)
        pixels = (pixels << (16 - bits)) | (pixels >> (2 * bits - 16))  # full scale: white is 65,535
    return _to_rgb(pixels)


def _required(pixels: Pixels | None, header: ImageHeader) -> Pixels:
    """The pixels, or why OpenCV gave none: it keeps its errors, that of memory too, to itself."""
    if pixels is not None:
        if pixels.dtype not in (np.uint8, np.uint16):
            raise _corrupt(header, f"its pixels are of the kind {pixels.dtype}")
        return pixels
    needed = header.width * header.height * header.channels * header.depth // 8
    np.empty(2 * needed, np.uint8)  # MemoryError where the raster did not fit
    raise _corrupt(header, "it is damaged or cut short")


def _by_pillow(image: "ImageFile", profile: bytes | None) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.load()
    if image.mode == "CMYK":
        return np.asarray(colour.cmyk_to_srgb(image, profile))
    if image.mode == "LAB":
        return np.asarray(colour.lab_to_srgb(image))
    return np.asarray(_plain(image))


def _plain(image: "Image") -> "Image":
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "LA", "RGB", "RGBA", "I;16"} else image.convert("RGB")


def _is_odd_tiff(header: ImageHeader, image: "ImageFile") -> bool:
    """Whether Pillow reads this TIFF better: 8-bit with alpha (libtiff premultiplies), or a palette."""
    return header.format == "tiff" and header.depth == 8 and image.mode in {"P", "PA", "LA", "RGBA", "RGBX"}  # noqa: PLR2004


def _is_complete_jpeg(path: Path) -> bool:
    """Whether the entropy-coded data runs up to an end mark. libjpeg paints grey what is not there."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 2
        while at + 4 <= len(data):
            if data[at] != 0xFF:  # noqa: PLR2004 - not at a marker: not what the standard says, but seen
                at += 1
                continue
            marker = data[at + 1]
            if marker == 0xD9:  # noqa: PLR2004 - end of image
                return True
            if marker in {0xFF, 0x00, 0x01} or 0xD0 <= marker <= 0xD8:  # noqa: PLR2004 - without length
                at += 1 if marker == 0xFF else 2  # noqa: PLR2004
                continue
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
            if marker == 0xDA:  # noqa: PLR2004 - start of scan
                found = _JPEG_MARKER.search(data, at)
                if found is None:
                    return False
                at = found.start()
        return data[at : at + 2] == b"\xff\xd9"


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    """(h, w, c) with the channels that the header promises: OpenCV widens grey with alpha, and some palettes."""
    if pixels.ndim == 2:  # noqa: PLR2004
        pixels = pixels[..., np.newaxis]
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if channels == 1:
        return pixels[..., :1]
    if channels == 2:  # noqa: PLR2004
        if have == 4:  # noqa: PLR2004
            return pixels[..., [0, 3]]
        return np.concatenate([pixels[..., :1], np.full_like(pixels[..., :1], np.iinfo(pixels.dtype).max)], axis=2)
    if have == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif have == 2:  # noqa: PLR2004
        pixels = pixels[..., [0, 0, 0, 1]]
    if channels == 4 and pixels.shape[2] == 3:  # noqa: PLR2004
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    opaque = pixels.shape[2] == 3 or pixels[..., 3].min() == np.iinfo(pixels.dtype).max  # noqa: PLR2004
    return pixels[..., :channels] if opaque else pixels


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """EXIF's eight orientations undone (CIPA DC-008, tag 274)."""
    if orientation >= 5:  # noqa: PLR2004
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return pixels


def _to_rgb(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:  # noqa: PLR2004
        return pixels
    order = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(pixels.shape[2])
    return pixels if order is None else cv2.cvtColor(pixels, order)


def _to_bgr(pixels: Pixels) -> Pixels:
    """As OpenCV writes it: no encoder of its own takes grey with alpha, so that leaves as RGB with alpha."""
    channels = pixels.shape[2]
    if channels == 1:
        return pixels
    if channels == 2:  # noqa: PLR2004
        return np.ascontiguousarray(pixels[..., [0, 0, 0, 1]])
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA)  # noqa: PLR2004


def _to_8_bits(pixels: Pixels) -> Pixels:
    """Divided by 257 and rounded: 65,535 becomes 255, and no value lies halfway."""
    return cv2.convertScaleAbs(pixels, alpha=1 / 257).reshape(pixels.shape)


def _flattened(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """8-bit pixels laid on a background, alpha gone."""
    alpha = pixels[..., -1:].astype(np.uint16)
    colours = pixels[..., :-1]
    if colours.shape[2] == 1 and len(set(background)) > 1:
        colours = np.repeat(colours, 3, axis=2)
    ground = np.array(background[: colours.shape[2]], np.uint16)
    mixed = colours * alpha + ground * (255 - alpha) + 127
    return (mixed // 255).astype(np.uint8)


@contextmanager
def _decoding(header: ImageHeader) -> Iterator[None]:
    with _allocating(f"decoding {header.width} x {header.height} pixels"):
        try:
            yield
        except (ImageFailure, MemoryError, cv2.error):
            raise
        except Exception as error:  # Pillow raises what its decoders stumble over
            raise _corrupt(header, "it is damaged or cut short") from error


@contextmanager
def _allocating(doing: str) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {doing}.") from error
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise ImageFailure(Code.OUT_OF_MEMORY, f"The memory did not suffice for {doing}.") from error
        code = Code.CORRUPT_IMAGE if doing.startswith("decoding") else Code.OPERATION_FAILED
        raise ImageFailure(code, f"OpenCV failed when {doing}: {error.err or error}.") from error


def _corrupt(header: ImageHeader, why: str) -> ImageFailure:
    name = {"webp": "WebP"}.get(header.format, header.format.upper())
    return ImageFailure(Code.CORRUPT_IMAGE, f"The {name} cannot be decoded: {why}.")

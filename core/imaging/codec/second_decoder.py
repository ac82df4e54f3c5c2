"""Decoding formats that OpenCV does not read, or reads wrongly: by Pillow, or by their own fields."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import IcnsImagePlugin, IcoImagePlugin, Image

from core.domain.model import ImageHeader
from core.imaging.codec import colour, layout, photoshop
from core.imaging.formats import heic, ico, jpeg2000, netpbm, readers

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Pixels = NDArray[Any]
Decoded = tuple[Pixels, bytes | None]  # the pixels, and the ICC profile that is still to be applied


def read(path: Path, header: ImageHeader) -> Decoded | None:
    """The pixels, upright; None for other formats. Raises whatever the decoders raise."""
    if header.format in _READERS:
        pixels, profile = _READERS[header.format](path, header)
    elif header.format in _BY_PILLOW:
        with readers.open_by_plugin(header.format, path) as image, limit_pixels(header):
            profile = image.info.get("icc_profile")
            pixels = load_by_pillow(image, profile)
            profile = None if image.mode in {"CMYK", "LAB"} else profile
    else:
        return None
    if pixels.dtype == np.uint16 and header.depth == 8:  # noqa: PLR2004
        pixels = layout.to_8_bits(pixels.reshape(*pixels.shape[:2], -1))
    return pixels, profile


def load_by_pillow(image: "ImageFile", profile: bytes | None) -> Pixels:
    """The pixels of an opened image. CMYK and L*a*b* are converted to sRGB, other colours are those of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.load()
    if image.mode == "CMYK":
        return np.asarray(colour.cmyk_to_srgb(image, profile))
    if image.mode == "LAB":
        return np.asarray(colour.lab_to_srgb(image))
    return np.asarray(_to_plain_mode(image))


@contextmanager
def limit_pixels(header: ImageHeader) -> Iterator[None]:
    """Let Pillow refuse a picture inside the file with more than twice the pixels of its header."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = header.width * header.height
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _to_plain_mode(image: "Image.Image") -> "Image.Image":
    if image.mode in {"P", "PA"}:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "LA", "RGB", "RGBA", "I;16"} else image.convert("RGB")


def _read_heic(path: Path) -> Decoded:
    """The primary picture of the file."""
    heif = heic.open_heic(path)
    pixels = np.asarray(heif)
    bits = int(heif.info.get("bit_depth", 8))
    if pixels.dtype == np.uint16 and 8 < bits < 16:  # noqa: PLR2004 - libheif shifts to the left
        pixels = pixels | (pixels >> bits)
    return pixels, heif.info.get("icc_profile") or None


def _read_jpeg2000(path: Path, header: ImageHeader) -> Decoded:
    """OpenCV for 16 bits; Pillow for palettes, grey with alpha, CMYK and subsampled colours."""
    fields = jpeg2000.read(path)
    if header.depth == 16:  # noqa: PLR2004
        pixels: Pixels | None = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype != np.uint16:
            raise ValueError("OpenJPEG cannot read it")
        if fields.bits < 16:  # noqa: PLR2004 - OpenCV does not scale: white becomes 65,535
            pixels = (pixels << (16 - fields.bits)) | (pixels >> (2 * fields.bits - 16))
        return layout.to_rgb(pixels), fields.icc
    with readers.open_by_plugin("jpeg2000", path) as image:
        return load_by_pillow(image, fields.icc), None if fields.cmyk else fields.icc


def _read_icon(path: Path, header: ImageHeader) -> Decoded:
    file = IcoImagePlugin.IcoFile(io.BytesIO(ico.extract(path, ico.find_best(path))))
    with limit_pixels(header):
        pixels = np.asarray(_to_rgba(file.frame(0)))
    if not pixels[..., 3].any():  # 32 bits, with alpha never written
        pixels = np.dstack([pixels[..., :3], np.full_like(pixels[..., 0], 255)])
    return pixels, None


def _read_apple_icon(path: Path, header: ImageHeader) -> Decoded:
    """The best picture, read without the plug-in, which loses palettes."""
    with path.open("rb") as file, limit_pixels(header):
        icons = IcnsImagePlugin.IcnsFile(file)
        return np.asarray(_to_rgba(icons.getimage(icons.bestsize()))), None


def _to_rgba(image: "Image.Image") -> "Image.Image":
    """RGB with alpha, 8 bits. Pillow alone would clip 16-bit values at 255."""
    if image.mode.startswith("I"):
        image = Image.fromarray(layout.to_8_bits(np.asarray(image).astype(np.uint16)))
    return image.convert("RGBA")


def _read_anymap(path: Path, header: ImageHeader) -> Decoded:
    fields = netpbm.read(path)
    if header.depth == 8 or fields.magic == b"P2":  # noqa: PLR2004
        with readers.open_by_plugin("pnm", path) as image:
            image.load()
            wide = image.mode.startswith("I")
            return (np.asarray(image).astype(np.uint16) if wide else np.asarray(_to_plain_mode(image))), None
    count = fields.width * fields.height * header.channels
    values = np.fromfile(path, ">u2", count, offset=fields.offset).reshape(fields.height, fields.width, -1)
    if fields.largest < 65_535:  # noqa: PLR2004
        values = np.rint(values.clip(0, fields.largest) * (65_535 / fields.largest))
    return values.astype(np.uint16), None


def _read_xbm(path: Path, header: ImageHeader) -> Decoded:
    """X11 draws set bits in black; Pillow takes them for white."""
    with readers.open_by_plugin(header.format, path) as image:
        return 255 - load_by_pillow(image, None), None


_READERS: dict[str, Callable[[Path, ImageHeader], Decoded]] = {
    "heic": lambda path, _: _read_heic(path),
    "icns": _read_apple_icon,
    "ico": _read_icon,
    "jpeg2000": _read_jpeg2000,
    "pnm": _read_anymap,
    "psd": lambda path, _: photoshop.read(path),
    "xbm": _read_xbm,
}
_BY_PILLOW = {"bmp", "tga", "dds", "pcx", "dcx", "sgi", "qoi", "sun", "xpm", "msp"}

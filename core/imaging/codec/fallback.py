"""What OpenCV does not read, or not rightly: the rarer formats, by Pillow or from their own fields."""

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
from core.imaging.codec import colour, heic, layout, photoshop
from core.imaging.formats import ico, jpeg2000, netpbm, readers

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Pixels = NDArray[Any]
Read = tuple[Pixels, bytes | None]  # with the profile still to be applied


def read(path: Path, header: ImageHeader) -> Read | None:
    """The pixels, upright; None for the formats that are not read here. Raises whatever decoders raise."""
    if header.format in _READERS:
        pixels, profile = _READERS[header.format](path, header)
    elif header.format in _BY_PILLOW:
        with readers.open_by(header.format, path) as image, bounded(header):
            profile = image.info.get("icc_profile")
            pixels = by_pillow(image, profile)
            profile = None if image.mode in {"CMYK", "LAB"} else profile
    else:
        return None
    if pixels.dtype == np.uint16 and header.depth == 8:  # noqa: PLR2004
        pixels = layout.to_8_bits(pixels.reshape(*pixels.shape[:2], -1))
    return pixels, profile


def by_pillow(image: "ImageFile", profile: bytes | None) -> Pixels:
    """An opened image's pixels; CMYK and L*a*b* are sRGB already, other colours still those of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.load()
    if image.mode == "CMYK":
        return np.asarray(colour.cmyk_to_srgb(image, profile))
    if image.mode == "LAB":
        return np.asarray(colour.lab_to_srgb(image))
    return np.asarray(_plain(image))


@contextmanager
def bounded(header: ImageHeader) -> Iterator[None]:
    """Pillow refuses what within a file is more than twice as large as the file's header says."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = header.width * header.height
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _plain(image: "Image.Image") -> "Image.Image":
    if image.mode in {"P", "PA"}:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "LA", "RGB", "RGBA", "I;16"} else image.convert("RGB")


def _jpeg2000(path: Path, header: ImageHeader) -> Read:
    """OpenCV keeps more than 8 bits, Pillow knows palettes, alpha beside grey, CMYK and subsampled colours."""
    found = jpeg2000.read(path)
    if header.depth == 16:  # noqa: PLR2004
        pixels: Pixels | None = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype != np.uint16:
            raise ValueError("OpenJPEG cannot read it")
        if found.bits < 16:  # noqa: PLR2004 - the numbers come as they are: white becomes 65,535
            pixels = (pixels << (16 - found.bits)) | (pixels >> (2 * found.bits - 16))
        return layout.to_rgb(pixels), found.icc
    with readers.open_by("jpeg2000", path) as image:
        return by_pillow(image, found.icc), None if found.cmyk else found.icc


def _icon(path: Path, header: ImageHeader) -> Read:
    file = IcoImagePlugin.IcoFile(io.BytesIO(ico.alone(path, ico.best(path))))
    with bounded(header):
        pixels = np.asarray(_with_alpha(file.frame(0)))
    if not pixels[..., 3].any():  # 32 bits of which 8 were never written
        pixels = np.dstack([pixels[..., :3], np.full_like(pixels[..., 0], 255)])
    return pixels, None


def _apple_icon(path: Path, header: ImageHeader) -> Read:
    """The best of its pictures itself: where that has a palette, the plug-in loses it."""
    with path.open("rb") as file, bounded(header):
        icons = IcnsImagePlugin.IcnsFile(file)
        return np.asarray(_with_alpha(icons.getimage(icons.bestsize()))), None


def _with_alpha(image: "Image.Image") -> "Image.Image":
    """8 bits, RGB with alpha. Pillow would cut off what is above 255 in a picture of 16."""
    if image.mode.startswith("I"):
        image = Image.fromarray(layout.to_8_bits(np.asarray(image).astype(np.uint16)))
    return image.convert("RGBA")


def _anymap(path: Path, header: ImageHeader) -> Read:
    found = netpbm.read(path)
    if header.depth == 8 or found.magic == b"P2":  # noqa: PLR2004
        with readers.open_by("pnm", path) as image:
            image.load()
            wide = image.mode.startswith("I")
            return (np.asarray(image).astype(np.uint16) if wide else np.asarray(_plain(image))), None
    count = found.width * found.height * header.channels
    values = np.fromfile(path, ">u2", count, offset=found.offset).reshape(found.height, found.width, -1)
    if found.largest < 65_535:  # noqa: PLR2004
        values = np.rint(values.clip(0, found.largest) * (65_535 / found.largest))
    return values.astype(np.uint16), None


def _bitmap(path: Path, header: ImageHeader) -> Read:
    """X11 draws the bits that are set, in ink; Pillow takes them for light."""
    with readers.open_by(header.format, path) as image:
        return 255 - by_pillow(image, None), None


_READERS: dict[str, Callable[[Path, ImageHeader], Read]] = {
    "heic": lambda path, _: heic.read(path),
    "icns": _apple_icon,
    "ico": _icon,
    "jpeg2000": _jpeg2000,
    "pnm": _anymap,
    "psd": lambda path, _: photoshop.read(path),
    "xbm": _bitmap,
}
_BY_PILLOW = {"bmp", "tga", "dds", "pcx", "dcx", "sgi", "qoi", "sun", "xpm", "msp"}

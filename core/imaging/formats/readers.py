"""The supported source formats: the name of each, and the Pillow plug-in that reads it, if one does.

This is an allow-list: no other plug-in is loaded, and none before the signature of a file requires it. Left out are EPS
and WMF, which start another program or need another system; documents and multi-file containers (PDF, FPX, MIC); and
scientific formats, whose numbers have no defined white (FITS, SPIDER, McIDAS).
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


class Reader(NamedTuple):
    """`name` is for messages; `module` and `factory` are Pillow's, empty if the format is read without it."""

    name: str
    module: str = ""
    factory: str = ""


READERS = {
    # The factory also accepts MPO: a JPEG with further pictures after the first, such as previews and gain maps.
    "jpeg": Reader("JPEG", "JpegImagePlugin", "jpeg_factory"),
    "png": Reader("PNG", "PngImagePlugin", "PngImageFile"),
    "webp": Reader("WebP"),
    "avif": Reader("AVIF", "AvifImagePlugin", "AvifImageFile"),
    "tiff": Reader("TIFF", "TiffImagePlugin", "TiffImageFile"),
    "gif": Reader("GIF", "GifImagePlugin", "GifImageFile"),
    "heic": Reader("HEIC"),
    "jpeg2000": Reader("JPEG 2000", "Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "psd": Reader("PSD"),
    "bmp": Reader("BMP", "BmpImagePlugin", "BmpImageFile"),
    "tga": Reader("TGA", "TgaImagePlugin", "TgaImageFile"),
    "dds": Reader("DDS", "DdsImagePlugin", "DdsImageFile"),
    "ico": Reader("ICO"),
    "icns": Reader("ICNS", "IcnsImagePlugin", "IcnsImageFile"),
    "pcx": Reader("PCX", "PcxImagePlugin", "PcxImageFile"),
    "dcx": Reader("DCX", "DcxImagePlugin", "DcxImageFile"),
    "pnm": Reader("PNM", "PpmImagePlugin", "PpmImageFile"),
    "sgi": Reader("SGI", "SgiImagePlugin", "SgiImageFile"),
    "qoi": Reader("QOI", "QoiImagePlugin", "QoiImageFile"),
    "sun": Reader("Sun raster", "SunImagePlugin", "SunImageFile"),
    "xbm": Reader("XBM", "XbmImagePlugin", "XbmImageFile"),
    "xpm": Reader("XPM", "XpmImagePlugin", "XpmImageFile"),
    "msp": Reader("MSP", "MspImagePlugin", "MspImageFile"),
}


def can_read_heic() -> bool:
    """Whether pillow-heif is installed: only container images that were built with it have it."""
    return find_spec("pillow_heif") is not None


def supported_formats() -> str:
    """The common supported formats and a word for the others, as part of a sentence."""
    heic = ", HEIC" if can_read_heic() else ""
    return f"JPEG, PNG, WebP, AVIF{heic}, TIFF, GIF, JPEG 2000, PSD, BMP, TGA and some rarer formats"


def open_by_plugin(kind: str, path: Path) -> "ImageFile":
    """Open a file by the plug-in of the format `kind`. Raises its exceptions; SyntaxError for a bad header."""
    reader = READERS[kind]
    opened: ImageFile = getattr(import_module(f"PIL.{reader.module}"), reader.factory)(path)
    return opened

"""The formats that come in: what each is called, and which of Pillow's plug-ins, if one, reads it.

An allow-list: no plug-in is loaded that is not named here, and none before a file's signature asked for it. Not
here, whatever Pillow could do: EPS and WMF, which start another program or need another system; documents and
multi-file containers (PDF, FPX, MIC); science's formats, whose numbers have no defined white (FITS, SPIDER, McIDAS).
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


class Reader(NamedTuple):
    """`name` is for sentences; `module` and `factory` are Pillow's, empty where the format is read without it."""

    name: str
    module: str = ""
    factory: str = ""


READERS = {
    # A JPEG with further pictures behind the first (previews, gain maps) is Pillow's MPO: the factory tells.
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
    """Whether this installation can read HEIC: pillow-heif is in images that were built with it only."""
    return find_spec("pillow_heif") is not None


def known() -> str:
    """What can be read, for a sentence: the formats that people send, and a word for the others."""
    heic = ", HEIC" if can_read_heic() else ""
    return f"JPEG, PNG, WebP, AVIF{heic}, TIFF, GIF, JPEG 2000, PSD, BMP, TGA and some rarer formats"


def open_by(kind: str, path: Path) -> "ImageFile":
    """The file as the one plug-in of `kind` opens it. Raises whatever that raises; SyntaxError for a bad header."""
    reader = READERS[kind]
    opened: ImageFile = getattr(import_module(f"PIL.{reader.module}"), reader.factory)(path)
    return opened

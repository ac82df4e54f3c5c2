"""The header of an image file, read without decoding a pixel.

Pillow reads it; what Pillow rounds off (16-bit colour, grey with alpha, the orientation it applies to TIFF by
itself) is read from the file's own fields. Nothing here depends on the size the file claims: a PNG that says
50,000 x 50,000 costs what any other does.
"""

import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from core.errors import Code, ImageFailure
from core.model import ImageHeader

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: Pillow's plug-in for each format. MPO is a JPEG with further pictures behind the first: previews, gain maps.
READERS = {
    "jpeg": ("JPEG", "MPO"),
    "png": ("PNG",),
    "webp": ("WEBP",),
    "avif": ("AVIF",),
    "tiff": ("TIFF",),
    "gif": ("GIF",),
}

_SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "tiff"),  # the plus sign is Big TIFF's
)
# Signatures of what is often sent by mistake, so that the answer can name it.
_FOREIGN = (
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"BM", "a BMP image"),
    (b"DDS ", "a DDS texture"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"<svg", "an SVG drawing"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
)
_TIFF_ORIENTATION, _TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLES, _TIFF_EXTRA = 274, 258, 262, 277, 338
# TIFF 6.0, photometric interpretation: white is zero, black is zero, RGB, palette, mask, separated (CMYK),
# YCbCr, CIE L*a*b*. The colours of each, without what ExtraSamples adds.
_TIFF_COLOURS = {0: 1, 1: 1, 2: 3, 3: 3, 5: 3, 6: 3, 8: 3}


def read_header(path: Path) -> ImageHeader:
    """The header of the image at `path`.

    `width` and `height` are pixels as displayed; `channels` and `depth` are those of the decoded raster: a
    palette counts as RGB, CMYK as RGB, 1 bit as 8. `frames` counts the pictures of an animation or the pages of
    a TIFF. Raises ImageFailure: EMPTY_FILE, UNSUPPORTED_FORMAT, CORRUPT_IMAGE.
    """
    kind = sniff(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a picture
            with open_image(path, kind) as image:
                return _describe(path, kind, image)
    except (ImageFailure, MemoryError):
        raise
    except Exception as error:  # Pillow raises what its parsers stumble over: OSError, SyntaxError, struct.error
        if kind == "tiff" and type(error).__name__ == "UnidentifiedImageError":
            raise _unsupported("a TIFF whose way of storing pixels is not known here, or a damaged one") from error
        name = {"webp": "WebP"}.get(kind, kind.upper())
        message = f"The file begins as {name}, but its header cannot be read: it is damaged or cut short."
        raise ImageFailure(Code.CORRUPT_IMAGE, message) from error


def open_image(path: Path, kind: str) -> "ImageFile":
    """The file at `path` as Pillow's image, its pixels not loaded. Raises whatever Pillow raises."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415 - the parent process never loads Pillow

    if kind in {"webp", "avif"}:  # not among those that Pillow knows before it loads all its plug-ins
        from PIL import AvifImagePlugin, WebPImagePlugin  # noqa: F401, PLC0415
    if kind == "tiff":
        from PIL import TiffImagePlugin  # noqa: F401, PLC0415
    if kind == "jpeg":
        from PIL import MpoImagePlugin  # noqa: F401, PLC0415
    Image.MAX_IMAGE_PIXELS = None  # core.planning refuses what is too large, with the limit's number
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # XMP of some megabytes is legitimate
    return Image.open(path, formats=READERS[kind])


def sniff(path: Path) -> str:
    """The format by its signature: a key of READERS. Raises ImageFailure(EMPTY_FILE, UNSUPPORTED_FORMAT)."""
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        raise ImageFailure(Code.EMPTY_FILE, "The file is empty: it holds no bytes.")
    for signature, kind in _SIGNATURES:
        if signature.match(head):
            return kind
    if head[4:8] == b"ftyp":
        brands = {head[at : at + 4] for at in range(8, min(struct.unpack(">I", head[:4])[0], 256), 4)}
        if brands & {b"avif", b"avis"}:
            return "avif"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1"}:
            raise _unsupported("a HEIC image")
        raise _unsupported("a video or another ISO media file")
    for start, name in _FOREIGN:
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            raise _unsupported(name)
    raise _unsupported("no image format that is known here")


def icc_profile(image: "ImageFile") -> bytes | None:
    """The embedded colour profile of an opened image, or None."""
    profile = image.info.get("icc_profile")
    return bytes(profile) if profile else None


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The chunks of a PNG as (type, length), the file left at each one's data. Ends where the file ends."""
    file.seek(8)
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - length and type, four bytes each
        length, kind = struct.unpack(">I4s", head)
        start = file.tell()
        yield kind, length
        file.seek(start + length + 4)  # the checksum behind it


def _describe(path: Path, kind: str, image: "ImageFile") -> ImageHeader:
    width, height = image.size
    frames = 1 if kind in {"jpeg", "png"} else int(getattr(image, "n_frames", 1))
    orientation = _orientation(path, kind, image)
    if kind == "tiff":
        channels, depth = _tiff_samples(image)
    elif kind == "png":
        channels, depth = _png_samples(path)
    else:
        channels, depth = _mode_channels(image), 16 if kind == "avif" and avif_bits(path) > 8 else 8  # noqa: PLR2004
    # Pillow says the size of a TIFF as displayed, and of every other file as stored.
    if orientation >= 5 and kind != "tiff":  # noqa: PLR2004 - 5 to 8 lie on their side
        width, height = height, width
    if width < 1 or height < 1:
        raise ImageFailure(Code.CORRUPT_IMAGE, f"The image says that it is {width} by {height} pixels.")
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        channels=channels,
        depth=depth,
        frames=max(1, frames),
        orientation=orientation,
        bytes=path.stat().st_size,
    )


def _orientation(path: Path, kind: str, image: Any) -> int:  # noqa: ANN401 - info and tag_v2 depend on the plug-in
    """EXIF's orientation, 1 to 8; 1 when absent or senseless. XMP's is ignored, as browsers do."""
    from PIL import Image  # noqa: PLC0415 - the parent process never loads Pillow

    if kind == "gif":
        return 1
    if kind == "tiff":
        value = image.tag_v2.get(_TIFF_ORIENTATION, 1)
    else:
        exif = Image.Exif()
        data = _png_exif(path) if kind == "png" else image.info.get("exif")
        try:
            exif.load(data or b"")
        except Exception:  # noqa: BLE001 - broken EXIF says nothing of the pixels
            return 1
        value = exif.get(_TIFF_ORIENTATION, 1)
    return value if isinstance(value, int) and value in range(1, 9) else 1


def _png_exif(path: Path) -> bytes | None:
    """The eXIf chunk; Pillow would see one behind the pixels only after decoding them."""
    with path.open("rb") as file:
        for kind, length in png_chunks(file):
            if kind == b"eXIf":
                return file.read(length)
    return None


def _png_samples(path: Path) -> tuple[int, int]:
    """Channels and depth as IHDR says, tRNS counted as alpha."""
    with path.open("rb") as file:
        depth, colour = struct.unpack("BB", file.read(26)[24:])
        transparent = any(kind == b"tRNS" for kind, _ in png_chunks(file))
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    return channels + (transparent and colour in {0, 2, 3}), 16 if depth == 16 else 8  # noqa: PLR2004


def _tiff_samples(image: Any) -> tuple[int, int]:  # noqa: ANN401 - Pillow types TIFF's tags loosely
    tags = image.tag_v2
    bits = tags.get(_TIFF_BITS, (1,))
    depth = max(bits) if isinstance(bits, tuple) else bits
    if depth > 16 or image.mode in {"F", "I"}:  # noqa: PLR2004
        raise _unsupported(f"a TIFF of {depth} bits per channel, which has no defined white")
    colours = _TIFF_COLOURS.get(tags.get(_TIFF_PHOTOMETRIC), 3)
    alpha = any(extra in {1, 2} for extra in tags.get(_TIFF_EXTRA, ())) or image.mode in {"RGBA", "LA"}
    return colours + alpha, 16 if depth > 8 else 8  # noqa: PLR2004


def _mode_channels(image: "ImageFile") -> int:
    if image.mode == "P":
        return 4 if "transparency" in image.info else 3
    return {"1": 1, "L": 1, "LA": 2, "RGBA": 4}.get(image.mode, 3)


def avif_bits(path: Path) -> int:
    """8, 10 or 12: what the AV1 configuration (the av1C box of ISO 23000-22) says of the pixels."""
    with path.open("rb") as file:
        head = file.read(65_536)
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    if not flags & 0x40:  # high_bitdepth
        return 8
    return 12 if flags & 0x20 else 10  # twelve_bit


def _unsupported(what: str) -> ImageFailure:
    known = "JPEG, PNG, WebP, AVIF, TIFF and GIF"
    return ImageFailure(Code.UNSUPPORTED_FORMAT, f"The file is {what}; what can be read is {known}.")

"""Detecting the format of a file by its first bytes."""

import re
import struct
from pathlib import Path

from core.domain.errors import Code, ImageFailure
from core.imaging.formats import readers, without_signature

_SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "tiff"),  # the plus sign is Big TIFF's
    (re.compile(rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "jpeg2000"),
    (re.compile(rb"8BPS\0[\1\2]"), "psd"),
    (re.compile(rb"DDS \x7c\0\0\0"), "dds"),
    (re.compile(rb"icns"), "icns"),
    (re.compile(rb"qoif"), "qoi"),
    (re.compile(rb"\x59\xa6\x6a\x95"), "sun"),
    (re.compile(rb"\x01\xda[\0\1][\1\2]\0[\1-\3]"), "sgi"),
    (re.compile(rb"\xb1\x68\xde\x3a"), "dcx"),
    (re.compile(rb"DanM|LinS"), "msp"),
    (re.compile(rb"/\* XPM \*/"), "xpm"),
    (re.compile(rb"\s*(/\*.*?\*/\s*)?#define[ \t]+\w*width[ \t]+\d", re.DOTALL), "xbm"),
)
# Signatures of files that are often sent by mistake, so that the message can name them.
_FOREIGN = (
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"SIMPLE  =", "a FITS image"),
    (b"gimp xcf", "a GIMP document"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIU\0", "a camera's raw file"),
    (b"P7", "a PAM image"),
    (b"PF\n", "a PFM image"),
    (b"Pf\n", "a PFM image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<svg", "an SVG drawing"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def detect_format(path: Path) -> str:
    """The format of the file at `path`: a key of READERS. Raises ImageFailure(EMPTY_FILE, UNSUPPORTED_FORMAT)."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise ImageFailure(Code.EMPTY_FILE, "The file is empty: it holds no bytes.")
    if head[8:10] == b"CR" and head[:4] in {b"II*\0", b"MM\0*"}:
        raise unsupported("a camera's raw file")
    for signature, kind in _SIGNATURES:
        if signature.match(head):
            return kind
    if head[4:8] == b"ftyp":
        return _detect_iso_media(head)
    for start, name in _FOREIGN:
        if head[:256].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            raise unsupported(name)
    unsigned_kind = without_signature.detect_unsigned_format(path, head)
    if unsigned_kind is None:
        raise unsupported("of no known image format")
    return unsigned_kind


def unsupported(description: str) -> ImageFailure:
    return ImageFailure(
        Code.UNSUPPORTED_FORMAT, f"The file is {description}; supported formats are {readers.supported_formats()}."
    )


def _detect_iso_media(head: bytes) -> str:
    length = struct.unpack(">I", head[:4])[0]
    brands = {head[at : at + 4] for at in range(8, min(length, 256), 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if not brands & _HEIF_BRANDS:
        raise unsupported("a video or another ISO media file")
    if not readers.can_read_heic():
        raise unsupported(
            "a HEIC image, which an image built with `container/build` and HEIC=1 reads (docs/reference/formats.md)"
        )
    return "heic"

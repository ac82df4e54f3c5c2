"""Which format a file is of, by its first bytes."""

import re
import struct
from pathlib import Path

from core.errors import Code, ImageFailure

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


def sniff(path: Path) -> str:
    """The format by its signature, as ImageHeader says it. Raises ImageFailure(EMPTY_FILE, UNSUPPORTED_FORMAT)."""
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
            raise unsupported("a HEIC image")
        raise unsupported("a video or another ISO media file")
    for start, name in _FOREIGN:
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            raise unsupported(name)
    raise unsupported("no image format that is known here")


def unsupported(what: str) -> ImageFailure:
    known = "JPEG, PNG, WebP, AVIF, TIFF and GIF"
    return ImageFailure(Code.UNSUPPORTED_FORMAT, f"The file is {what}; what can be read is {known}.")

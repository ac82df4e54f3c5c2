"""Detecting formats without a real signature by whether the fields of their headers are plausible together.

These checks come last. About one random file of 2^40 passes one of them, and no text does: each check requires bytes
of 0 or 1.
"""

import struct
from pathlib import Path

from core.imaging.formats import netpbm

_TGA_HEADER = 18
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_TGA_DEPTHS = {1: {8}, 2: {16, 24, 32}, 3: {1, 8, 16}}  # image type, less its run-length bit → bits per pixel


def detect_unsigned_format(path: Path, head: bytes) -> str | None:
    """The format of the file at `path`: "bmp", "ico", "pcx", "pnm", "tga", or None. `head` is its first bytes."""
    size = path.stat().st_size
    if _is_bmp(head):
        return "bmp"
    if _is_ico(head, size):
        return "ico"
    if _is_pcx(head):
        return "pcx"
    if _is_pnm(path, head):
        return "pnm"
    return "tga" if _is_tga(path, head, size) else None


def _is_bmp(head: bytes) -> bool:
    """BITMAPFILEHEADER, followed by the size of a known header."""
    if head[:2] != b"BM" or len(head) < 18:  # noqa: PLR2004 - to the end of the second header's size
        return False
    return struct.unpack_from("<I", head, 14)[0] in {12, 16, 40, 52, 56, 64, 108, 124}


def _is_ico(head: bytes, size: int) -> bool:
    """An icon or a cursor: a directory whose first picture begins within the file of `size` bytes."""
    if len(head) < 22 or head[:4] not in {b"\0\0\1\0", b"\0\0\2\0"}:  # noqa: PLR2004 - one entry
        return False
    (count,) = struct.unpack_from("<H", head, 4)
    length, offset = struct.unpack_from("<II", head, 14)
    return bool(1 <= count <= 256 and 6 + 16 * count <= offset < size and length > 0)  # noqa: PLR2004


def _is_pcx(head: bytes) -> bool:
    """ZSoft's header: a known version, run-length encoding, known bits and planes, a reserved byte of 0."""
    if len(head) < 128:  # noqa: PLR2004 - the header's size
        return False
    left, top, right, bottom = struct.unpack_from("<4H", head, 4)
    modes = {(1, 1), (1, 2), (1, 3), (1, 4), (8, 1), (8, 3)}
    return (
        head[0] == 10  # noqa: PLR2004 - the manufacturer
        and head[1] in {0, 2, 3, 4, 5}
        and head[2] == 1
        and (head[3], head[65]) in modes
        and head[64] == 0
        and right >= left
        and bottom >= top
    )


def _is_pnm(path: Path, head: bytes) -> bool:
    """A portable anymap: P, a digit from 1 to 6, and a header of two or three numbers."""
    if head[:1] != b"P" or head[1:2] not in {b"1", b"2", b"3", b"4", b"5", b"6"} or not head[2:3].isspace():
        return False
    try:
        netpbm.read(path)
    except ValueError:
        return False
    return True


def _is_tga(path: Path, head: bytes, size: int) -> bool:
    """Truevision's header with valid fields, and the footer of version 2 or a plausible size of the file."""
    if len(head) < _TGA_HEADER:
        return False
    mapped, kind, map_start, map_length, map_bits = struct.unpack_from("<BBHHB", head, 1)
    width, height, bits, flags = struct.unpack_from("<HHBB", head, 12)
    if mapped > 1 or bits not in _TGA_DEPTHS.get(kind & ~8, set()) or flags & 0xC0 or not width or not height:
        return False
    if kind & ~8 == 1 and not (mapped and map_length and map_bits in {16, 24, 32}):
        return False
    with path.open("rb") as file:
        file.seek(max(0, size - len(_TGA_FOOTER)))
        if file.read() == _TGA_FOOTER:
            return True
    if not mapped and (map_start or map_length or map_bits not in {0, 24}):
        return False
    # At best, a run stores 128 pixels in a pixel and a byte. A file that is cut short still counts as a TGA.
    least_bytes = width * height * bits // 8 // (128 if kind & 8 else 8)
    return bool(size >= _TGA_HEADER + least_bytes)

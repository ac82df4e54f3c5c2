"""Formats without a signature to speak of, told by whether their headers' fields make sense together.

Asked last. Random bytes pass one of these in about one file of 2^40, text in none: each has bytes that must be 0 or 1.
"""

import struct
from pathlib import Path

from core.imaging.formats import netpbm

_TGA_HEADER = 18
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_TGA_DEPTHS = {1: {8}, 2: {16, 24, 32}, 3: {1, 8, 16}}  # image type, less its run-length bit → bits per pixel


def sniff(path: Path, head: bytes) -> str | None:
    """A "bmp", "ico", "pcx", "pnm" or "tga", by the first bytes of the file at `path`; None where nothing fits."""
    size = path.stat().st_size
    if _bmp(head):
        return "bmp"
    if _ico(head, size):
        return "ico"
    if _pcx(head):
        return "pcx"
    if _pnm(path, head):
        return "pnm"
    return "tga" if _tga(path, head, size) else None


def _bmp(head: bytes) -> bool:
    """BITMAPFILEHEADER: reserved fields of 0, then the size of one of the headers that exist."""
    if head[:2] != b"BM" or len(head) < 18:  # noqa: PLR2004 - to the end of the second header's size
        return False
    return struct.unpack_from("<I", head, 14)[0] in {12, 16, 40, 52, 56, 64, 108, 124}


def _ico(head: bytes, size: int) -> bool:
    """An icon or a cursor: a directory of `count` entries, each within the file, or at least beginning there."""
    if len(head) < 22 or head[:4] not in {b"\0\0\1\0", b"\0\0\2\0"}:  # noqa: PLR2004 - one entry
        return False
    (count,) = struct.unpack_from("<H", head, 4)
    length, offset = struct.unpack_from("<II", head, 14)
    return bool(1 <= count <= 256 and 6 + 16 * count <= offset < size and length > 0)  # noqa: PLR2004


def _pcx(head: bytes) -> bool:
    """ZSoft's header: its version, run-length encoding, bits and planes that exist, the reserved byte of 0."""
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


def _pnm(path: Path, head: bytes) -> bool:
    """A portable anymap: P, one of six digits, and the two or three numbers that are its header."""
    if head[:1] != b"P" or head[1:2] not in {b"1", b"2", b"3", b"4", b"5", b"6"} or not head[2:3].isspace():
        return False
    try:
        netpbm.read(path)
    except ValueError:
        return False
    return True


def _tga(path: Path, head: bytes, size: int) -> bool:
    """Truevision's header; what its fields leave open, the footer of version 2 or the file's size must say."""
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
    # Runs take a pixel and a byte for 128 pixels at best; a file cut short is a TGA still, if there is much of it.
    least = width * height * bits // 8 // (128 if kind & 8 else 8)
    return bool(size >= _TGA_HEADER + least)

"""Reading the header of a WebP (RFC 9649): Pillow would allocate two canvases before it returns the size."""

import struct
from pathlib import Path
from typing import NamedTuple

_ALPHA, _FLAGS_SIZE = 0x10, 10


class WebpHeader(NamedTuple):
    """`icc` and `exif` are the embedded bytes; `frames` is 1 for a still picture."""

    width: int
    height: int
    alpha: bool
    frames: int
    icc: bytes | None
    exif: bytes | None


def read(path: Path) -> WebpHeader:
    """Read the chunks of the file at `path`. Raises ValueError if they hold no picture."""
    size, alpha, frames = None, False, 0
    metadata: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:  # noqa: PLR2004 - name and length, four bytes each
            name, length = struct.unpack("<4sI", head)
            start = file.tell()
            if name == b"VP8X":
                canvas = file.read(_FLAGS_SIZE)
                alpha = bool(canvas[0] & _ALPHA)
                size = _parse_three_bytes(canvas, 4) + 1, _parse_three_bytes(canvas, 7) + 1
            elif name == b"VP8 " and size is None:
                size = _parse_lossy_size(file.read(_FLAGS_SIZE))
            elif name == b"VP8L" and size is None:
                size, alpha = _parse_lossless_size(file.read(5))
            elif name in {b"ICCP", b"EXIF"}:
                metadata[name] = file.read(length)
            frames += name == b"ANMF"
            file.seek(start + length + length % 2)
    if size is None:
        raise ValueError("a WebP without a picture")
    return WebpHeader(*size, alpha, max(1, frames), metadata.get(b"ICCP"), metadata.get(b"EXIF"))


def _parse_three_bytes(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _parse_lossy_size(data: bytes) -> tuple[int, int]:
    """The size in a VP8 key frame: 14 bits a side, after a tag and a start code of 3 bytes each (RFC 6386, 9.1)."""
    if data[3:6] != b"\x9d\x01\x2a":
        raise ValueError("a WebP whose picture does not begin with a key frame")
    width, height = struct.unpack_from("<HH", data, 6)
    return width & 0x3FFF, height & 0x3FFF


def _parse_lossless_size(data: bytes) -> tuple[tuple[int, int], bool]:
    """The size and alpha in VP8L: a signature byte, 14 bits of width - 1, 14 of height - 1, and 1 for alpha."""
    bits = int.from_bytes(data[1:5], "little")
    return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1)

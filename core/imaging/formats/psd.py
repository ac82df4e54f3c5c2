"""Photoshop documents (PSD, and PSB for large ones): where their merged picture lies (Adobe's file format, 2019).

Layers are not composed: Photoshop writes the merged picture beside them, unless it was told not to.
"""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER = ">4sH6xHIIHH"
_ICC_PROFILE = 1039  # the image resource
_COLOURS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}  # bitmap, grey, indexed, RGB, CMYK, duotone, L*a*b*


class PsdHeader(NamedTuple):
    """`mode` is Photoshop's number, `colours` its channels, `channels` all that are stored.

    `offset` is where the merged picture begins; `transparent` says that the channel behind the colours is its alpha.
    """

    large: bool
    width: int
    height: int
    channels: int
    colours: int
    bits: int
    mode: int
    palette: bytes
    icc: bytes | None
    transparent: bool
    offset: int


def read(path: Path) -> PsdHeader:
    """Raises ValueError, KeyError or struct.error where the file is not what it says."""
    with path.open("rb") as file:
        _, version, channels, height, width, bits, mode = struct.unpack(_HEADER, file.read(26))
        large = version == 2  # noqa: PLR2004
        palette = file.read(_length(file))
        icc = _resource(file, _ICC_PROFILE)
        size = _length(file, wide=large)
        end = file.tell() + size
        transparent = size > 0 and _first_alpha_is_transparency(file, large)
        if end > path.stat().st_size:
            raise ValueError("a document that ends before its picture begins")
    colours = _COLOURS[mode]
    if channels < colours:
        raise ValueError("a document with too few channels")
    return PsdHeader(
        large, width, height, channels, colours, bits, mode, palette, icc, transparent and channels > colours, end
    )


def _length(file: BinaryIO, *, wide: bool = False) -> int:
    return int(struct.unpack(">Q" if wide else ">I", file.read(8 if wide else 4))[0])


def _resource(file: BinaryIO, wanted: int) -> bytes | None:
    """The image resource of that number; the file is left behind all resources."""
    size = _length(file)
    end = file.tell() + size
    found = None
    while file.tell() + 12 <= end:
        signature, number, name = struct.unpack(">4sHB", file.read(7))
        if signature not in {b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"}:
            break
        file.seek(name + (name + 1) % 2, 1)  # the name and its length are padded to an even number
        length = _length(file)
        if number == wanted:
            found = file.read(min(length, end - file.tell()))
            break
        file.seek(length + length % 2, 1)
    file.seek(end)
    return found


def _first_alpha_is_transparency(file: BinaryIO, large: bool) -> bool:
    """A negative number of layers says so."""
    if not _length(file, wide=large):
        return False
    return int(struct.unpack(">h", file.read(2))[0]) < 0

"""Reading the header of Photoshop documents (PSD, and PSB for large ones) by Adobe's file format of 2019.

Only the merged picture is read, which Photoshop stores beside the layers unless a person turned that off.
"""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER = ">4sH6xHIIHH"
_ICC_PROFILE = 1039  # the image resource
_COLOURS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}  # bitmap, grey, indexed, RGB, CMYK, duotone, L*a*b*


class PsdHeader(NamedTuple):
    """`mode` is Photoshop's number of the colour mode, `colours` its channels, `channels` all that are stored.

    `offset` is that of the merged picture, in bytes; `transparent` says that the channel after the colours is alpha.
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
    """Read the header. Raises ValueError or struct.error if it is damaged, KeyError for an unknown colour mode."""
    with path.open("rb") as file:
        _, version, channels, height, width, bits, mode = struct.unpack(_HEADER, file.read(26))
        large = version == 2  # noqa: PLR2004
        palette = file.read(_read_length(file))
        icc = _read_resource(file, _ICC_PROFILE)
        size = _read_length(file, wide=large)
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


def _read_length(file: BinaryIO, *, wide: bool = False) -> int:
    return int(struct.unpack(">Q" if wide else ">I", file.read(8 if wide else 4))[0])


def _read_resource(file: BinaryIO, wanted_number: int) -> bytes | None:
    """The image resource with the number `wanted_number`, or None; the file is positioned after all resources."""
    size = _read_length(file)
    end = file.tell() + size
    resource = None
    while file.tell() + 12 <= end:
        signature, number, name = struct.unpack(">4sHB", file.read(7))
        if signature not in {b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"}:
            break
        file.seek(name + (name + 1) % 2, 1)  # name and length byte are padded to an even number
        length = _read_length(file)
        if number == wanted_number:
            resource = file.read(min(length, end - file.tell()))
            break
        file.seek(length + length % 2, 1)
    file.seek(end)
    return resource


def _first_alpha_is_transparency(file: BinaryIO, large: bool) -> bool:
    """Whether the number of layers is negative, which marks the first alpha channel as transparency."""
    if not _read_length(file, wide=large):
        return False
    return int(struct.unpack(">h", file.read(2))[0]) < 0

"""What a PNG says of itself, chunk by chunk (ISO/IEC 15948)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The chunks of a PNG as (type, length), the file left at each one's data. Ends where the file ends."""
    file.seek(8)
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - length and type, four bytes each
        length, kind = struct.unpack(">I4s", head)
        start = file.tell()
        yield kind, length
        file.seek(start + length + 4)  # the checksum behind it


def exif(path: Path) -> bytes | None:
    """The eXIf chunk; Pillow would see one behind the pixels only after decoding them."""
    with path.open("rb") as file:
        for kind, length in chunks(file):
            if kind == b"eXIf":
                return file.read(length)
    return None


def samples(path: Path) -> tuple[int, int]:
    """Channels and depth as IHDR says, tRNS counted as alpha."""
    with path.open("rb") as file:
        depth, colour = struct.unpack("BB", file.read(26)[24:])
        transparent = any(kind == b"tRNS" for kind, _ in chunks(file))
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    return channels + (transparent and colour in {0, 2, 3}), 16 if depth == 16 else 8  # noqa: PLR2004

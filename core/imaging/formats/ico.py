"""Windows icons and cursors: which of the pictures in one is the best, and how large that really is.

Pillow's plug-in decodes when it is asked for the size, and takes the poorest of the largest.
"""

import struct
from pathlib import Path
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"


class Icon(NamedTuple):
    """One picture of the directory; `bits` are per pixel, 32 for a PNG whatever that says."""

    width: int
    height: int
    bits: int
    offset: int
    length: int


def best(path: Path) -> Icon:
    """The largest picture, of those the deepest. Raises ValueError where there is none, or one is missing."""
    found = []
    with path.open("rb") as file:
        (count,) = struct.unpack("<H", file.read(6)[4:])
        directory = file.read(16 * count)
        for number in range(len(directory) // 16):
            length, offset = struct.unpack_from("<II", directory, 16 * number + 8)
            file.seek(offset)
            head = file.read(40)
            if head[:8] == _PNG and len(head) >= 24:  # noqa: PLR2004 - to the end of its size
                width, height = struct.unpack_from(">II", head, 16)
                found.append(Icon(width, height, 32, offset, length))
            elif len(head) >= 16:  # noqa: PLR2004 - to the end of the bits per pixel
                width, height, _, bits = struct.unpack_from("<iiHH", head, 4)
                found.append(Icon(width, abs(height) // 2, bits, offset, length))  # colours, and a mask below
            else:
                raise ValueError("an icon that is cut short: the picture that is missing may be the best")
    if not found:
        raise ValueError("an icon without a picture")
    return max(found, key=lambda icon: (icon.width * icon.height, icon.bits))


def alone(path: Path, icon: Icon) -> bytes:
    """An icon file with this one picture in it, and the bits per pixel that cursors do not say."""
    with path.open("rb") as file:
        file.seek(icon.offset)
        content = file.read(icon.length)
    sides = [side if side < 256 else 0 for side in (icon.width, icon.height)]  # noqa: PLR2004 - 0 means 256 or more
    entry = struct.pack("<BBBBHHII", *sides, 0, 0, 1, icon.bits, len(content), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + content

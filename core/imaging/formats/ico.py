"""Windows icons and cursors: finding the best of their pictures and its real size.

Pillow's plug-in decodes a picture to find its size, and of equally large pictures chooses the one with fewest colours.
"""

import struct
from pathlib import Path
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"


class Icon(NamedTuple):
    """One picture of the file. `bits` are per pixel; a PNG counts as 32. `offset` and `length` are in bytes."""

    width: int
    height: int
    bits: int
    offset: int
    length: int


def find_best(path: Path) -> Icon:
    """The largest picture; of equally large ones the deepest. Raises ValueError if there is none, or one is cut off."""
    icons = []
    with path.open("rb") as file:
        (count,) = struct.unpack("<H", file.read(6)[4:])
        directory = file.read(16 * count)
        for number in range(len(directory) // 16):
            length, offset = struct.unpack_from("<II", directory, 16 * number + 8)
            file.seek(offset)
            head = file.read(40)
            if head[:8] == _PNG and len(head) >= 24:  # noqa: PLR2004 - to the end of its size
                width, height = struct.unpack_from(">II", head, 16)
                icons.append(Icon(width, height, 32, offset, length))
            elif len(head) >= 16:  # noqa: PLR2004 - to the end of the bits per pixel
                width, height, _, bits = struct.unpack_from("<iiHH", head, 4)
                icons.append(Icon(width, abs(height) // 2, bits, offset, length))  # the height includes a mask
            else:
                raise ValueError("an icon that is cut short: the missing picture may be the best")
    if not icons:
        raise ValueError("an icon without a picture")
    return max(icons, key=lambda icon: (icon.width * icon.height, icon.bits))


def extract(path: Path, icon: Icon) -> bytes:
    """An icon file with this picture alone, its bits per pixel filled in, which cursors lack."""
    with path.open("rb") as file:
        file.seek(icon.offset)
        content = file.read(icon.length)
    sides = [side if side < 256 else 0 for side in (icon.width, icon.height)]  # noqa: PLR2004 - 0 means 256 or more
    entry = struct.pack("<BBBBHHII", *sides, 0, 0, 1, icon.bits, len(content), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + content

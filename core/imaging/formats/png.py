"""What a PNG says of itself, chunk by chunk (ISO/IEC 15948)."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple


class PngColour(NamedTuple):
    """What a PNG without a profile says of its colours (ISO/IEC 15948, 11.3.2), in the order of precedence.

    `cicp` holds its first two numbers: primaries and transfer function, of ITU-T H.273. `gamma` is gAMA's number
    over 100,000; `chromaticities` are x and y of white, red, green and blue.
    """

    cicp: tuple[int, int] | None = None
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The chunks of a PNG as (type, length), the file left at each one's data.

    Ends behind IEND, where the file ends, or with one whose type is none: megabytes of zeros would be a chunk every
    twelve bytes.
    """
    file.seek(8)
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - length and type, four bytes each
        length, kind = struct.unpack(">I4s", head)
        start = file.tell()
        yield kind, length
        if kind == b"IEND" or not is_type(kind):
            return
        file.seek(start + length + 4)  # the checksum behind it


def is_type(kind: bytes) -> bool:
    """Whether these four bytes can name a chunk: letters, and what Pillow lets pass (ISO/IEC 15948, 5.4)."""
    return re.fullmatch(rb"\w{4}", kind) is not None


def claims_more(path: Path) -> bool:
    """Whether a chunk says that it has more bytes than the file: OpenCV takes memory for it before it looks.

    Also where something is no chunk: what is behind it nobody has seen.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        return any(length > size or not is_type(kind) for kind, length in chunks(file))


def exif(path: Path) -> bytes | None:
    """The eXIf chunk; Pillow would see one behind the pixels only after decoding them."""
    with path.open("rb") as file:
        for kind, length in chunks(file):
            if kind == b"eXIf":
                return file.read(length)
    return None


def colour(path: Path) -> PngColour:
    """The chunks in front of the pixels, other than iCCP, that say what the numbers mean."""
    found = PngColour()
    with path.open("rb") as file:
        for kind, length in chunks(file):
            if kind == b"cICP" and length >= 2:  # noqa: PLR2004
                found = found._replace(cicp=struct.unpack("BB", file.read(2)))
            elif kind == b"sRGB":
                found = found._replace(srgb=True)
            elif kind == b"gAMA" and length == 4:  # noqa: PLR2004
                found = found._replace(gamma=struct.unpack(">I", file.read(4))[0] / 100_000)
            elif kind == b"cHRM" and length == 32:  # noqa: PLR2004
                values = struct.unpack(">8I", file.read(32))
                found = found._replace(chromaticities=tuple(value / 100_000 for value in values))
            elif kind == b"IDAT":
                break
    return found


def samples(path: Path) -> tuple[int, int]:
    """Channels and depth as IHDR says, tRNS counted as alpha."""
    with path.open("rb") as file:
        depth, colour = struct.unpack("BB", file.read(26)[24:])
        transparent = any(kind == b"tRNS" for kind, _ in chunks(file))
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    return channels + (transparent and colour in {0, 2, 3}), 16 if depth == 16 else 8  # noqa: PLR2004


class Animation(NamedTuple):
    """What acTL says, and whether every frame of it is there and the end of the file too.

    `plays` is how often the frames are shown in all, 0 for ever.
    """

    frames: int
    plays: int
    complete: bool


def animation(path: Path) -> Animation | None:
    """The animation of the PNG at `path`; None for a still one, also where acTL comes too late to count."""
    said, found, ended, data = None, 0, False, False
    with path.open("rb") as file:
        for kind, length in chunks(file):
            data |= kind == b"IDAT"
            if kind == b"acTL" and not data and length == 8:  # noqa: PLR2004 - two numbers
                said = struct.unpack(">II", file.read(8))
            found += kind == b"fcTL"
            ended |= kind == b"IEND"
    if said is None or said[0] < 1:
        return None
    return Animation(frames=said[0], plays=said[1], complete=ended and found >= said[0])

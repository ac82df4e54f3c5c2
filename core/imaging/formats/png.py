"""Reading the chunks of a PNG (ISO/IEC 15948)."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple


class PngColour(NamedTuple):
    """The colour chunks of a PNG without an ICC profile (ISO/IEC 15948, 11.3.2), in the order of precedence.

    `cicp` holds primaries and transfer function by ITU-T H.273. `gamma` is gAMA's number divided by 100,000;
    `chromaticities` are x and y of white, red, green and blue.
    """

    cicp: tuple[int, int] | None = None
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


def iter_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of each chunk, the file positioned at the chunk's data.

    Ends after IEND, at the end of the file, or after an invalid type: megabytes of zeros would be a chunk for every
    twelve bytes.
    """
    file.seek(8)
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - length and type, four bytes each
        length, kind = struct.unpack(">I4s", head)
        start = file.tell()
        yield kind, length
        if kind == b"IEND" or not is_chunk_type(kind):
            return
        file.seek(start + length + 4)  # the data, and the checksum after it


def is_chunk_type(kind: bytes) -> bool:
    """Whether four bytes can be the type of a chunk: letters (ISO/IEC 15948, 5.4), or others that Pillow accepts."""
    return re.fullmatch(rb"\w{4}", kind) is not None


def exceeds_file(path: Path) -> bool:
    """Whether a chunk claims more bytes than the file has: OpenCV would allocate them before it reads.

    Also true if a chunk is invalid, since the chunks after it were not examined.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        return any(length > size or not is_chunk_type(kind) for kind, length in iter_chunks(file))


def read_exif(path: Path) -> bytes | None:
    """The eXIf chunk, wherever it is: Pillow finds one after the pixels only by decoding them."""
    with path.open("rb") as file:
        for kind, length in iter_chunks(file):
            if kind == b"eXIf":
                return file.read(length)
    return None


def read_colour(path: Path) -> PngColour:
    """The chunks before the pixels, other than iCCP, that define the colours."""
    colours = PngColour()
    with path.open("rb") as file:
        for kind, length in iter_chunks(file):
            if kind == b"cICP" and length >= 2:  # noqa: PLR2004
                colours = colours._replace(cicp=struct.unpack("BB", file.read(2)))
            elif kind == b"sRGB":
                colours = colours._replace(srgb=True)
            elif kind == b"gAMA" and length == 4:  # noqa: PLR2004
                colours = colours._replace(gamma=struct.unpack(">I", file.read(4))[0] / 100_000)
            elif kind == b"cHRM" and length == 32:  # noqa: PLR2004
                values = struct.unpack(">8I", file.read(32))
                colours = colours._replace(chromaticities=tuple(value / 100_000 for value in values))
            elif kind == b"IDAT":
                break
    return colours


def read_samples(path: Path) -> tuple[int, int]:
    """Channels and depth by IHDR; a tRNS chunk counts as alpha."""
    with path.open("rb") as file:
        depth, colour_type = struct.unpack("BB", file.read(26)[24:])
        transparent = any(kind == b"tRNS" for kind, _ in iter_chunks(file))
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour_type]
    return channels + (transparent and colour_type in {0, 2, 3}), 16 if depth == 16 else 8  # noqa: PLR2004


class Animation(NamedTuple):
    """The numbers of the acTL chunk: `plays` is how often the animation is shown, 0 for ever.

    `complete` says that every frame and the end of the file exist.
    """

    frames: int
    plays: int
    complete: bool


def read_animation(path: Path) -> Animation | None:
    """The animation of the PNG at `path`; None for a still one, also if acTL is invalid because it follows IDAT."""
    control, frames, ended, has_data = None, 0, False, False
    with path.open("rb") as file:
        for kind, length in iter_chunks(file):
            has_data |= kind == b"IDAT"
            if kind == b"acTL" and not has_data and length == 8:  # noqa: PLR2004 - two numbers
                control = struct.unpack(">II", file.read(8))
            frames += kind == b"fcTL"
            ended |= kind == b"IEND"
    if control is None or control[0] < 1:
        return None
    return Animation(frames=control[0], plays=control[1], complete=ended and frames >= control[0])

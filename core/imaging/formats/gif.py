"""Reading the blocks of a GIF (GIF89a), and writing those of an animated one. Bytes only."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_CUT = 0  # marks a block that the end of the file cuts short
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_LOOPS = 14  # bytes of the extension: the name, the number 1, and the repeats
_TO_BACKGROUND = 2  # disposal: the frame's box becomes transparent before the next frame
_LONGEST, _MOST_REPEATS = 0xFFFF, 0xFFFF


class GifHeader(NamedTuple):
    """`durations` are in milliseconds, one for each frame; `plays` is how often they are shown, 0 for ever.

    `transparent` says that pixels of the canvas may be transparent; `complete` that no frame is missing.
    """

    durations: tuple[int, ...]
    plays: int
    transparent: bool
    complete: bool


def read(path: Path) -> GifHeader:
    """Read the blocks of the file at `path` up to its end.

    A still picture without an end mark is complete. An animation is not: frames may be missing.
    """
    durations: list[int] = []
    plays, delay = 1, 0
    transparent, ended = False, -1
    with path.open("rb") as file:
        screen = file.read(13)
        size = screen[6:10]
        file.seek(_table_bytes(screen[10]), 1)
        for kind, body in _blocks(file):
            if kind in {_TRAILER, _CUT}:
                ended = kind
            elif kind == _CONTROL and len(body) >= 4:  # noqa: PLR2004 - flags, delay, transparent colour
                flags, hundredths = struct.unpack_from("<BH", body)
                delay = 10 * hundredths
                transparent |= bool(flags & 1) or flags >> 2 & 7 == _TO_BACKGROUND
            elif kind == _APPLICATION and body[:11] in _LOOPING and body[11:12] == b"\1" and len(body) >= _LOOPS:
                (repeats,) = struct.unpack_from("<H", body, 12)
                plays = repeats + 1 if repeats else 0
            elif kind == _IMAGE:
                if not durations:
                    transparent |= body[:8] != bytes(4) + size
                durations.append(delay)
                delay = 0
    complete = ended == _TRAILER or (ended != _CUT and len(durations) == 1 and plays == 1)
    return GifHeader(tuple(durations), plays, transparent, complete)


def _blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each block: an image's descriptor, or an extension's joined sub-blocks.

    A block that is cut short is yielded as _CUT, and is the last.
    """
    while kind := file.read(1):
        if kind[0] == _TRAILER:
            yield _TRAILER, b""
            return
        if kind[0] in {_IMAGE, _EXTENSION}:
            image = kind[0] == _IMAGE
            head = file.read(9 if image else 1)
            if image and len(head) == 9:  # noqa: PLR2004 - a descriptor, its flags the last
                file.seek(_table_bytes(head[8]) + 1, 1)  # and the size of the first code
            body = _sub_blocks(file)
            if body is None:
                yield _CUT, b""
                return
            yield (_IMAGE, head) if image else (head[0], body)
        elif kind[0]:
            return
        else:  # zeros between blocks occur, and are harmless
            _skip_zeros(file)


def _skip_zeros(file: BinaryIO) -> None:
    """Move to the next byte that is not 0; there may be megabytes of zeros."""
    while part := file.read(1 << 16):
        if rest := part.lstrip(b"\0"):
            file.seek(-len(rest), 1)
            return


def _sub_blocks(file: BinaryIO) -> bytes | None:
    """Skip all sub-blocks and return the first two, joined; None if the file ends before them."""
    joined, count = b"", 0
    while length := file.read(1):
        if not length[0]:
            return joined
        data = file.read(length[0])
        if len(data) < length[0]:
            return None
        count += 1
        if count <= 2:  # noqa: PLR2004 - an application's name, and its data
            joined += data
    return None


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def encode_head(width: int, height: int, plays: int) -> bytes:
    """The blocks before the frames: the size, no global palette, and the repeats unless `plays` is 1."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0)
    if plays == 1:
        return screen
    repeats = min(plays - 1, _MOST_REPEATS) if plays else 0
    return screen + struct.pack("<BBB11sBBHB", _EXTENSION, _APPLICATION, 11, _LOOPING[0], 3, 1, repeats, 0)


def encode_frame(
    at: tuple[int, int],
    size: tuple[int, int],
    palette: bytes,
    data: bytes,
    *,
    hundredths: int,
    clear: bool,
    clear_index: int | None,
) -> bytes:
    """The blocks of one frame at (x, y): `palette` has 3 bytes for each colour, `data` is the compressed pixels.

    Pixels of the colour `clear_index` are transparent; `clear` empties the frame's box before the next frame.
    """
    bits = max(1, (len(palette) // 3 - 1).bit_length())
    flags = (_TO_BACKGROUND if clear else 1) << 2 | (clear_index is not None)
    control = struct.pack("<BBBBHBB", _EXTENSION, _CONTROL, 4, flags, min(hundredths, _LONGEST), clear_index or 0, 0)
    box = struct.pack("<BHHHHB", _IMAGE, *at, *size, 0x80 | (bits - 1))
    return control + box + palette.ljust(3 << bits, b"\0") + data


TRAILER = bytes([_TRAILER])

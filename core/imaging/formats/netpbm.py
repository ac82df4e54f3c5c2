"""Reading the header of a portable anymap: magic number, width, height, largest value (netpbm's man pages)."""

import re
from pathlib import Path
from typing import NamedTuple

_FIELD = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*(\d{1,10})")


class NetpbmHeader(NamedTuple):
    """`largest` is the value of white, 1 for bitmaps; `offset` is that of the pixels, in bytes."""

    magic: bytes
    width: int
    height: int
    largest: int
    offset: int


def read(path: Path) -> NetpbmHeader:
    """Read the header. Raises ValueError if a field is missing or invalid."""
    with path.open("rb") as file:
        head = file.read(65_536)  # comments may be long
    at = 2
    fields: list[int] = []
    while len(fields) < (2 if head[:2] in {b"P1", b"P4"} else 3):
        match = _FIELD.match(head, at)
        if match is None:
            raise ValueError("an anymap without its size")
        fields.append(int(match[1]))
        at = match.end()
    largest = fields[2] if len(fields) > 2 else 1  # noqa: PLR2004
    if not 0 < largest < 65_536:  # noqa: PLR2004 - two bytes at most
        raise ValueError("an anymap whose largest value is invalid")
    return NetpbmHeader(head[:2], fields[0], fields[1], largest, at + 1)

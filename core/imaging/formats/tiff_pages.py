"""Where the pages of a TIFF begin, and how another than the first is made the first. Bytes only."""

import struct
from pathlib import Path

_MOST = 65_536  # a chain of more directories is a trap


def directories(path: Path) -> tuple[int, ...]:
    """Where the directory of each page lies in the file at `path`, in order.

    Raises ValueError or struct.error where the chain of them is broken.
    """
    found: list[int] = []
    with path.open("rb") as file:
        order, big = _kind(file.read(4))
        pointer, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
        file.seek(8 if big else 4)
        while at := _number(file.read(struct.calcsize(order + pointer)), order + pointer):
            if at in found or len(found) == _MOST:
                raise ValueError("a TIFF whose pages have no end")
            found.append(at)
            file.seek(at)
            entries = _number(file.read(struct.calcsize(order + count)), order + count)
            file.seek(entries * entry, 1)
    return tuple(found)


def make_first(path: Path, directory: int) -> None:
    """Let the file at `path` begin with the page whose directory is at `directory`, in place."""
    with path.open("r+b") as file:
        order, big = _kind(file.read(4))
        file.seek(8 if big else 4)
        file.write(struct.pack(order + ("Q" if big else "I"), directory))


def _kind(head: bytes) -> tuple[str, bool]:
    """The byte order as `struct` spells it, and whether it is a Big TIFF."""
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    return order, _number(head[2:], order + "H") == 43  # noqa: PLR2004 - Big TIFF's version


def _number(data: bytes, layout: str) -> int:
    return int(struct.unpack(layout, data)[0])

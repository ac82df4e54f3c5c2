"""The image file directories (IFDs) of a TIFF: the chain of its pages, and their entries (TIFF 6.0; Big TIFF)."""

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

_BIG_TIFF = 43  # the version number; classic TIFF has 42
_MOST_DIRECTORIES = 65_536  # a longer chain is an attack
_MOST_ENTRIES = 65_535  # as many as there are tags
_MOST_VALUE_BYTES = 1 << 24  # the largest values, ICC profiles, have a few megabytes
_MOST_OFFSET = 1 << 62  # bytes; Python can seek to it


class Tag(IntEnum):
    """The tags that are read or changed."""

    SUBFILE_TYPE = 254
    WIDTH = 256
    LENGTH = 257
    BITS = 258
    PHOTOMETRIC = 262
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SUB_DIRECTORIES = 330
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    ICC_PROFILE = 34_675
    DNG_VERSION = 50_706


class FieldType(IntEnum):
    """The field types whose values are read: bytes and unsigned whole numbers."""

    BYTE = 1
    SHORT = 3
    LONG = 4
    UNDEFINED = 7
    LONG8 = 16


#: The letter of `struct` for a value of each type.
LETTERS = {
    FieldType.BYTE: "B",
    FieldType.SHORT: "H",
    FieldType.LONG: "I",
    FieldType.UNDEFINED: "B",
    FieldType.LONG8: "Q",
}


class BrokenChainError(ValueError):
    """The chain of directories returns to an earlier one, is too long, or is cut short between two of them."""


class Layout(NamedTuple):
    """The layout of a file's numbers: `order` is "<" or ">", as in `struct`; `big` says that it is a Big TIFF."""

    order: str
    big: bool

    @property
    def offset_format(self) -> str:
        """The `struct` format of an offset."""
        return self.order + ("Q" if self.big else "I")

    @property
    def count_format(self) -> str:
        """The `struct` format of a directory's number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry_format(self) -> str:
        """The `struct` format of an entry: tag, type, number of values, and the values or their offset."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def first_pointer(self) -> int:
        """The position in the file of the offset of its first directory."""
        return 8 if self.big else 4


class Directory(NamedTuple):
    """One directory: its offset in the file, and how many entries it has."""

    offset: int
    entry_count: int


class Entry(NamedTuple):
    """One field of a directory. `offset` is that of the entry itself; `inline` holds the values, or their offset."""

    offset: int
    tag: int
    kind: int
    value_count: int
    inline: bytes


def read_layout(file: BinaryIO) -> Layout:
    """Read the layout of the file's numbers. Raises ValueError if it is no TIFF."""
    file.seek(0)
    head = file.read(4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:  # noqa: PLR2004 - byte order and version
        raise ValueError("not a TIFF")
    return Layout(order, struct.unpack(order + "H", head[2:])[0] == _BIG_TIFF)


def walk(file: BinaryIO, layout: Layout) -> Iterator[Directory]:
    """Yield the directories in order; there is one for each page.

    Raises BrokenChainError if the chain breaks, and ValueError for an impossible directory.
    """
    file.seek(layout.first_pointer)
    offset = _read_number(file, layout.offset_format)
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) == _MOST_DIRECTORIES:
            raise BrokenChainError("a TIFF whose pages have no end")
        _seek(file, offset)
        count = _read_number(file, layout.count_format)
        if count > _MOST_ENTRIES:
            raise ValueError("a TIFF whose directory has more entries than there are tags")
        seen.add(offset)
        yield Directory(offset, count)
        file.seek(_entries_offset(layout, offset) + struct.calcsize(layout.entry_format) * count)
        try:
            offset = _read_number(file, layout.offset_format)
        except ValueError as error:
            raise BrokenChainError("a TIFF that is cut short behind a page's directory") from error


def read_entries(file: BinaryIO, layout: Layout, directory: Directory) -> list[Entry]:
    """The entries of one directory; fewer than it counts if the file is cut short."""
    start, size = _entries_offset(layout, directory.offset), struct.calcsize(layout.entry_format)
    file.seek(start)
    data = file.read(size * directory.entry_count)
    whole = data[: len(data) // size * size]
    return [
        Entry(start + number * size, *fields)
        for number, fields in enumerate(struct.iter_unpack(layout.entry_format, whole))
    ]


def read_values(file: BinaryIO, layout: Layout, entry: Entry) -> tuple[int, ...]:
    """The values of an entry, none for a type that FieldType lacks. Raises ValueError if they are not in the file."""
    if entry.kind not in LETTERS:
        return ()
    letter = LETTERS[FieldType(entry.kind)]
    size = entry.value_count * struct.calcsize(letter)
    if size > _MOST_VALUE_BYTES:
        raise ValueError("a TIFF whose field is larger than any that is known")
    data = entry.inline[:size]
    if size > len(entry.inline):
        _seek(file, struct.unpack(layout.offset_format, entry.inline)[0])
        data = file.read(size)
    if len(data) < size:
        raise ValueError("a TIFF whose field lies outside the file")
    return struct.unpack(f"{layout.order}{entry.value_count}{letter}", data)


def page_offsets(path: Path) -> tuple[int, ...]:
    """The offset of each page's directory in the file at `path`, in order. Raises ValueError if the chain breaks."""
    with path.open("rb") as file:
        return tuple(directory.offset for directory in walk(file, read_layout(file)))


def make_first(path: Path, offset: int) -> None:
    """Change the file at `path` in place, so that it begins with the page whose directory is at `offset`."""
    with path.open("r+b") as file:
        layout = read_layout(file)
        file.seek(layout.first_pointer)
        file.write(struct.pack(layout.offset_format, offset))


def _entries_offset(layout: Layout, directory: int) -> int:
    return directory + struct.calcsize(layout.count_format)


def _seek(file: BinaryIO, offset: int) -> None:
    if offset > _MOST_OFFSET:
        raise ValueError("a TIFF with an offset outside of any file")
    file.seek(offset)


def _read_number(file: BinaryIO, layout: str) -> int:
    data = file.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise ValueError("a TIFF that is cut short")
    return int(struct.unpack(layout, data)[0])

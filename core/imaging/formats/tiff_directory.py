"""What the first directory of a TIFF says (TIFF 6.0; Big TIFF), for the pictures that Pillow does not know."""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_SIZES = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}  # the field types whose values are wanted: whole numbers and bytes
_MOST = 1 << 24  # bytes of one field: profiles are megabytes at most

(SUBFILE_TYPE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC) = (254, 256, 257, 258, 259, 262)
(ORIENTATION, SAMPLES, PLANAR, PREDICTOR, TILE_WIDTH, SUB_DIRECTORIES) = (274, 277, 284, 317, 322, 330)
(EXTRA_SAMPLES, SAMPLE_FORMAT, ICC_PROFILE, DNG_VERSION) = (338, 339, 34_675, 50_706)
_WANTED = {
    *(SUBFILE_TYPE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, PLANAR, PREDICTOR),
    *(TILE_WIDTH, SUB_DIRECTORIES, EXTRA_SAMPLES, SAMPLE_FORMAT, ICC_PROFILE, DNG_VERSION),
}


class Directory(NamedTuple):
    """The wanted fields of the first directory, and how many directories, so pages, the file has."""

    fields: dict[int, tuple[int, ...]]
    pages: int
    big: bool

    def first(self, tag: int, default: int) -> int:
        return self.fields.get(tag, (default,))[0]

    @property
    def bits(self) -> int:
        return max(self.fields.get(BITS, (1,)))

    @property
    def samples(self) -> int:
        return self.first(SAMPLES, 1)

    @property
    def is_of_whole_numbers(self) -> bool:
        """Unsigned ones (1), or of a kind that is left open (4)."""
        return set(self.fields.get(SAMPLE_FORMAT, (1,))) <= {1, 4}

    @property
    def is_raw_preview(self) -> bool:
        """Whether this is a camera's raw file, and what its first directory has is a preview of the picture."""
        return bool(self.first(SUBFILE_TYPE, 0) & 1 and {SUB_DIRECTORIES, DNG_VERSION} & set(self.fields))

    @property
    def deep_kind(self) -> str | None:
        """How core.imaging.codec.deep_tiff reads these pixels; None if OpenCV or Pillow reads them rightly."""
        photometric, samples, bits = self.first(PHOTOMETRIC, 1), self.samples, set(self.fields.get(BITS, (1,)))
        if self.big or not self.is_of_whole_numbers or len(bits) > 1 or self.bits not in {10, 12, 14, 16}:
            return None
        deep, planar = self.bits == 16, self.first(PLANAR, 1) == 2  # noqa: PLR2004
        if deep and (photometric, samples) in {(8, 3), (5, 4)}:
            return {8: "lab", 5: "cmyk"}[photometric]
        if deep and photometric in {0, 1} and samples == 2:  # noqa: PLR2004
            return "grey_with_alpha"
        if (photometric, samples) in {(0, 1), (1, 1), (2, 3), (2, 4)}:
            inverted, shallow = photometric == 0, not deep and not planar and samples < 4  # noqa: PLR2004
            return "plain" if inverted or shallow or (planar and deep) else None
        return None


def read(path: Path) -> Directory | None:
    """None where the file is damaged: whoever reads the pixels says so, or gets along with it."""
    try:
        return _read(path)
    except (KeyError, ValueError, OverflowError, struct.error):
        return None


def _read(path: Path) -> Directory:
    with path.open("rb") as file:
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}[head[:2]]
        big = struct.unpack(order + "H", head[2:4])[0] == 43  # noqa: PLR2004 - Big TIFF's version
        (at,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
        seen: set[int] = set()
        fields: dict[int, tuple[int, ...]] = {}
        while at and at not in seen and len(seen) < 65_536:  # noqa: PLR2004 - a chain that long is a trap
            entries, following = _directory(file, at, order, big, skip=bool(seen))
            if not seen:
                fields = {tag: values for entry in entries for tag, values in _values(file, entry, order, big)}
            seen.add(at)
            at = following
    if not fields.get(WIDTH) or not fields.get(LENGTH):
        raise ValueError("a TIFF without a size")
    return Directory({tag: values for tag, values in fields.items() if values}, len(seen), big)


def _directory(file: BinaryIO, at: int, order: str, big: bool, *, skip: bool) -> tuple[list[bytes], int]:
    """Its entries, none of them where they are skipped, and where the next one is."""
    size = 20 if big else 12
    file.seek(at)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    if count > 65_535:  # noqa: PLR2004 - as many as there can be tags
        raise ValueError("a TIFF with a senseless directory")
    data = b"" if skip else file.read(size * count)
    file.seek(at + (8 if big else 2) + size * count)
    following = file.read(8 if big else 4)
    (after,) = struct.unpack(order + ("Q" if big else "I"), following) if len(following) == (8 if big else 4) else (0,)
    return [data[start : start + size] for start in range(0, len(data) - size + 1, size)], after


def _values(file: BinaryIO, entry: bytes, order: str, big: bool) -> list[tuple[int, tuple[int, ...]]]:
    tag, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), entry)
    if tag not in _WANTED or kind not in _SIZES:
        return []
    layout = f"{order}{count}{_SIZES[kind]}"
    inline = entry[12:] if big else entry[8:]
    size = struct.calcsize(layout)
    if size > _MOST:
        raise ValueError("a TIFF with a senseless field")
    if size > len(inline):
        file.seek(struct.unpack(order + ("Q" if big else "I"), inline)[0])
        inline = file.read(size)
    return [(tag, struct.unpack(layout, inline[:size]))]

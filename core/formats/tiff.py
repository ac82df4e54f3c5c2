"""The two fields of a TIFF that OpenCV does not let one set: alpha's meaning, and orientation. Bytes only."""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_ORIENTATION = 274
_EXTRA_SAMPLES = 338
_SHORT = 3
_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2  # TIFF 6.0, ExtraSamples: premultiplied, straight


def declare_alpha(path: Path) -> None:
    """Say in the file at `path` that its fourth channel is straight alpha, which OpenCV leaves unsaid.

    A copy of its one directory with the field added goes to the end. Big TIFF is left as it is.
    """
    with path.open("r+b") as file:
        head = file.read(8)
        order = _order(head)
        if order is None:
            return
        (at,) = struct.unpack(order + "I", head[4:])
        file.seek(at)
        (count,) = struct.unpack(order + "H", file.read(2))
        fields = [file.read(12) for _ in range(count)]
        if any(field[:2] == struct.pack(order + "H", _EXTRA_SAMPLES) for field in fields):
            return
        fields.append(struct.pack(order + "HHIHH", _EXTRA_SAMPLES, _SHORT, 1, _UNASSOCIATED_ALPHA, 0))
        fields.sort(key=lambda field: int(struct.unpack(order + "H", field[:2])[0]))
        end = file.seek(0, 2)
        end += file.write(b"\0" * (end % 2))
        file.write(struct.pack(order + "H", len(fields)) + b"".join(fields) + b"\0\0\0\0")
        file.seek(4)
        file.write(struct.pack(order + "I", end))


def is_premultiplied(tags: Mapping[int, Any]) -> bool:
    """Whether the directory says that colours are stored multiplied by their alpha."""
    return _ASSOCIATED_ALPHA in tags.get(_EXTRA_SAMPLES, ())


def without_orientation(content: bytes) -> bytes:
    """The same TIFF, saying of its first page that it is stored as displayed."""
    order = _order(content)
    if order is None:
        return content
    changed = bytearray(content)
    for at, tag in _fields(content, order):
        if tag == _ORIENTATION:
            struct.pack_into(order + "HIHH", changed, at + 2, _SHORT, 1, 1, 0)
    return bytes(changed)


def _fields(content: bytes, order: str) -> Iterator[tuple[int, int]]:
    (start,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        yield at, struct.unpack_from(order + "H", content, at)[0]


def _order(head: bytes) -> str | None:
    """The byte order of a classic TIFF, as `struct` spells it; None for Big TIFF."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])

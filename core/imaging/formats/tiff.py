"""The fields of a TIFF that OpenCV does not let one set: alpha's meaning, orientation, and how to take pixels."""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_ORIENTATION = 274
_EXTRA_SAMPLES = 338
_SHORT, _LONG = 3, 4
_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2  # TIFF 6.0, ExtraSamples: premultiplied, straight
_DATA = {273, 279, 324, 325}  # where strips and tiles begin, and their bytes
# Orientation, bits, photometric interpretation, samples, planar configuration, extra samples, sample format.
_ONE_PLANE = {_ORIENTATION: 1, 258: 16, 262: 1, 277: 1, 284: 1, _EXTRA_SAMPLES: 0, 339: 1}


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
    return with_fields(content, {_ORIENTATION: 1})


def with_fields(content: bytes, values: Mapping[int, int]) -> bytes:
    """The same TIFF, those fields of its first directory that it has being single numbers of other values.

    Big TIFF comes back as it is.
    """
    order = _order(content)
    if order is None:
        return content
    changed = bytearray(content)
    for at, tag in _fields(content, order):
        if tag in values:
            struct.pack_into(order + "HII", changed, at + 2, _LONG, 1, values[tag])
    return bytes(changed)


def plane(content: bytes, number: int, planes: int) -> bytes:
    """The same TIFF, whose samples lie in `planes` planes, as if that one were all there is: grey."""
    order = _order(content)
    if order is None:
        return content
    changed = bytearray(with_fields(content, _ONE_PLANE))
    for at, tag in _fields(content, order):
        kind, count = struct.unpack_from(order + "HI", content, at + 2)
        if tag not in _DATA or kind not in {_SHORT, _LONG}:
            continue
        letter, size, share = ("H", 2, count // planes) if kind == _SHORT else ("I", 4, count // planes)
        start = at + 8 if count * size <= 4 else struct.unpack_from(order + "I", content, at + 8)[0]  # noqa: PLR2004
        start += number * share * size
        struct.pack_into(order + "I", changed, at + 4, share)
        if share * size <= 4:  # noqa: PLR2004 - values that fit stand in the field itself
            values = struct.unpack_from(f"{order}{share}{letter}", content, start)
            struct.pack_into(f"{order}{share}{letter}", changed, at + 8, *values)
        else:
            struct.pack_into(order + "I", changed, at + 8, start)
    return bytes(changed)


def _fields(content: bytes, order: str) -> Iterator[tuple[int, int]]:
    (start,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        yield at, struct.unpack_from(order + "H", content, at)[0]


def _order(head: bytes) -> str | None:
    """The byte order of a classic TIFF, as `struct` spells it; None for Big TIFF."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])

"""Changes to the fields of a classic TIFF that OpenCV does not offer: the meaning of alpha, orientation, planes."""

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.imaging.formats import tiff_ifd
from core.imaging.formats.tiff_ifd import LETTERS, Entry, FieldType, Layout, Tag

_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2  # TIFF 6.0, ExtraSamples: premultiplied, straight
_DATA = {Tag.STRIP_OFFSETS, Tag.STRIP_BYTES, Tag.TILE_OFFSETS, Tag.TILE_BYTES}
_ONE_GREY_PLANE = {
    Tag.ORIENTATION: 1,
    Tag.BITS: 16,
    Tag.PHOTOMETRIC: 1,  # black is zero
    Tag.SAMPLES: 1,
    Tag.PLANAR: 1,
    Tag.EXTRA_SAMPLES: 0,
    Tag.SAMPLE_FORMAT: 1,
}


def declare_alpha(path: Path) -> None:
    """Declare in the file at `path` that its fourth channel is straight alpha: OpenCV does not write that field.

    A copy of the only directory, with the field added, goes to the end. A Big TIFF stays as it is.
    """
    with path.open("r+b") as file:
        layout = tiff_ifd.read_layout(file)
        if layout.big:
            return
        entries = tiff_ifd.read_entries(file, layout, next(tiff_ifd.walk(file, layout)))
        if any(entry.tag == Tag.EXTRA_SAMPLES for entry in entries):
            return
        value = struct.pack(layout.order + "HH", _UNASSOCIATED_ALPHA, 0)
        entries.append(Entry(0, Tag.EXTRA_SAMPLES, FieldType.SHORT, 1, value))
        entries.sort(key=lambda entry: entry.tag)
        end = file.seek(0, io.SEEK_END)
        end += file.write(b"\0" * (end % 2))
        fields = (
            struct.pack(layout.entry_format, entry.tag, entry.kind, entry.value_count, entry.inline)
            for entry in entries
        )
        file.write(struct.pack(layout.count_format, len(entries)) + b"".join(fields) + b"\0\0\0\0")
    tiff_ifd.make_first(path, end)


def is_premultiplied(fields: Mapping[int, Any]) -> bool:
    """Whether the fields, by tag, say that colours are stored multiplied by their alpha."""
    return _ASSOCIATED_ALPHA in fields.get(Tag.EXTRA_SAMPLES, ())


def without_orientation(content: bytes) -> bytes:
    """The same TIFF, its first page declared to be stored as it is displayed."""
    return with_fields(content, {Tag.ORIENTATION: 1})


def with_fields(content: bytes, values: Mapping[Tag, int]) -> bytes:
    """The same TIFF with the fields in `values` (number by tag) changed in its first directory.

    Fields that it lacks are not added. A Big TIFF comes back as it is.
    """
    layout, entries = read_first_entries(content)
    changed = bytearray(content)
    for entry in entries:
        if entry.tag in values:
            value = values[Tag(entry.tag)]
            struct.pack_into(layout.order + "HII", changed, entry.offset + 2, FieldType.LONG, 1, value)
    return bytes(changed)


def with_one_plane(content: bytes, number: int, planes: int) -> bytes:
    """The same TIFF, reduced to plane `number` of `planes`, as an image of one grey channel of 16 bits."""
    changed = bytearray(with_fields(content, _ONE_GREY_PLANE))
    layout, entries = read_first_entries(content)
    for entry in entries:
        if entry.tag not in _DATA or entry.kind not in {FieldType.SHORT, FieldType.LONG}:
            continue
        letter = LETTERS[FieldType(entry.kind)]
        size, share = struct.calcsize(letter), entry.value_count // planes
        inline = entry.offset + 8  # where an entry has its values, or their offset
        is_inline = entry.value_count * size <= len(entry.inline)
        start = inline if is_inline else struct.unpack(layout.offset_format, entry.inline)[0]
        start += number * share * size
        struct.pack_into(layout.order + "I", changed, entry.offset + 4, share)
        if share * size <= len(entry.inline):
            values = struct.unpack_from(f"{layout.order}{share}{letter}", content, start)
            struct.pack_into(f"{layout.order}{share}{letter}", changed, inline, *values)
        else:
            struct.pack_into(layout.order + "I", changed, inline, start)
    return bytes(changed)


def read_first_entries(content: bytes) -> tuple[Layout, list[Entry]]:
    """The layout of the TIFF's numbers, and the entries of its first directory; none of a Big TIFF, which stays."""
    file = io.BytesIO(content)
    layout = tiff_ifd.read_layout(file)
    directory = None if layout.big else next(tiff_ifd.walk(file, layout), None)
    return layout, tiff_ifd.read_entries(file, layout, directory) if directory else []

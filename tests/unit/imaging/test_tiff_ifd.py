"""The chain of a TIFF's directories: walked in order, in both layouts, and never without end."""

import io
import struct
from pathlib import Path

import pytest

from core.imaging.formats import tiff_ifd
from core.imaging.formats.tiff_ifd import BrokenChainError, Tag


def file_of(order: str, *, big: bool, directories: list[int], following: list[int]) -> bytes:
    """A file with directories of one entry, the width, at the given offsets, each followed by the given offset."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + ("HHHQ" if big else "HI"), *_head(big, directories))
    content = bytearray(max(directories) + 100)
    content[: len(head)] = head
    for number, (offset, after) in enumerate(zip(directories, following, strict=True)):
        layout = order + ("QHHQHHIQ" if big else "HHHIHHI")
        struct.pack_into(layout, content, offset, 1, Tag.WIDTH, 3, 1, number + 1, 0, *([0] if big else []), after)
    return bytes(content)


def _head(big: bool, directories: list[int]) -> tuple[int, ...]:
    return (43, 8, 0, directories[0]) if big else (42, directories[0])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_directories_are_walked_in_the_order_of_their_links(order: str, big: bool) -> None:
    file = io.BytesIO(file_of(order, big=big, directories=[300, 100, 200], following=[100, 200, 0]))
    layout = tiff_ifd.read_layout(file)
    assert layout == (order, big)
    widths = []
    for directory in tiff_ifd.walk(file, layout):
        (entry,) = tiff_ifd.read_entries(file, layout, directory)
        widths.append((directory.offset, entry.tag, *tiff_ifd.read_values(file, layout, entry)))
    assert widths == [(300, Tag.WIDTH, 1), (100, Tag.WIDTH, 2), (200, Tag.WIDTH, 3)]


def test_a_chain_that_returns_to_an_earlier_directory_is_broken() -> None:
    file = io.BytesIO(file_of("<", big=False, directories=[100, 200], following=[200, 100]))
    walk = tiff_ifd.walk(file, tiff_ifd.read_layout(file))
    assert [next(walk).offset, next(walk).offset] == [100, 200]
    with pytest.raises(BrokenChainError):
        next(walk)


@pytest.mark.parametrize("content", [b"", b"II", b"PK\3\4", b"II*\0", b"II+\0\b\0\0\0" + b"\xff" * 8])
def test_a_file_without_a_directory_raises_value_error(content: bytes) -> None:
    file = io.BytesIO(content)
    with pytest.raises(ValueError, match="TIFF"):
        list(tiff_ifd.walk(file, tiff_ifd.read_layout(file)))


def test_another_page_is_made_the_first(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(file_of(">", big=True, directories=[100, 200], following=[200, 0]))
    assert tiff_ifd.page_offsets(path) == (100, 200)
    tiff_ifd.make_first(path, 200)
    assert tiff_ifd.page_offsets(path) == (200,)

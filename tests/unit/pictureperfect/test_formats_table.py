"""The table of formats: every file that Pillow writes is read back with its own pixels, or refused."""

from pathlib import Path

import pytest

from core.imaging.formats import readers
from pictureperfect.catalogue import format_table
from pictureperfect.catalogue.format_table import Row

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "formats.md"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return format_table.rows()


def test_no_format_is_read_with_wrong_pixels(rows: list[Row]) -> None:
    assert [row for row in rows for _, reason in row.refused if format_table.WRONG in reason] == []
    assert all("unsupported_format" in reason for row in rows for _, reason in row.refused)


def test_common_formats_are_accepted_in_every_mode(rows: list[Row]) -> None:
    by_format = {row.format: row for row in rows}
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "JPEG2000", "TGA", "DDS", "ICO", "PCX", "SGI", "QOI"):
        assert by_format[name].comes_in, name
        assert not by_format[name].refused, name
    assert {"L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LAB"} <= set(by_format["TIFF"].comes_in)


def test_every_format_with_a_reader_is_named_in_the_docs() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert [reader.name for reader in readers.READERS.values() if reader.name not in document] == []

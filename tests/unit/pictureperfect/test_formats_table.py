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


def test_nothing_comes_in_with_other_pixels_than_were_written(rows: list[Row]) -> None:
    assert [row for row in rows for _, reason in row.refused if format_table.WRONG in reason] == []
    assert all("unsupported_format" in reason for row in rows for _, reason in row.refused)


def test_the_formats_that_people_send_come_in_in_every_mode_they_have(rows: list[Row]) -> None:
    found = {row.format: row for row in rows}
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "JPEG2000", "TGA", "DDS", "ICO", "PCX", "SGI", "QOI"):
        assert found[name].comes_in, name
        assert not found[name].refused, name
    assert {"L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LAB"} <= set(found["TIFF"].comes_in)


def test_every_format_that_is_read_is_named_in_the_docs() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert [reader.name for reader in readers.READERS.values() if reader.name not in document] == []

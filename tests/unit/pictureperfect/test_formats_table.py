"""The table of what comes in: made by the command, the docs have it as it is, and no pixel in it is wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from core.imaging.formats import readers
from pictureperfect.catalogue import format_table
from pictureperfect.catalogue.format_table import Row
from pictureperfect.commands.files.formats import formats

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


def test_the_docs_have_the_table_as_the_command_makes_it(rows: list[Row], tmp_path: Path) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert format_table.in_document(document) == format_table.markdown(rows), "pictureperfect formats --markdown"
    other = tmp_path / "formats.md"
    other.write_text(document.replace("| AVIF |", "| AWIF |"))
    result = CliRunner().invoke(formats, ["--check", str(other)])
    assert result.exit_code == 1
    assert "formats --markdown" in result.output


def test_every_format_that_is_read_is_named_in_the_docs() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert [reader.name for reader in readers.READERS.values() if reader.name not in document] == []

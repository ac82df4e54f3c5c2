"""HEIC files by pillow-heif, if it is installed: docs/reference/formats.md says how to build an image with it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pillow_heif import HeifFile


def open_heic(path: Path) -> "HeifFile":
    """The file at `path`, its pixels not decoded; more than 8 bits become 16. Raises whatever libheif raises.

    libheif applies `irot` and `imir`, so the picture is upright, and the orientation in its EXIF does not count.
    """
    import pillow_heif  # noqa: PLC0415 - installed only in images that were built with it

    return pillow_heif.open_heif(path, convert_hdr_to_8bit=False)

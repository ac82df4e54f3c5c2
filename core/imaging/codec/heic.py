"""HEIC, where pillow-heif is installed: docs/reference/formats.md says how an image is built with it, and why not always."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pillow_heif import HeifFile


def opened(path: Path) -> "HeifFile":
    """The file, nothing decoded, upright as its own `irot` and `imir` say: EXIF's orientation counts for nothing here.

    More than 8 bits fill 16. Raises whatever libheif raises.
    """
    import pillow_heif  # noqa: PLC0415 - a build argument of the image

    return pillow_heif.open_heif(path, convert_hdr_to_8bit=False)


def read(path: Path) -> tuple[NDArray[Any], bytes | None]:
    """The primary picture, and the profile still to be applied."""
    heif = opened(path)
    pixels = np.asarray(heif)
    bits = int(heif.info.get("bit_depth", 8))
    if pixels.dtype == np.uint16 and 8 < bits < 16:  # noqa: PLR2004 - libheif shifts to the left
        pixels = pixels | (pixels >> bits)
    return pixels, heif.info.get("icc_profile") or None

"""The pixels of a HEIC file, by pillow-heif."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.imaging.formats.heic import open_heic


def read(path: Path) -> tuple[NDArray[Any], bytes | None]:
    """The primary picture, and the ICC profile that is still to be applied. Raises whatever libheif raises."""
    heif = open_heic(path)
    pixels = np.asarray(heif)
    bits = int(heif.info.get("bit_depth", 8))
    if pixels.dtype == np.uint16 and 8 < bits < 16:  # noqa: PLR2004 - libheif shifts to the left
        pixels = pixels | (pixels >> bits)
    return pixels, heif.info.get("icc_profile") or None

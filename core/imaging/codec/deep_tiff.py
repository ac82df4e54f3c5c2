"""TIFFs with more than 8 bits that neither OpenCV nor Pillow reads: L*a*b*, CMYK, grey with alpha, separate planes.

libtiff, inside OpenCV, returns their numbers if the fields are changed first: L*a*b* and CMYK become RGB, each plane
becomes grey, and grey with alpha becomes grey of twice the width. This module then interprets the numbers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.imaging.codec import colour, layout
from core.imaging.formats import tiff
from core.imaging.formats.tiff_directory import FirstDirectory
from core.imaging.formats.tiff_ifd import Tag

Pixels = NDArray[Any]

_RGB, _NO_PREDICTOR, _PLANES = 2, 1, 2


def read(path: Path, directory: FirstDirectory, kind: str) -> Pixels:
    """The pixels, not yet upright: uint16; of CMYK uint8 RGB, since LittleCMS converts 8 bits.

    `kind` is the directory's `deep_kind`. Raises ValueError if libtiff returns no pixels.
    """
    return _READERS[kind](path, directory)


def _read_plain(path: Path, directory: FirstDirectory) -> Pixels:
    """Grey or RGB of 10 to 16 bits. OpenCV shifts less than 16 bits to the left, and does not invert white at 0."""
    pixels = _read_colours(path, directory, {})
    bits = directory.bits
    if bits < 16:  # noqa: PLR2004
        pixels = pixels | (pixels >> bits)  # full scale: white is 65,535
    if directory.first(Tag.PHOTOMETRIC, 1) == 0:
        pixels = ~pixels
    return layout.unpremultiply(pixels) if tiff.is_premultiplied(directory.fields) else pixels


def _read_lab(path: Path, directory: FirstDirectory) -> Pixels:
    return colour.lab16_to_srgb(_read_colours(path, directory, {Tag.PHOTOMETRIC: _RGB}))


def _read_cmyk(path: Path, directory: FirstDirectory) -> Pixels:
    inks = layout.to_8_bits(_read_colours(path, directory, {Tag.PHOTOMETRIC: _RGB}))
    profile = bytes(directory.fields.get(Tag.ICC_PROFILE, ()))
    return np.asarray(colour.cmyk_to_srgb(Image.frombytes("CMYK", inks.shape[1::-1], inks.tobytes()), profile or None))


def _read_grey_with_alpha(path: Path, directory: FirstDirectory) -> Pixels:
    if directory.first(Tag.PLANAR, 1) == _PLANES:
        pixels = _read_colours(path, directory, {})
    else:
        pixels = _read_interleaved(path, directory)
    if directory.first(Tag.PHOTOMETRIC, 1) == 0:
        pixels[..., 0] = ~pixels[..., 0]
    return layout.unpremultiply(pixels) if tiff.is_premultiplied(directory.fields) else pixels


def _read_interleaved(path: Path, directory: FirstDirectory) -> Pixels:
    width, tile = directory.first(Tag.WIDTH, 0), directory.first(Tag.TILE_WIDTH, 0)
    changes = {
        Tag.WIDTH: 2 * width,
        Tag.TILE_WIDTH: 2 * tile,
        Tag.BITS: 16,
        Tag.SAMPLES: 1,
        Tag.EXTRA_SAMPLES: 0,
        Tag.SAMPLE_FORMAT: 1,
        Tag.PREDICTOR: _NO_PREDICTOR,
    }
    flat = _read_numbers(path, changes)
    pixels = flat.reshape(flat.shape[0], -1, 2)
    if directory.first(Tag.PREDICTOR, 1) == 2:  # noqa: PLR2004 - differences from the left, modulo 2^16
        for left in range(0, width, tile or width):
            part = pixels[:, left : left + (tile or width)]
            np.cumsum(part, axis=1, dtype=np.uint16, out=part)
    return pixels


def _read_colours(path: Path, directory: FirstDirectory, changes: dict[Tag, int]) -> Pixels:
    """The numbers in the order of the file, stored by pixels or by planes."""
    if directory.first(Tag.PLANAR, 1) != _PLANES or directory.samples == 1:
        return layout.to_rgb(_read_numbers(path, changes))
    content, planes = path.read_bytes(), directory.samples
    return np.dstack([_decode(tiff.with_one_plane(content, number, planes)) for number in range(planes)])


def _read_numbers(path: Path, changes: dict[Tag, int]) -> Pixels:
    return _decode(tiff.with_fields(path.read_bytes(), {Tag.ORIENTATION: 1, **changes}))


def _decode(content: bytes) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("libtiff cannot read it")
    return pixels


_READERS: dict[str, Callable[[Path, FirstDirectory], Pixels]] = {
    "plain": _read_plain,
    "lab": _read_lab,
    "cmyk": _read_cmyk,
    "grey_with_alpha": _read_grey_with_alpha,
}

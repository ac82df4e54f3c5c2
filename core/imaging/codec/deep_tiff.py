"""TIFFs that neither OpenCV nor Pillow reads as they are: more than 8 bits of L*a*b*, CMYK, grey with alpha, planes.

libtiff, inside OpenCV, gives their numbers when told that they are RGB, that each plane is grey, or that grey with
alpha is grey and twice as wide. What the numbers mean is applied here.
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
    """The pixels, not yet upright: uint16, but CMYK, which LittleCMS makes uint8 RGB.

    `kind` is the directory's `deep_kind`. Raises ValueError where libtiff gives none.
    """
    return _READERS[kind](path, directory)


def _plain(path: Path, directory: FirstDirectory) -> Pixels:
    """Grey or RGB of 10 to 16 bits. OpenCV shifts fewer to the left, and leaves white at 0 where it is."""
    pixels = _colours(path, directory, {})
    bits = directory.bits
    if bits < 16:  # noqa: PLR2004
        pixels = pixels | (pixels >> bits)  # full scale: white is 65,535
    if directory.first(Tag.PHOTOMETRIC, 1) == 0:
        pixels = ~pixels
    return layout.straight(pixels) if tiff.is_premultiplied(directory.fields) else pixels


def _lab(path: Path, directory: FirstDirectory) -> Pixels:
    return colour.lab16_to_srgb(_colours(path, directory, {Tag.PHOTOMETRIC: _RGB}))


def _cmyk(path: Path, directory: FirstDirectory) -> Pixels:
    inks = layout.to_8_bits(_colours(path, directory, {Tag.PHOTOMETRIC: _RGB}))
    profile = bytes(directory.fields.get(Tag.ICC_PROFILE, ()))
    return np.asarray(colour.cmyk_to_srgb(Image.frombytes("CMYK", inks.shape[1::-1], inks.tobytes()), profile or None))


def _grey_with_alpha(path: Path, directory: FirstDirectory) -> Pixels:
    if directory.first(Tag.PLANAR, 1) == _PLANES:
        pixels = _colours(path, directory, {})
    else:
        pixels = _interleaved(path, directory)
    if directory.first(Tag.PHOTOMETRIC, 1) == 0:
        pixels[..., 0] = ~pixels[..., 0]
    return layout.straight(pixels) if tiff.is_premultiplied(directory.fields) else pixels


def _interleaved(path: Path, directory: FirstDirectory) -> Pixels:
    width, tile = directory.first(Tag.WIDTH, 0), directory.first(Tag.TILE_WIDTH, 0)
    disguise = {
        Tag.WIDTH: 2 * width,
        Tag.TILE_WIDTH: 2 * tile,
        Tag.BITS: 16,
        Tag.SAMPLES: 1,
        Tag.EXTRA_SAMPLES: 0,
        Tag.SAMPLE_FORMAT: 1,
        Tag.PREDICTOR: _NO_PREDICTOR,
    }
    flat = _numbers(path, disguise)
    pixels = flat.reshape(flat.shape[0], -1, 2)
    if directory.first(Tag.PREDICTOR, 1) == 2:  # noqa: PLR2004 - differences from the left, modulo 2^16
        for left in range(0, width, tile or width):
            part = pixels[:, left : left + (tile or width)]
            np.cumsum(part, axis=1, dtype=np.uint16, out=part)
    return pixels


def _colours(path: Path, directory: FirstDirectory, disguise: dict[int, int]) -> Pixels:
    """The numbers in the order of the file, whether they lie by pixels or by planes."""
    if directory.first(Tag.PLANAR, 1) != _PLANES or directory.samples == 1:
        return layout.to_rgb(_numbers(path, disguise))
    content, planes = path.read_bytes(), directory.samples
    return np.dstack([_decoded(tiff.with_one_plane(content, number, planes)) for number in range(planes)])


def _numbers(path: Path, disguise: dict[int, int]) -> Pixels:
    return _decoded(tiff.with_fields(path.read_bytes(), {Tag.ORIENTATION: 1, **disguise}))


def _decoded(content: bytes) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("libtiff cannot read it")
    return pixels


_READERS: dict[str, Callable[[Path, FirstDirectory], Pixels]] = {
    "plain": _plain,
    "lab": _lab,
    "cmyk": _cmyk,
    "grey_with_alpha": _grey_with_alpha,
}

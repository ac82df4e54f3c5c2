"""Converting colours from an embedded ICC profile to sRGB, which screens without colour management show.

LittleCMS (Pillow's ImageCms) converts 8-bit pixels. Pillow offers it no 16-bit colour, so two methods remain. Profiles
of three curves and a matrix, as cameras and screens have, are computed here in floating point. For profiles of tables,
16-bit pixels are moved by the difference that LittleCMS makes, interpolated, so that gradations stay smooth.
"""

import io
import struct
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[Any]

_BAND = 1 << 20  # pixels converted at a time, so that intermediate values need little memory beside the raster
_GRID = 33  # points along each axis of a colour table, as many as profiles have
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# The primaries of sRGB, adapted to the D50 white of the profile connection space (IEC 61966-2-1, Bradford).
_SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
_D50 = _SRGB_TO_XYZ.sum(axis=1)  # white in that matrix
_DARKEST_WHITE = 1 / 256  # the least share of red, green or blue in white; less means that the profile is broken


def to_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """Convert pixels of shape (h, w, 1..4), uint8 or uint16, from `profile` to sRGB. Alpha stays.

    Pixels are returned unchanged if the profile is sRGB within one step of 255, is broken, or is for other channels:
    like browsers, this takes such pixels for sRGB.
    """
    colours = pixels.shape[2] - (pixels.shape[2] in (2, 4))
    convert = _converter(profile, colours, pixels.dtype.itemsize)
    if convert is None:
        return pixels
    result = pixels.copy()
    rows = max(1, _BAND // pixels.shape[1])
    for top in range(0, pixels.shape[0], rows):
        band = np.ascontiguousarray(pixels[top : top + rows, :, :colours])
        result[top : top + rows, :, :colours] = convert(band)
    return result


def cmyk_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a CMYK image to RGB by its profile; without a profile, by the plain complement."""
    transform = _lcms_transform(profile, "CMYK") if profile else None
    if transform is None:
        return image.convert("RGB")
    return transform.apply(image)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Convert a CIE L*a*b* image (D50, as in TIFF) to RGB."""
    source, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(source, target, "LAB", "RGB", _INTENT).apply(image)


def lab16_to_srgb(pixels: Pixels) -> Pixels:
    """Convert L*a*b* (D50) to 16-bit sRGB: (h, w, 3), uint16, a* and b* in two's complement times 256 (TIFF 6.0)."""
    result = np.empty_like(pixels)
    rows = max(1, _BAND // pixels.shape[1])
    for top in range(0, pixels.shape[0], rows):
        band = pixels[top : top + rows]
        a, b = (band[..., at].view(np.int16).astype(np.float32) / 256 for at in (1, 2))
        y = (band[..., 0].astype(np.float32) * np.float32(100 / 65_535) + 16) / 116
        f = np.stack([y + a / 500, y, y - b / 200], axis=-1)  # CIE 15, 8.2.1
        xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (108 / 841)) * _D50
        result[top : top + rows] = _encode(xyz @ np.linalg.inv(_SRGB_TO_XYZ).T)
    return result


@lru_cache(maxsize=16)
def _converter(profile: bytes, colours: int, itemsize: int) -> Callable[[Pixels], Pixels] | None:
    """The function that converts a band of `colours` channels; None if no conversion is needed."""
    if colours == 1:
        table = _grey_table(profile)
        if table is None:
            return None
        if itemsize == 1:
            table = np.rint(table[::257] / 257).astype(np.uint8)
        return lambda band: table[band]
    transform = _lcms_transform(profile, "RGB")
    if transform is None:
        return None
    step = np.linspace(0, 255, _GRID).astype(np.uint8)
    grid = np.stack(np.meshgrid(step, step, step, indexing="ij"), axis=-1)
    moved = _apply_lcms(transform, grid.reshape(1, -1, 3)).reshape(grid.shape)
    difference = moved.astype(np.float32) - grid
    if np.abs(difference).max() <= 1:
        return None
    if itemsize == 1:
        return lambda band: _apply_lcms(transform, band)
    exact = _matrix_converter(profile)
    return exact or (lambda band: _add_difference(band, difference * np.float32(257)))


def _lcms_transform(profile: bytes, mode: str) -> "ImageCms.ImageCmsTransform | None":
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(source, target, mode, "RGB", _INTENT, _FLAGS)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None  # broken, or for other channels


def _apply_lcms(transform: "ImageCms.ImageCmsTransform", band: Pixels) -> Pixels:
    return np.asarray(transform.apply(Image.fromarray(band)))


def _add_difference(band: Pixels, difference: Pixels) -> Pixels:
    """16-bit pixels plus `difference`, a grid of shape (n, n, n, 3), interpolated trilinearly."""
    place = band.astype(np.float32) * np.float32((_GRID - 1) / 65_535)
    low = np.minimum(place.astype(np.intp), _GRID - 2)
    part = place - low
    total = band.astype(np.float32)
    for corner in range(8):
        side = np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1])
        weight = np.where(side, part, 1 - part).prod(axis=-1, keepdims=True, dtype=np.float32)
        at = low + side
        total += weight * difference[at[..., 0], at[..., 1], at[..., 2]]
    return np.asarray(np.rint(total.clip(0, 65_535)), np.uint16)


def _matrix_converter(profile: bytes) -> Callable[[Pixels], Pixels] | None:
    """The conversion by a profile of three curves and a matrix; None for profiles of another kind."""
    try:
        tags = _tags(profile)
        if b"A2B0" in tags:
            return None
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except (KeyError, struct.error, ValueError):
        return None
    matrix = np.linalg.solve(_SRGB_TO_XYZ, np.array(columns, dtype=np.float64).T / 65_536)
    white = matrix.sum(axis=1, keepdims=True)
    if (white < _DARKEST_WHITE).any():
        return None
    matrix = (matrix / white).astype(np.float32)  # keeps white white

    def convert(band: Pixels) -> Pixels:
        linear = np.stack([curve[band[..., at]] for at, curve in enumerate(curves)], axis=-1)
        return _encode(linear @ matrix.T)

    return convert


def _grey_table(profile: bytes) -> Pixels | None:
    """A table of 65,536 grey values in sRGB; None if the profile is not for grey, or is sRGB's own curve."""
    try:
        linear = _curve(_tags(profile)[b"kTRC"])
    except (KeyError, struct.error, ValueError):
        return None
    table = _encode(linear)
    return None if np.abs(table - np.arange(65_536.0)).max() <= 257 else table  # noqa: PLR2004 - a step of 255


def _encode(linear: Pixels) -> Pixels:
    """Convert linear light, 0 to 1, to 16-bit sRGB (IEC 61966-2-1)."""
    light = linear.clip(0, 1)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return np.asarray(np.rint(value * 65_535), np.uint16)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """The elements of a profile by their signatures (ICC.1, section 7.3)."""
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * at) for at in range(min(count, 200)))
    return {name: profile[start : start + size] for name, start, size in entries}


def _curve(element: bytes) -> Pixels:
    """A tone curve (ICC.1, 10.6 and 10.18) as 65,536 values of linear light, float32. Raises ValueError."""
    x = np.linspace(0, 1, 65_536)
    if element[:4] == b"curv":
        (count,) = struct.unpack_from(">I", element, 8)
        values = np.frombuffer(element, ">u2", count, 12)
        if count == 0:
            y = x
        elif count == 1:
            y = _power(x, float(values[0]) / 256)
        else:
            y = np.interp(x, np.linspace(0, 1, count), values / 65_535)
    elif element[:4] == b"para":
        (kind,) = struct.unpack_from(">H", element, 8)
        count = (1, 3, 4, 5, 7)[kind] if kind < 5 else 0  # noqa: PLR2004 - function types 0 to 4
        p = [value / 65_536 for value in struct.unpack_from(f">{count}i", element, 12)]
        y = _parametric(x, kind, p)
    else:
        raise ValueError(element[:4])
    if any(b < a for a, b in pairwise(y[:: 1 << 8])):
        raise ValueError("a curve that falls")
    return np.asarray(y.clip(0, 1), dtype=np.float32)


def _power(x: Pixels, exponent: float) -> Pixels:
    if exponent <= 0:
        raise ValueError("a curve that falls, or that is constant")
    return np.asarray(x**exponent)


def _parametric(x: Pixels, kind: int, p: list[float]) -> Pixels:
    if kind == 0:
        return _power(x, p[0])
    g, a, b = p[:3]
    if kind < 3 and not a:  # noqa: PLR2004 - these two divide by it
        raise ValueError("a curve without a slope")
    power = _power(np.maximum(a * x + b, 0), g)
    if kind == 1:
        return np.where(x >= -b / a, power, 0)
    if kind == 2:  # noqa: PLR2004
        return np.where(x >= -b / a, power, 0) + p[3]
    c, d = p[3], p[4]
    e, f = (p[5], p[6]) if kind == 4 else (0.0, 0.0)  # noqa: PLR2004
    return np.where(x >= d, power + e, c * x + f)

"""Profiles are converted to sRGB: 8 bits by LittleCMS, 16 bits in floating point; both agree with the formula."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.imaging import codec
from core.imaging.codec import colour
from core.imaging.header import read_header
from tests.support.images.rasters import raster

# D50-adapted primaries: Display P3 (Apple), Adobe RGB (1998); columns are red, green, blue.
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
SRGB_CURVE = (
    b"para"
    + bytes(4)
    + struct.pack(">HH5i", 3, 0, *(round(v * 65_536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
)


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256)) + bytes(2)


def profile(matrix: NDArray[Any] | None, curve: bytes) -> bytes:
    """A display profile of three curves and a matrix, or of one curve for grey (ICC.1)."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    tags = {b"wtpt": white}
    if matrix is None:
        tags[b"kTRC"] = curve
    else:
        for at, name in enumerate((b"r", b"g", b"b")):
            tags[name + b"XYZ"] = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65_536) for v in matrix[:, at]))
            tags[name + b"TRC"] = curve
    table, data = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for name, element in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(element))
        data += element
    space = b"GRAY" if matrix is None else b"RGB "
    head = struct.pack(
        ">I4sI4s4s4s12s4s4s", start + len(data), b"", 0x02400000, b"mntr", space, b"XYZ ", b"", b"acsp", b""
    )
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63_190, 65_536, 54_061)
    return head.ljust(128, b"\0") + table + data


def expected(pixels: NDArray[Any], matrix: NDArray[Any], exponent: float, white: int) -> NDArray[Any]:
    linear = (pixels / white) ** exponent @ (np.linalg.inv(SRGB) @ matrix).T
    light = linear.clip(0, 1)
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * white)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("matrix", [P3, ADOBE])
def test_a_wide_gamut_becomes_srgb_by_the_formula(matrix: NDArray[Any], dtype: Any) -> None:
    image = raster(40, 50, 4, dtype)
    result = colour.to_srgb(image.pixels, profile(matrix, gamma(2.2)))
    exponent = round(2.2 * 256) / 256
    reference = expected(image.pixels[..., :3], matrix, exponent, image.white)
    # LittleCMS computes 8-bit colour in fixed point; near black the curve is steep.
    assert np.abs(result[..., :3] - reference).max() <= (3 if dtype is np.uint8 else 257)
    assert np.abs(result[..., :3] - reference).mean() <= (0.6 if dtype is np.uint8 else 20)
    assert np.array_equal(result[..., 3], image.pixels[..., 3])


def test_16_bits_keep_their_gradations() -> None:
    ramp = np.repeat(np.arange(20_000, 24_000, dtype=np.uint16)[None, :, None], 3, axis=2)
    result = colour.to_srgb(ramp, profile(ADOBE, gamma(2.2)))
    assert len(np.unique(result[0, :, 0])) > 3500


def test_a_profile_that_is_srgb_changes_nothing() -> None:
    for content in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), profile(SRGB, SRGB_CURVE)):
        for channels in (1, 2, 3, 4):
            for dtype in (np.uint8, np.uint16):
                pixels = raster(9, 9, channels, dtype).pixels
                assert np.array_equal(colour.to_srgb(pixels, content), pixels)


@pytest.mark.parametrize(
    "content", [b"", b"junk", bytes(128), bytes(127), ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_a_broken_or_foreign_profile_changes_nothing(content: bytes) -> None:
    pixels = raster(9, 9, 3, np.uint16).pixels
    assert np.array_equal(colour.to_srgb(pixels, content), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_follows_its_curve(dtype: Any) -> None:
    image = raster(30, 30, 2, dtype)
    result = colour.to_srgb(image.pixels, profile(None, gamma(1.0)))
    light = image.pixels[..., 0] / image.white
    reference = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * image.white
    assert np.abs(result[..., 0] - reference).max() <= 0.6
    assert np.array_equal(result[..., 1], image.pixels[..., 1])


def test_a_table_of_colours_moves_16_bits_smoothly() -> None:
    """Profiles of tables: the interpolated difference is exact for linear changes."""
    step = np.linspace(0, 255, 33).astype(np.uint8)
    grid = np.stack(np.meshgrid(step, step, step, indexing="ij"), axis=-1).astype(np.float32)
    difference = (grid[..., ::-1] - grid) * np.float32(257 / 2)
    pixels = raster(20, 20, 3, np.uint16).pixels
    reference = (pixels.astype(float) + pixels[..., ::-1]) / 2
    assert np.abs(colour._add_difference(pixels, difference) - reference).max() <= 150


def test_a_file_with_a_profile_looks_as_it_should(tmp_path: Path) -> None:
    """Two thirds of Display P3's red is a stronger red in sRGB, in every format and depth."""
    content = profile(P3, SRGB_CURVE)
    image = Image.new("RGB", (16, 16), (170, 60, 60))
    for suffix in ("jpg", "png", "webp", "tif", "avif"):
        path = tmp_path / f"x.{suffix}"
        image.save(path, icc_profile=content, quality=95)
        red, green, _ = codec.decode(path, read_header(path)).pixels[8, 8].astype(int)
        assert 178 <= red <= 190, suffix
        assert 45 <= green <= 56, suffix


def test_cmyk_goes_through_its_profile_or_the_plain_complement() -> None:
    image = Image.new("CMYK", (2, 2), (0, 0, 0, 255))
    assert colour.cmyk_to_srgb(image, None).getpixel((0, 0)) == (0, 0, 0)
    assert colour.cmyk_to_srgb(image, profile(P3, gamma(2.2))).getpixel((0, 0)) == (0, 0, 0)
    assert io.BytesIO(profile(P3, gamma(2.2))).read(4)


def parametric(kind: int, *values: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(f">HH{len(values)}i", kind, 0, *(round(v * 65_536) for v in values))


@pytest.mark.parametrize(
    "curve", [parametric(1, 2.2, 0, 0), parametric(2, 2.2, 0, 1, 0), parametric(0, -1), gamma(0)], ids=str
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_curve_that_divides_by_nothing_or_falls_is_a_broken_profile(curve: bytes, dtype: Any) -> None:
    grey = raster(9, 9, 1, dtype).pixels
    assert np.array_equal(colour.to_srgb(grey, profile(None, curve)), grey)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.full((3, 3), 0.3), np.tile([-1.0, 0.5, 0.5], (3, 1))], ids=str)
def test_a_matrix_that_leaves_no_white_ends_as_at_8_bits(matrix: NDArray[Any]) -> None:
    small = raster(9, 9, 3).pixels
    for curve in (gamma(2.2), parametric(1, 2.2, 0, 0)):
        at_8_bits = colour.to_srgb(small, profile(matrix, curve)).astype(int)
        at_16_bits = colour.to_srgb(small.astype(np.uint16) * np.uint16(257), profile(matrix, curve))
        assert np.abs(at_16_bits / 257 - at_8_bits).max() <= 40

"""TIFFs of 10 to 16 bits that no library reads by itself: every value is read, in every layout."""

import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from core.domain.errors import Code, ImageFailure
from core.imaging import codec
from core.imaging.codec import png_colour_profile
from core.imaging.formats import png
from core.imaging.header import read_header
from tests.support.images.rasters import raster

Pixels = NDArray[Any]
BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, SAMPLES, ROWS, COUNTS, PLANAR = 258, 259, 262, 273, 277, 278, 279, 284
PREDICTOR, EXTRA, FORMAT = 317, 338, 339


def tiff(
    pixels: Pixels,
    photometric: int,
    *,
    planar: bool = False,
    deflated: bool = False,
    order: Literal["<", ">"] = "<",
    extra: int | None = None,
    rows: int = 7,
    kind: int = 1,
) -> bytes:
    """A TIFF in strips of `rows` rows. Deflated strips hold differences from the left, modulo 2^16."""
    height, width, samples = pixels.shape
    planes = [pixels[..., at : at + 1] for at in range(samples)] if planar else [pixels]
    strips = [plane[top : top + rows] for plane in planes for top in range(0, height, rows)]
    if deflated:
        strips = [np.diff(strip, axis=1, prepend=np.zeros_like(strip[:, :1])) for strip in strips]
    data = [strip.astype(strip.dtype.newbyteorder(order)).tobytes() for strip in strips]
    data = [zlib.compress(strip) for strip in data] if deflated else data
    starts = [8 + sum(map(len, data[:at])) for at in range(len(data))]
    fields: dict[int, tuple[str, list[int]]] = {
        256: ("H", [width]),
        257: ("H", [height]),
        BITS: ("H", [8 * pixels.itemsize] * samples),
        COMPRESSION: ("H", [8 if deflated else 1]),
        PHOTOMETRIC: ("H", [photometric]),
        OFFSETS: ("I", starts),
        SAMPLES: ("H", [samples]),
        ROWS: ("H", [rows]),
        COUNTS: ("I", list(map(len, data))),
        PLANAR: ("H", [2 if planar else 1]),
        PREDICTOR: ("H", [2 if deflated else 1]),
        FORMAT: ("H", [kind] * samples),
    }
    if extra is not None:
        fields[EXTRA] = ("H", [extra])
    body = b"".join(data)
    body += bytes(len(body) % 2)
    at = 8 + len(body)
    behind, directory = at + 2 + 12 * len(fields) + 4, struct.pack(order + "H", len(fields))
    values = b""
    for tag, (letter, numbers) in sorted(fields.items()):
        packed = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        if len(packed) > 4:
            values, packed = values + packed, struct.pack(order + "I", behind + len(values))
        directory += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[letter], len(numbers)) + packed.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", at) + body + directory + bytes(4) + values


def decoded(content: bytes, path: Path) -> Pixels:
    path.write_bytes(content)
    header = read_header(path)
    pixels = codec.decode(path, header).pixels
    assert (header.channels, header.depth) == (pixels.shape[2], 8 * pixels.itemsize)
    return pixels


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_every_value_of_16_bits_is_read(
    samples: int, planar: bool, deflated: bool, order: Literal["<", ">"], tmp_path: Path
) -> None:
    pixels = raster(31, 18, samples, np.uint16).pixels
    extra = 2 if samples in (2, 4) else None
    content = tiff(pixels, 2 if samples > 2 else 1, planar=planar, deflated=deflated, order=order, extra=extra)
    assert np.array_equal(decoded(content, tmp_path / "x"), pixels)


@pytest.mark.parametrize("planar", [False, True])
def test_premultiplied_grey_is_made_straight(planar: bool, tmp_path: Path) -> None:
    pixels = raster(20, 20, 2, np.uint16).pixels
    pixels[..., 1] |= 0x8000
    weighted = pixels.copy()
    weighted[..., 0] = np.rint(pixels[..., 0] * (pixels[..., 1] / 65_535))
    decoded_pixels = decoded(tiff(weighted, 1, planar=planar, extra=1), tmp_path / "x")
    assert np.abs(decoded_pixels.astype(int) - pixels).max() <= 2


def test_where_white_is_zero_it_is_white(tmp_path: Path) -> None:
    for samples in (1, 2):
        pixels = raster(20, 20, samples, np.uint16).pixels
        decoded_pixels = decoded(tiff(pixels, 0, extra=2 if samples == 2 else None), tmp_path / "x")
        assert np.array_equal(decoded_pixels[..., 0], 65_535 - pixels[..., 0])


@pytest.mark.parametrize("planar", [False, True])
def test_lab_of_16_bits_agrees_with_the_formula(planar: bool, tmp_path: Path) -> None:
    known = {  # sRGB → L*, a*, b* of D50
        (255, 255, 255): (100, 0, 0),
        (0, 0, 0): (0, 0, 0),
        (119, 119, 119): (50.03, 0, 0),
        (255, 0, 0): (54.29, 80.81, 69.89),
        (0, 255, 0): (87.82, -79.29, 80.99),
        (0, 0, 255): (29.57, 68.30, -112.03),
    }
    lab = np.array(list(known.values()))
    numbers = np.column_stack([lab[:, 0] * 655.35, lab[:, 1:] * 256]).round().astype(np.int64).astype(np.uint16)
    decoded_pixels = decoded(tiff(numbers.reshape(1, -1, 3), 8, planar=planar), tmp_path / "x")
    assert decoded_pixels.dtype == np.uint16
    assert np.abs(decoded_pixels[0] / 257 - np.array(list(known))).max() < 2


@pytest.mark.parametrize("planar", [False, True])
def test_cmyk_of_16_bits_becomes_rgb_of_8(planar: bool, tmp_path: Path) -> None:
    inks = raster(20, 20, 4, np.uint16).pixels
    share = 1 - inks / 65_535
    decoded_pixels = decoded(tiff(inks, 5, planar=planar), tmp_path / "x")
    assert np.abs(decoded_pixels - share[..., :3] * share[..., 3:] * 255).max() <= 2


@pytest.mark.parametrize(("dtype", "kind"), [(np.uint32, 1), (np.int16, 2), (np.float32, 3), (np.float16, 3)])
def test_numbers_without_a_defined_white_are_refused(dtype: Any, kind: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    for samples in (1, 3):
        path.write_bytes(tiff(np.ones((4, 4, samples), dtype), 2 if samples == 3 else 1, kind=kind))
        with pytest.raises(ImageFailure, match="no defined white") as failure:
            read_header(path)
        assert failure.value.code == Code.UNSUPPORTED_FORMAT


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def described_png(pixels: Pixels, *chunks: bytes) -> bytes:
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_the_colour_chunks_of_a_png_are_applied_and_srgb_stays_exact(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    pixels = raster(9, 9, 3, np.uint16).pixels
    linear = chunk(b"gAMA", struct.pack(">I", 100_000))
    for same in (
        (),
        (chunk(b"gAMA", struct.pack(">I", 45_455)),),
        (chunk(b"sRGB", b"\0"), linear),
        (chunk(b"cICP", bytes([1, 13, 0, 1])), linear),
        (chunk(b"cICP", bytes([9, 16, 0, 1])),),
    ):
        assert np.array_equal(decoded(described_png(pixels, *same), path), pixels)
    light = pixels / 65_535
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 65_535
    assert np.abs(decoded(described_png(pixels, linear), path) - expected).max() <= 140
    red = np.tile(np.array([43_690, 15_420, 15_420], np.uint16), (4, 4, 1))
    decoded_pixels = decoded(described_png(red, chunk(b"cICP", bytes([12, 13, 0, 1]))), path)[0, 0] // 257
    assert 178 <= decoded_pixels[0] <= 190
    assert 45 <= decoded_pixels[1] <= 56


@pytest.mark.parametrize("gamma", [0.0, 0.001, 40_000.0])
def test_a_senseless_description_is_no_description(gamma: float) -> None:
    assert png_colour_profile.make_profile(png.PngColour(gamma=gamma)) is None
    flat = (0.3, 0.3) * 4
    assert png_colour_profile.make_profile(png.PngColour(gamma=1.0, chromaticities=flat)) is None
    assert png_colour_profile.make_profile(png.PngColour(gamma=1.0, chromaticities=(0.0,) * 8)) is None

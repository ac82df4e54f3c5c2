"""Decoding and encoding: pixels, alpha and depth survive, metadata does not, and damage raises an error."""

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat
from core.domain.outputs import Output
from core.imaging import codec
from core.imaging.codec import layout
from core.imaging.formats import tiff
from core.imaging.header import read_header
from core.imaging.raster import Raster
from tests.support.images.rasters import DEPTHS, psnr, raster

SAVED_AS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "tiff": "TIFF"}


def opened(path: Path) -> Raster:
    return codec.decode(path, read_header(path))


def smooth(height: int, width: int, channels: int, dtype: Any = np.uint8) -> Raster:
    """A smooth raster, which lossy formats keep closely; its alpha has all values."""
    pixels = cv2.GaussianBlur(raster(height, width, channels, dtype).pixels, (0, 0), 4).reshape(height, width, channels)
    return Raster(np.ascontiguousarray(pixels))


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [ImageFormat.PNG, ImageFormat.TIFF])
def test_lossless_formats_give_back_every_value(kind: ImageFormat, channels: int, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind.extension}"
    image = raster(31, 47, channels, dtype)
    assert codec.encode(image, Output(format=kind), path) == path.stat().st_size
    widened = channels == 2 and not (kind is ImageFormat.PNG and dtype is np.uint8)
    expected = image.pixels[..., [0, 0, 0, 1]] if widened else image.pixels
    assert np.array_equal(opened(path).pixels, expected)


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", [ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF])
def test_lossy_formats_come_near(kind: ImageFormat, channels: int, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind.extension}"
    image = smooth(60, 80, channels, dtype)
    image.pixels[..., 3:] = image.white
    codec.encode(image, Output(format=kind, quality=90), path)
    decoded = opened(path).pixels.astype(np.uint8)
    expected = (image.pixels / image.white * 255).round().astype(np.uint8)
    common = min(decoded.shape[2], expected.shape[2], 3)
    assert psnr(decoded[..., :common].copy(), expected[..., :common].copy()) > 32


def test_alpha_survives_in_webp_and_avif(tmp_path: Path) -> None:
    image = smooth(40, 40, 4)
    image.pixels[:, :20, 3] = 0
    for kind in (ImageFormat.WEBP, ImageFormat.AVIF):
        path = tmp_path / f"x.{kind.extension}"
        codec.encode(image, Output(format=kind, quality=90), path)
        alpha = opened(path).pixels[..., 3].astype(int)
        assert np.abs(alpha - image.pixels[..., 3]).mean() < 4


def test_all_65536_values_round_to_the_nearest_of_256() -> None:
    values = np.arange(65_536, dtype=np.uint16).reshape(256, 256, 1)
    assert np.array_equal(layout.to_8_bits(values), np.rint(values / 257).astype(np.uint8))


@pytest.mark.parametrize(("background", "shown"), [("#ffffff", (255, 255, 255)), ("#ff0000", (255, 0, 0))])
def test_transparency_in_jpeg_shows_the_background(
    background: str, shown: tuple[int, int, int], tmp_path: Path
) -> None:
    for channels in (2, 4):
        pixels = np.zeros((32, 32, channels), np.uint8)
        pixels[:, 16:, -1] = 255
        codec.encode(Raster(pixels), Output(format=ImageFormat.JPEG, background=background), tmp_path / "x.jpg")
        result = np.broadcast_to(opened(tmp_path / "x.jpg").pixels.astype(int), (32, 32, 3))
        assert np.abs(result[:, :8] - shown).max() <= 3
        assert result[:, 24:].max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "tiff"])
def test_every_orientation_comes_out_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    upright = smooth(48, 80, 3).pixels
    upright[:10, :10] = (255, 0, 0)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    path = tmp_path / f"x.{kind}"
    exif = Image.Exif()
    exif[274] = orientation
    extra: dict[str, Any] = {"tiffinfo": {274: orientation}} if kind == "tiff" else {"exif": exif, "quality": 95}
    Image.fromarray(np.ascontiguousarray(stored)).save(path, SAVED_AS[kind], **extra)
    header = read_header(path)
    assert (header.width, header.height, header.orientation) == (80, 48, orientation)
    assert psnr(codec.decode(path, header).pixels, upright) > 30


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_16_bit_tiff_that_lies_on_its_side_comes_out_upright(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    image = raster(20, 30, 3, np.uint16)
    codec.encode(image, Output(format=ImageFormat.TIFF), path)
    content = bytearray(path.read_bytes())
    for entry in tiff.read_first_entries(bytes(content))[1]:
        if entry.tag == 284:  # the planar configuration has its default value, so its field can be reused
            struct.pack_into("<HHIHH", content, entry.offset, 274, 3, 1, orientation, 0)
    path.write_bytes(content)
    assert np.array_equal(opened(path).pixels, layout.make_upright(image.pixels, orientation))


@pytest.mark.parametrize("dtype", DEPTHS)
def test_premultiplied_tiff_is_made_straight(dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    image = raster(20, 30, 4, dtype)
    image.pixels[..., 3] |= image.white // 2 + 1
    weighted = image.pixels.copy()
    weighted[..., :3] = np.rint(image.pixels[..., :3] * (image.pixels[..., 3:] / image.white))
    codec.encode(Raster(weighted), Output(format=ImageFormat.TIFF), path)
    content = bytearray(path.read_bytes())
    for entry in tiff.read_first_entries(bytes(content))[1]:
        if entry.tag == 338:
            struct.pack_into("<H", content, entry.offset + 8, 1)
    path.write_bytes(content)
    assert np.abs(opened(path).pixels.astype(int) - image.pixels).max() <= 2


def test_outputs_carry_no_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera with a serial number"
    exif[0x8825] = {1: "N", 2: (47.0, 0.0, 0.0)}
    source = tmp_path / "source.jpg"
    Image.fromarray(smooth(64, 64, 3).pixels).save(source, exif=exif, comment=b"private", xmp=b"<x:xmpmeta/>")
    for kind in ImageFormat:
        path = tmp_path / f"x.{kind.extension}"
        codec.encode(opened(source), Output(format=kind), path)
        content = path.read_bytes()
        assert all(word not in content for word in (b"serial", b"private", b"xmpmeta", b"Exif"))


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "tiff", "gif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_a_file_cut_short_is_corrupt_and_never_half_a_picture(kind: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind}"
    options: dict[str, Any] = {"progressive": True} if kind == "jpeg" else {}
    Image.fromarray(raster(200, 300).pixels).save(path, **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageFailure) as failure:
        opened(path)
    assert failure.value.code == Code.CORRUPT_IMAGE
    assert str(tmp_path) not in failure.value.message


def test_bytes_after_the_end_of_a_jpeg_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    Image.fromarray(smooth(40, 40, 3).pixels).save(path)
    whole = opened(path).pixels
    path.write_bytes(path.read_bytes() + b"\xff\x00trailer of a camera" * 9)
    assert np.array_equal(opened(path).pixels, whole)


def test_a_jpegs_thumbnail_does_not_vouch_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    Image.fromarray(raster(80, 80).pixels).save(path)
    small = path.read_bytes()
    Image.fromarray(raster(200, 200).pixels).save(path, exif=b"Exif\0\0" + small)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageFailure):
        opened(path)


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_reduced_decode_is_the_same_picture_smaller(mode: str, reduction: int, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    image = Image.fromarray(smooth(320, 480, 3).pixels).convert(mode)
    exif = Image.Exif()
    exif[274] = 6
    image.save(path, quality=95, exif=exif)
    header = read_header(path)
    whole, small = codec.decode(path, header), codec.decode(path, header, reduction)
    assert (small.width, small.height) == (whole.width // reduction, whole.height // reduction)
    expected = cv2.resize(whole.pixels, (small.width, small.height), interpolation=cv2.INTER_AREA)
    assert psnr(small.pixels, expected.reshape(small.pixels.shape)) > 40


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    for name in ("x.jpg", "x.tif"):
        Image.new("CMYK", (30, 20), (255, 0, 255, 0)).save(tmp_path / name)
        green = opened(tmp_path / name).pixels
        assert green.shape == (20, 30, 3)
        assert np.abs(green.astype(int) - (0, 255, 0)).max() <= 3


def test_palettes_grey_and_bilevel_have_the_channels_of_their_headers(tmp_path: Path) -> None:
    noise = Image.fromarray(raster(40, 50).pixels)
    for mode, channels in (("P", 3), ("1", 1), ("L", 1)):
        for suffix in ("png", "tif", "gif"):
            if suffix == "gif" and mode != "P":
                continue
            path = tmp_path / f"{mode}.{suffix}"
            image = noise.convert(mode)
            image.save(path)
            header = read_header(path)
            assert header.channels == channels, path.name
            expected = np.asarray(image.convert("RGB" if channels == 3 else "L")).reshape(40, 50, channels)
            assert np.array_equal(codec.decode(path, header).pixels, expected), path.name


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_fills_16_bits(bits: int, tmp_path: Path) -> None:
    path = tmp_path / "x.avif"
    pixels = np.full((40, 40, 3), (1 << bits) - 1, np.uint16)
    pixels[:20] = 0
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100])
    assert read_header(path).depth == 16
    result = opened(path).pixels
    assert result.dtype == np.uint16
    assert result.max() > 65_000
    assert result.min() < 500


def test_the_same_raster_gives_the_same_bytes_at_any_number_of_threads(tmp_path: Path) -> None:
    image = raster(300, 400, 4)
    threads = cv2.getNumThreads()
    try:
        for kind in ImageFormat:
            contents = set()
            for count in (1, 3, 16):
                cv2.setNumThreads(count)
                path = tmp_path / f"x.{kind.extension}"
                codec.encode(image, Output(format=kind), path)
                contents.add(path.read_bytes())
            assert len(contents) == 1, kind
    finally:
        cv2.setNumThreads(threads)


def test_a_side_too_long_for_the_format_is_refused_with_the_numbers(tmp_path: Path) -> None:
    long = Raster(np.zeros((1, 16_384, 1), np.uint8))
    with pytest.raises(ImageFailure, match=r"16,384 .* WebP holds at most 16,383") as failure:
        codec.encode(long, Output(format=ImageFormat.WEBP), tmp_path / "x.webp")
    assert failure.value.code == Code.RESULT_TOO_LARGE


def test_an_image_that_does_not_fit_the_memory_is_no_corrupt_image(tmp_path: Path) -> None:
    """In a process whose memory the kernel limits, as it limits the worker's."""
    for suffix in ("jpg", "png", "webp"):
        path = tmp_path / f"large.{suffix}"
        cv2.imwrite(str(path), np.zeros((9000, 9000, 3), np.uint8))
        script = f"""
import resource, cv2, numpy
from pathlib import Path
from core.imaging import codec
from core.imaging.header import read_header
from core.domain.errors import ImageFailure
path = Path({str(path)!r})
header = read_header(path)
cv2.setNumThreads(1)
data = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (data + (120 << 20),) * 2)
try:
    codec.decode(path, header)
except ImageFailure as failure:
    print(failure.code)
"""
        if not Path("/proc/self/status").exists():
            pytest.skip("the kernel of this system says its memory in another way")
        root = Path(__file__).parents[3]
        run = subprocess.run(
            [sys.executable, "-c", script], check=False, cwd=root, capture_output=True, text=True, env=os.environ
        )
        assert run.stdout.strip() == "out_of_memory", (suffix, run.stdout, run.stderr)

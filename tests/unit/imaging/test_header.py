"""Headers are read rightly, in time that does not depend on the claimed size; a file without one raises an error."""

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from core.domain.errors import Code, ImageFailure
from core.imaging.formats import gif, png
from core.imaging.header import read_header
from tests.support.images.rasters import raster

KINDS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "tiff": "TIFF", "gif": "GIF"}


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", KINDS)
def test_the_header_of_every_format_has_its_size(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    Image.fromarray(raster(48, 80).pixels).save(path, KINDS[kind])
    header = read_header(path)
    assert (header.format, header.width, header.height, header.channels) == (kind, 80, 48, 3)
    assert (header.depth, header.frames, header.orientation, header.bytes) == (8, 1, 1, path.stat().st_size)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_channels_and_depth_are_those_of_the_pixels(suffix: str, channels: int, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    assert cv2.imwrite(str(path), raster(5, 7, channels, dtype).pixels)
    header = read_header(path)
    assert (header.channels, header.depth) == (channels, 8 * np.dtype(dtype).itemsize)


def test_transparency_counts_as_a_channel(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    for mode, transparency, channels in (("P", 0, 4), ("L", 5, 2), ("LA", None, 2), ("RGBA", None, 4), ("P", None, 3)):
        options: dict[str, Any] = {} if transparency is None else {"transparency": transparency}
        Image.new(mode, (4, 4)).save(path, **options)
        assert read_header(path).channels == channels, mode
    for lossless in (True, False):
        Image.new("RGBA", (4, 4), (255, 0, 0, 99)).save(tmp_path / "x.webp", lossless=lossless)
        assert read_header(tmp_path / "x.webp").channels == 4


@pytest.mark.parametrize("kind", ["gif", "webp", "avif", "tiff"])
def test_frames_are_counted(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    frames = [Image.fromarray(raster(32, 32, seed=seed).pixels) for seed in range(4)]
    frames[0].save(path, KINDS[kind], save_all=True, append_images=frames[1:])
    assert read_header(path).frames == 4


def test_further_pictures_behind_a_jpeg_are_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    frames = [Image.fromarray(raster(32, 32, seed=seed).pixels) for seed in range(2)]
    frames[0].save(path, "MPO", save_all=True, append_images=frames[1:])
    header = read_header(path)
    assert (header.format, header.frames) == ("jpeg", 1)


def test_the_header_of_a_bomb_is_read_without_its_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise AssertionError("Pixels are decoded.")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(50_000, 50_000))
    header = read_header(path)
    assert (header.width, header.height) == (50_000, 50_000)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", Code.EMPTY_FILE, "empty"),
        (b"hello, I am a text called .jpg", Code.UNSUPPORTED_FORMAT, "no known image format"),
        (b"%PDF-1.7 ...", Code.UNSUPPORTED_FORMAT, "PDF"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", Code.UNSUPPORTED_FORMAT, "video"),
        (b"\n  <svg xmlns='x'/>", Code.UNSUPPORTED_FORMAT, "SVG"),
        (b"BM" + bytes(60), Code.UNSUPPORTED_FORMAT, "no known image format"),
        (b"BM" + bytes(12) + b"\x28" + bytes(9), Code.CORRUPT_IMAGE, "BMP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", Code.UNSUPPORTED_FORMAT, "PostScript"),
        (b"SIMPLE  =                    T", Code.UNSUPPORTED_FORMAT, "FITS"),
        (b"II*\0\x10\0\0\0CR\2\0", Code.UNSUPPORTED_FORMAT, "raw"),
        (b"8BPS\0\1" + bytes(9), Code.CORRUPT_IMAGE, "PSD"),
        (b"\0\0\1\0\1\0", Code.UNSUPPORTED_FORMAT, "no known image format"),
        (b"P6 x", Code.UNSUPPORTED_FORMAT, "no known image format"),
        (b"#define MAX 3\nint main() {}", Code.UNSUPPORTED_FORMAT, "no known image format"),
        (b"\0\0\1\xba" + bytes(60), Code.UNSUPPORTED_FORMAT, "no known image format"),
        (bytes(4096), Code.UNSUPPORTED_FORMAT, "no known image format"),
        (b"\xff\xd8\xff\xe0", Code.CORRUPT_IMAGE, "JPEG"),
        (b"RIFF\x00\x00\x00\x00WEBP", Code.CORRUPT_IMAGE, "WebP"),
        (b"GIF89a", Code.CORRUPT_IMAGE, "GIF"),
        (b"II*\0\xff\xff\xff\xff", Code.CORRUPT_IMAGE, "TIFF"),
        (png_claiming(0, 7), Code.CORRUPT_IMAGE, "PNG|0 by 7"),
    ],
)
def test_files_that_are_no_image_are_refused(content: bytes, code: Code, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageFailure, match=message) as failure:
        read_header(path)
    assert failure.value.code == code
    assert str(tmp_path) not in failure.value.message


def test_the_refusal_of_heic_says_how_to_build_an_image_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.imaging.formats.readers.can_read_heic", lambda: False)
    path = tmp_path / "x.heic"
    path.write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    with pytest.raises(ImageFailure, match=r"HEIC=1.*docs/reference/formats\.md") as failure:
        read_header(path)
    assert failure.value.code == Code.UNSUPPORTED_FORMAT


@given(content=st.binary(min_size=1, max_size=300))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_of_no_format(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ImageFailure) as failure:
        read_header(path)
    assert failure.value.code in {Code.UNSUPPORTED_FORMAT, Code.CORRUPT_IMAGE}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_header_is_a_header_or_a_code_and_nothing_else(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    Image.fromarray(raster(24, 24).pixels).save(path, KINDS[kind])
    whole = path.read_bytes()

    @settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cut=st.integers(1, len(whole)), at=st.integers(0, 400), noise=st.binary(max_size=6))
    def damaged(cut: int, at: int, noise: bytes) -> None:
        path.write_bytes((whole[:at] + noise + whole[at + len(noise) :])[:cut])
        with suppress(ImageFailure):  # any other error fails the test
            read_header(path)

    damaged()


class CountedFile(io.BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


ZEROS = bytes(10_000_000)


def test_megabytes_of_zeros_in_a_png_are_not_ten_thousands_of_chunks() -> None:
    whole = png_claiming(8, 8)
    for content in (whole + ZEROS, whole[:33] + ZEROS + whole[33:]):
        file = CountedFile(content)
        assert len(list(png.iter_chunks(file))) <= 4
        assert file.reads < 10


def test_an_invalid_chunk_ends_the_chunks_and_counts_as_exceeding_the_file(tmp_path: Path) -> None:
    whole = png_claiming(8, 8)
    (tmp_path / "x.png").write_bytes(whole[:33] + bytes(12) + struct.pack(">I4s", 1 << 30, b"IDAT") + whole[33:])
    assert png.exceeds_file(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes(whole + ZEROS)
    assert not png.exceeds_file(tmp_path / "x.png")


def test_megabytes_of_zeros_in_a_gif_are_passed_at_once(tmp_path: Path) -> None:
    written = io.BytesIO()
    frames = [Image.new("L", (8, 8), 90 * index) for index in range(3)]
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:], duration=40)
    content = written.getvalue()[:-1] + ZEROS + written.getvalue()[-1:]
    (tmp_path / "x.gif").write_bytes(content)
    assert read_header(tmp_path / "x.gif").frames == 3
    file = CountedFile(content)
    file.seek(13 + 3 * (2 << (content[10] & 7)))
    assert [kind for kind, _ in gif._blocks(file)][-1] == content[-1]
    assert file.reads < 300


def test_a_tiff_of_endless_overlapping_directories_ends(tmp_path: Path) -> None:
    """Each of 60,000 directories claims 65,535 entries, and the next begins two bytes later.

    Reading all of these entries takes hours: pytest's time-out would end the test.
    """
    path = tmp_path / "x.tif"
    content = bytearray(b"\xff" * 1_000_000)
    content[:8] = b"II*\0" + struct.pack("<I", 8)
    path.write_bytes(content)
    with suppress(ImageFailure):
        read_header(path)


@pytest.mark.parametrize(
    "text", [b"P1 is the first of six.", b"P6 2 or so", b"P3\n#x", b"#define WIDTH wide", b"/* XP */"]
)
def test_text_is_no_picture(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(text * 9)
    with pytest.raises(ImageFailure) as failure:
        read_header(path)
    assert failure.value.code == Code.UNSUPPORTED_FORMAT

"""The rarer formats are decoded to the pixels that were written; a damaged file raises an error with a code."""

import importlib.util
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from core.domain.errors import Code, ImageFailure
from core.imaging import codec
from core.imaging.codec import layout
from core.imaging.formats import ico
from core.imaging.header import read_header
from tests.support.images.format_files import FILES, RGB, RGBA, heic, psd, saved, write, xpm

HEIC = importlib.util.find_spec("pillow_heif") is not None
NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(FILES[name][0] == "heic" and not HEIC, reason="no pillow-heif here"))
    for name in FILES
]


@pytest.mark.parametrize("name", NAMES)
def test_the_pixels_that_were_written_come_in(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"  # the suffix must not matter
    pixels = write(name, path)
    header = read_header(path)
    result = codec.decode(path, header)
    assert (header.format, header.frames, header.orientation) == (FILES[name][0], 1, 1)
    assert (header.height, header.width, header.channels) == result.pixels.shape == pixels.shape
    assert header.depth == 8 * result.pixels.itemsize
    assert result.pixels.dtype == pixels.dtype
    assert np.abs(result.pixels.astype(int) - pixels).max() <= FILES[name][3]


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_pixels_or_a_code_and_nothing_else(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    write(name, path)
    whole = path.read_bytes()

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        cut=st.integers(1, len(whole)),
        at=st.one_of(st.integers(0, 60), st.integers(0, len(whole))),
        noise=st.binary(max_size=5),
    )
    def damaged(cut: int, at: int, noise: bytes) -> None:
        path.write_bytes((whole[:at] + noise + whole[at + len(noise) :])[: cut if cut % 2 else len(whole)])
        with suppress(ImageFailure):  # any other error fails the test
            header = read_header(path)
            if header.megapixels < 1:  # core.routing.plan has the limits
                codec.decode(path, header)

    damaged()


@pytest.mark.parametrize("name", NAMES)
def test_half_a_file_is_never_half_a_picture(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    write(name, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageFailure) as failure:
        codec.decode(path, read_header(path))
    assert failure.value.code in {Code.CORRUPT_IMAGE, Code.UNSUPPORTED_FORMAT}


def test_a_bomb_within_an_icon_is_refused_by_its_own_size(tmp_path: Path) -> None:
    path = tmp_path / "x.ico"
    content = bytearray(saved(RGBA, "ICO", sizes=[(20, 24)]))
    at = content.index(b"IHDR") + 4
    struct.pack_into(">II", content, at, 60_000, 60_000)
    path.write_bytes(content)
    assert read_header(path).megapixels == 3600


def test_the_best_picture_of_an_icon_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.ico"
    Image.fromarray(np.tile(RGBA, (4, 4, 1))).resize((64, 64)).save(path, sizes=[(16, 16), (64, 64), (32, 32)])
    assert ico.find_best(path)[:2] == (64, 64)


@pytest.mark.skipif(not HEIC, reason="no pillow-heif here")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_heic_is_applied_once(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "x.heic"
    exif = Image.Exif()
    exif[274] = orientation  # the encoder writes it as irot and imir too
    path.write_bytes(heic(RGB, "RGB", exif=exif.tobytes())())
    header = read_header(path)
    expected = layout.make_upright(RGB, orientation).astype(int)
    assert (header.height, header.width, header.orientation) == (*expected.shape[:2], 1)
    assert np.abs(codec.decode(path, header).pixels - expected).max() <= 2


def test_transparency_in_an_xpm_is_alpha(tmp_path: Path) -> None:
    path = tmp_path / "x.xpm"
    path.write_bytes(xpm())
    pixels = codec.decode(path, read_header(path)).pixels
    assert pixels[0].tolist() == [[255, 0, 0, 255], [0, 0, 255, 255], [0, 0, 0, 0]]


def test_the_white_behind_a_photoshop_picture_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "x.psd"
    image = RGBA.copy()
    image[..., 3] |= 128
    share = image[..., 3:] / 255
    merged = np.rint(image[..., :3] * share + 255 * (1 - share)).astype(np.uint8)
    planes = np.dstack([merged, image[..., 3:]]).transpose(2, 0, 1)
    path.write_bytes(psd(planes, 3, transparent=True))
    assert np.abs(codec.decode(path, read_header(path)).pixels.astype(int) - image).max() <= 2
    path.write_bytes(psd(planes, 3))  # a saved selection is no transparency
    assert np.array_equal(codec.decode(path, read_header(path)).pixels, merged)


def test_photoshops_lab_cmyk_and_palette_are_as_pillow_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "x.psd"
    space, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    rgb = Image.fromarray(RGBA[..., :3])
    lab = ImageCms.buildTransform(target, space, "RGB", "LAB").apply(rgb)
    planes = np.frombuffer(lab.tobytes(), np.uint8).reshape(24, 20, 3).transpose(2, 0, 1).copy()
    planes[1:] ^= 0x80 if lab.tobytes("raw", "LAB") != lab.tobytes() else 0
    path.write_bytes(psd(planes, 9))
    with Image.open(path) as image:
        expected = np.asarray(ImageCms.buildTransform(space, target, "LAB", "RGB").apply(image)).astype(int)
    result = codec.decode(path, read_header(path)).pixels.astype(int)
    assert np.abs(result - expected).mean() < 1
    inks = np.asarray(rgb.convert("CMYK")).transpose(2, 0, 1)
    palette = bytes(range(256)) * 3
    for content in (psd(255 - inks, 4), psd(RGBA[..., :1].transpose(2, 0, 1), 2, palette=palette)):
        path.write_bytes(content)
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB")).astype(int)
        assert np.abs(codec.decode(path, read_header(path)).pixels.astype(int) - expected).max() <= 1


def test_a_document_without_a_defined_white_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.psd"
    path.write_bytes(psd(np.zeros((3, 4, 4), np.uint32), 3))
    with pytest.raises(ImageFailure, match=r"32 bits per channel") as failure:
        read_header(path)
    assert failure.value.code == Code.UNSUPPORTED_FORMAT


def test_no_file_starts_another_program_or_loads_every_plug_in(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "x.eps"
    write("tga", path)
    script = f"""
import sys
from pathlib import Path
from core.imaging import codec
from core.imaging.header import read_header
from core.imaging.codec import layout
path = Path({str(path)!r})
codec.decode(path, read_header(path))
print(*sorted(name for name in sys.modules if name.startswith("PIL.") and name.endswith("Plugin")))
"""
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert "PIL.TgaImagePlugin" in run.stdout
    assert all(name not in run.stdout for name in ("Eps", "Wmf", "Pdf", "Fpx", "Mic", "Bufr", "Spider"))


@pytest.mark.parametrize("compression", ["raw", "tiff_adobe_deflate", "tiff_lzw"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_tiff_with_a_cut_off_directory_is_corrupt_and_not_unsupported(
    tmp_path: Path, compression: str, share: float
) -> None:
    path = tmp_path / "x.tif"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)).save(
        path, compression=compression
    )
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageFailure) as caught:
        codec.decode(path, read_header(path))
    assert caught.value.code is Code.CORRUPT_IMAGE


def test_an_icon_that_is_cut_short_is_never_its_smaller_picture(tmp_path: Path) -> None:
    path = tmp_path / "x.ico"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path, sizes=[(16, 16), (64, 64)])
    whole = path.read_bytes()
    for size in range(64, len(whole)):
        path.write_bytes(whole[:size])
        with suppress(ImageFailure):
            assert codec.decode(path, read_header(path)).pixels.shape[:2] == (64, 64)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageFailure) as caught:
        codec.decode(path, read_header(path))
    assert caught.value.code is Code.CORRUPT_IMAGE


def test_a_png_chunk_that_claims_gigabytes_is_not_allocated(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", (50, 40)).save(path)
    content = bytearray(path.read_bytes())
    content[33] = 0xBB  # the first byte of the length of IDAT
    path.write_bytes(content)
    script = """
import sys
from pathlib import Path
from core.imaging import codec
from core.imaging.header import read_header
from core.worker import process_usage as accounting
from core.domain.errors import ImageFailure
path = Path(sys.argv[1])
try:
    codec.decode(path, read_header(path))
except ImageFailure as failure:
    # Not getrusage: its peak includes the process that started this one
    print(failure.code.value, accounting.status_bytes("self", "VmHWM").get("VmHWM", 0))
"""
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    code, peak = run.stdout.split()
    assert code == "corrupt_image"
    assert int(peak) < 400 * 2**20  # without the check it is 2.9 GB; systems without /proc report 0

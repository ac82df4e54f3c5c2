"""The effect of each option of an output on the file, as other readers see it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from core.domain.model import ImageFormat
from core.domain.outputs import Output, Subsampling
from core.imaging import codec
from core.imaging.header import read_header
from core.imaging.raster import Raster
from tests.support.images.rasters import DEPTHS, psnr, raster

JPEG, PNG, WEBP, AVIF, GIF = ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.GIF


def smooth(channels: int = 3, height: int = 90, width: int = 120) -> Raster:
    pixels = cv2.GaussianBlur(raster(height, width, channels).pixels, (0, 0), 2).reshape(height, width, channels)
    return Raster(np.ascontiguousarray(pixels))


def size(image: Raster, path: Path, kind: ImageFormat, **options: Any) -> int:
    return codec.encode(image, Output(format=kind, **options), path)


def decoded(path: Path) -> Raster:
    return codec.decode(path, read_header(path))


def test_a_jpeg_is_progressive_optimised_and_subsampled_as_configured(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    image = smooth()
    plain = size(image, path, JPEG)
    assert not Image.open(path).info.get("progressive")
    before = decoded(path).pixels
    assert size(image, path, JPEG, optimize=False) > plain
    assert np.array_equal(decoded(path).pixels, before)
    size(image, path, JPEG, progressive=True)
    assert Image.open(path).info["progressive"]
    assert np.array_equal(decoded(path).pixels, before)
    for subsampling, factors in ((Subsampling.ALL, (1, 1)), (Subsampling.HALF, (2, 1)), (Subsampling.QUARTER, (2, 2))):
        size(image, path, JPEG, subsampling=subsampling)
        with Image.open(path) as opened:
            assert [layer[1:3] for layer in opened.layer] == [factors, (1, 1), (1, 1)]  # type: ignore[attr-defined]


def test_4_4_4_keeps_colours_that_4_2_0_blurs(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    image = Raster(np.tile(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), (40, 20, 1)))
    size(image, path, JPEG, quality=95, subsampling=Subsampling.ALL)
    whole = psnr(decoded(path).pixels, image.pixels)
    size(image, path, JPEG, quality=95)
    assert whole > psnr(decoded(path).pixels, image.pixels) + 10


def test_a_pngs_compression_changes_its_size_and_no_pixel(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    for image in (smooth(), smooth(2)):
        sizes = []
        for compression in (0, 1, 6, 9):
            sizes.append(size(image, path, PNG, compression=compression))
            assert np.array_equal(decoded(path).pixels, image.pixels)
        assert sizes[0] > 1.2 * sizes[1]
        assert size(image, path, PNG) == sizes[2]


def test_grey_with_alpha_stays_so_in_a_png(tmp_path: Path) -> None:
    image = raster(20, 30, 2)
    size(image, tmp_path / "x.png", PNG)
    assert Image.open(tmp_path / "x.png").mode == "LA"


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("colours", [2, 16, 256])
def test_a_palette_has_no_more_colours_than_it_may(colours: int, channels: int, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    size(raster(60, 70, channels, dtype), path, PNG, palette=colours)
    with Image.open(path) as image:
        assert image.mode == "P"
        result = np.asarray(image.convert("RGBA")).reshape(-1, 4)
    assert len(np.unique(result, axis=0)) <= colours


@pytest.mark.parametrize("alpha", [False, True])
def test_a_drawing_of_few_colours_is_exact_in_a_palette_and_in_a_gif(alpha: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(0, 256, (40, 4), np.uint8)
    table[:, 3] = np.where(rng.random(40) < 0.3, 0, 255) if alpha else 255
    table[table[:, 3] == 0] = 0
    pixels = table[rng.integers(0, 40, (50, 60))]
    image = Raster(np.ascontiguousarray(pixels if alpha else pixels[..., :3]))
    for kind, options in ((PNG, {"palette": 64}), (GIF, {"colors": 64})):
        path = tmp_path / f"x.{kind.value}"
        size(image, path, kind, **options)
        assert np.array_equal(np.asarray(Image.open(path).convert("RGBA")), pixels)


def test_soft_alpha_survives_a_palette(tmp_path: Path) -> None:
    image = smooth(4)
    image.pixels[..., 3] = np.linspace(0, 255, 120, dtype=np.uint8)
    size(image, tmp_path / "x.png", PNG, palette=256)
    result = np.asarray(Image.open(tmp_path / "x.png").convert("RGBA"))
    assert np.abs(result[..., 3].astype(int) - image.pixels[..., 3]).mean() < 10


def test_a_drawings_ground_keeps_its_colour_in_few_colours(tmp_path: Path) -> None:
    pixels = np.full((80, 200, 3), (254, 255, 252), np.uint8)
    for at in range(9):
        cv2.putText(
            pixels, "Text", (5 + 9 * at, 20 + 6 * at), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20 * at, 90, 200), 1, cv2.LINE_AA
        )
    for kind, options in ((PNG, {"palette": 8}), (GIF, {"colors": 8})):
        path = tmp_path / f"x.{kind.value}"
        size(Raster(pixels), path, kind, **options)
        assert Image.open(path).convert("RGB").getpixel((199, 79)) == (254, 255, 252)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_lossless_webp_gives_back_every_value(channels: int, tmp_path: Path) -> None:
    image = raster(40, 50, channels)
    size(image, tmp_path / "x.webp", WEBP, lossless=True)
    assert np.array_equal(
        decoded(tmp_path / "x.webp").pixels[..., :channels], np.broadcast_to(image.pixels, (40, 50, channels))
    )


def test_a_slow_avif_is_smaller_for_its_looks(tmp_path: Path) -> None:
    path = tmp_path / "x.avif"
    image = smooth(height=180, width=240)
    fast, slow = (size(image, path, AVIF, speed=speed) for speed in (10, 2))
    assert slow < fast
    assert psnr(decoded(path).pixels, image.pixels) > 30


def test_a_still_gif_is_one_picture_that_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "x.gif"
    image = smooth(4)
    image.pixels[:, :60, 3] = 20
    image.pixels[:, 60:, 3] = 200
    size(image, path, GIF)
    with Image.open(path) as opened:
        assert getattr(opened, "n_frames", 1) == 1
        assert "loop" not in opened.info
        alpha = np.asarray(opened.convert("RGBA"))[..., 3]
    assert not alpha[:, :60].any()
    assert (alpha[:, 60:] == 255).all()


OPTIONS: list[tuple[ImageFormat, dict[str, Any]]] = [
    *((JPEG, {"progressive": True}), (JPEG, {"subsampling": Subsampling.ALL}), (JPEG, {"optimize": False})),
    *((PNG, {"palette": 30}), (PNG, {"compression": 1})),
    *((WEBP, {"lossless": True}), (AVIF, {"speed": 6}), (GIF, {"colors": 30})),
]


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_no_option_makes_the_bytes_depend_on_threads(
    kind: ImageFormat, options: dict[str, Any], tmp_path: Path
) -> None:
    image = raster(200, 300, 4)
    threads = cv2.getNumThreads()
    contents = set()
    try:
        for count in (1, 3, 16):
            cv2.setNumThreads(count)
            path = tmp_path / f"x.{kind.extension}"
            size(image, path, kind, **options)
            contents.add(path.read_bytes())
    finally:
        cv2.setNumThreads(threads)
    assert len(contents) == 1

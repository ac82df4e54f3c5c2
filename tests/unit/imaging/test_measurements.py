"""What measurements say, and that it holds against resizing, compression and references."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from scipy import fft

from core.imaging.operations.blur import Blur
from core.imaging.operations.perceptual_hash import PerceptualHash
from core.imaging.operations.resize import Resize
from core.imaging.operations.sharpness import Sharpness
from core.imaging.raster import Raster
from pictureperfect.demo.painted_images import DAWN, DUSK, NIGHT, NOON, paint_landscape
from tests.support.images.rasters import raster, rasters


def picture(seed: int) -> Raster:
    palette = (DAWN, NOON, DUSK, NIGHT)[seed % 4]
    return Raster(np.asarray(paint_landscape(480, 320, seed, palette).convert("RGB")).copy())


def apart(first: Raster, second: Raster) -> int:
    """The bits in which the two hashes differ."""
    return (int(PerceptualHash().measure(first), 16) ^ int(PerceptualHash().measure(second), 16)).bit_count()


def published(image: Image.Image) -> int:
    """As the imagehash package has it: Pillow's reduction, SciPy's cosine transform, above the median."""
    small = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS)).astype(float)
    low = fft.dct(fft.dct(small, axis=0), axis=1)[:8, :8]
    return int("".join("1" if bit else "0" for bit in (low > np.median(low)).flatten()), 2)


@pytest.mark.parametrize("seed", range(6))
def test_the_perceptual_hash_is_the_published_one_but_for_the_way_of_reducing(seed: int) -> None:
    image = picture(seed)
    ours = int(PerceptualHash().measure(image), 16)
    assert (ours ^ published(Image.fromarray(image.pixels))).bit_count() <= 4


@pytest.mark.parametrize("seed", range(6))
def test_near_duplicates_are_near_and_others_far(seed: int) -> None:
    image, other = picture(seed), picture(seed + 7)
    file = io.BytesIO()
    Image.fromarray(image.pixels).save(file, "JPEG", quality=40)
    assert apart(image, Raster(np.asarray(Image.open(file)))) <= 6
    assert apart(image, Resize(width=200).apply(image)) <= 6
    assert apart(image, Raster(image.pixels.astype(np.uint16) * 257)) <= 1
    assert apart(image, other) > 10


def test_transparency_counts_as_white() -> None:
    image = picture(2)
    clear = np.concatenate([image.pixels, np.zeros((*image.pixels.shape[:2], 1), np.uint8)], axis=2)
    white = Raster(np.full_like(image.pixels, 255))
    assert PerceptualHash().measure(Raster(clear)) == PerceptualHash().measure(white)
    assert Sharpness().measure(Raster(clear)) == 0


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    image = raster(60, 91, 1)
    padded = np.pad(image.pixels[..., 0].astype(float), 1, mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    assert Sharpness().measure(image) == pytest.approx(np.var(around - 4 * padded[1:-1, 1:-1]), rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_blurred_pictures_score_far_less(seed: int) -> None:
    image = picture(seed)
    assert Sharpness().measure(Blur(sigma=3).apply(image)) < Sharpness().measure(image) / 4


def test_depth_and_size_change_little() -> None:
    large = Raster(cv2.GaussianBlur(raster(1500, 2048, 3).pixels, (0, 0), 1.5))
    half = Resize(width=1024).apply(large)
    assert Sharpness().measure(large) == pytest.approx(Sharpness().measure(half), rel=0.1)
    deep = Raster(half.pixels.astype(np.uint16) * 257)
    assert Sharpness().measure(deep) == pytest.approx(Sharpness().measure(half), rel=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3, 2)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_size_gives_a_finite_number_and_sixteen_digits(size: tuple[int, int], channels: int) -> None:
    image = raster(*size, channels)
    assert np.isfinite(Sharpness().measure(image))
    assert len(PerceptualHash().measure(image)) == 16


def test_measurements_are_the_same_at_any_number_of_threads() -> None:
    threads, image = cv2.getNumThreads(), raster(900, 1300, 4)
    try:
        found: set[Any] = set()
        for count in (1, 2, 5, 16):
            cv2.setNumThreads(count)
            found.add((PerceptualHash().measure(image), Sharpness().measure(image)))
        assert len(found) == 1
    finally:
        cv2.setNumThreads(threads)


@settings(max_examples=40)
@given(image=rasters())
def test_measuring_writes_to_nothing(image: Raster) -> None:
    before = image.pixels.copy()
    image.pixels.flags.writeable = False
    PerceptualHash().measure(image)
    Sharpness().measure(image)
    assert np.array_equal(image.pixels, before)

"""Operations of tone, color and texture, compared with independent references; each test states its tolerance."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from skimage import exposure, filters

from core.imaging.operations.base import Operation
from core.imaging.operations.bilateral_blur import BilateralBlur
from core.imaging.operations.brightness import Brightness
from core.imaging.operations.color_map import ColorMap, Palette
from core.imaging.operations.detail import Detail
from core.imaging.operations.gamma import Gamma
from core.imaging.operations.median_blur import MedianBlur
from core.imaging.operations.saturation import Saturation
from core.imaging.operations.stylize import Stylize
from core.imaging.operations.threshold import Threshold, ThresholdMethod
from core.imaging.operations.white_balance import Light, WhiteBalance
from core.imaging.raster import Raster
from tests.support.images.rasters import DEPTHS, raster

KINDS = [(channels, dtype) for channels in (1, 2, 3, 4) for dtype in DEPTHS]
SIZES = [(1, 1), (1, 7), (37, 53)]


def split(image: Raster) -> tuple[NDArray[Any], NDArray[Any]]:
    """Colors as float64, and alpha (without a channel if there is none)."""
    colours = image.channels - image.has_alpha
    return image.pixels[..., :colours].astype(np.float64), image.pixels[..., colours:]


def agree(step: Operation, image: Raster, expected: NDArray[Any], tolerance: float = 0.51) -> None:
    """`expected` are the colors, unrounded; alpha must equal the input's."""
    result = step.apply(image)
    colours, alpha = split(result)
    assert np.abs(colours - expected.clip(0, image.white)).max() <= tolerance
    assert np.array_equal(alpha, split(image)[1])


def luma(colours: NDArray[Any]) -> NDArray[Any]:
    return colours @ np.array([0.299, 0.587, 0.114]) if colours.shape[2] == 3 else colours[..., 0]


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_tables_are_their_formulas(size: tuple[int, int], channels: int, dtype: Any) -> None:
    image = raster(*size, channels, dtype)
    colours, _ = split(image)
    agree(Brightness(factor=1.37), image, colours * 1.37)
    agree(Brightness(factor=0), image, colours * 0)
    agree(Gamma(gamma=2.2), image, exposure.adjust_gamma(colours / image.white, 1 / 2.2) * image.white)
    agree(Gamma(gamma=1), image, colours, tolerance=0)


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_saturation_is_a_distance_from_grey(channels: int, dtype: Any) -> None:
    image = raster(37, 53, channels, dtype)
    colours, _ = split(image)
    grey = luma(colours)[..., None] if channels > 2 else colours
    for factor in (0, 0.4, 1, 2.5):
        agree(Saturation(factor=factor), image, grey + factor * (colours - grey))


def test_saturation_and_brightness_are_pillows() -> None:
    image = raster(41, 29, 3)
    picture = Image.fromarray(image.pixels)
    for factor in (0.5, 1.6):
        for step, theirs in (
            (Saturation(factor=factor), ImageEnhance.Color(picture)),
            (Brightness(factor=factor), ImageEnhance.Brightness(picture)),
        ):
            expected = np.asarray(theirs.enhance(factor)).astype(int)
            assert (
                np.abs(step.apply(image).pixels.astype(int) - expected).max() <= 2
            )  # Pillow truncates, and rounds twice


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
@pytest.mark.parametrize("size", [3, 5])
def test_a_median_is_the_middle_of_the_sorted_square(size: Any, channels: int, dtype: Any) -> None:
    image = raster(19, 27, channels, dtype)
    colours, _ = split(image)
    reach = size // 2
    padded = np.pad(colours, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    squares = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    agree(MedianBlur(size=size), image, np.median(squares, axis=(-2, -1)), tolerance=0)


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_a_bilateral_blur_is_its_formula(channels: int, dtype: Any) -> None:
    image = raster(21, 33, channels, dtype)
    step = BilateralBlur(sigma_space=1.8, sigma_color=30)
    expected = bilateral(split(image)[0], 1.8, 30 * image.white / 255, step.radius)
    agree(step, image, expected, tolerance=1.01 * image.white / 255 if dtype is np.uint8 else 30)


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_detail_adds_the_difference_to_the_bilateral_filter(channels: int, dtype: Any) -> None:
    image = raster(21, 33, channels, dtype)
    step = Detail(amount=1.5, sigma_space=2, sigma_color=30)
    colours, _ = split(image)
    grey = np.rint(luma(colours))[..., None]
    soft = bilateral(grey, 2, 30 * image.white / 255, step.radius)
    agree(step, image, colours + 1.5 * (grey - soft), tolerance=2 if dtype is np.uint8 else 60)


def bilateral(colours: NDArray[Any], space: float, color: float, radius: int) -> NDArray[Any]:
    height, width = colours.shape[:2]
    padded = np.pad(colours, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    total, weights = np.zeros_like(colours), np.zeros((height, width, 1))
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            if y * y + x * x > radius * radius:
                continue
            moved = padded[radius + y : radius + y + height, radius + x : radius + x + width]
            apart = np.abs(moved - colours).sum(axis=2, keepdims=True)
            weight = np.exp(-(y * y + x * x) / (2 * space**2) - apart**2 / (2 * color**2))
            total += weight * moved
            weights += weight
    return np.asarray(total / weights)


@pytest.mark.parametrize(("channels", "dtype"), [kind for kind in KINDS if kind[0] > 2])
def test_white_balance_makes_the_light_white(channels: int, dtype: Any) -> None:
    image = raster(60, 70, channels, dtype)
    image.pixels[..., 0] //= 2
    seen = image.pixels[image.pixels[..., 3] > 0] if image.has_alpha else image.pixels.reshape(-1, channels)
    colours, _ = split(image)
    means = seen[:, :3].astype(np.float64).mean(axis=0)
    agree(WhiteBalance(), image, colours * (means.mean() / means))
    agree(WhiteBalance(strength=0), image, colours, tolerance=0)
    bright = np.percentile(seen[:, :3], 99, axis=0, method="inverted_cdf").astype(np.float64)
    agree(WhiteBalance(method=Light.WHITE_PATCH), image, colours * (bright.mean() / bright))


def test_white_balance_keeps_black_and_ignores_transparent_pixels() -> None:
    black = Raster(np.zeros((3, 4, 3), np.uint8))
    assert not WhiteBalance().apply(black).pixels.any()
    hidden = raster(5, 5, 4)
    hidden.pixels[..., 3] = 0
    assert np.array_equal(WhiteBalance().apply(hidden).pixels, hidden.pixels)


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_thresholds_are_scikit_images(channels: int, dtype: Any) -> None:
    image = raster(45, 61, channels, dtype)
    colours, _ = split(image)
    grey = np.rint(luma(colours))
    step = image.white / 255

    def decided(line: Any) -> NDArray[Any]:
        return np.repeat(np.where(grey > line, image.white, 0)[..., None], colours.shape[2], axis=2)

    def differing(threshold: Threshold, line: Any) -> float:
        return float((split(threshold.apply(image))[0] != decided(line)).mean())

    assert differing(Threshold(by=ThresholdMethod.VALUE, value=90.5), 90.5 * step) == 0
    assert differing(Threshold(), filters.threshold_otsu(grey.astype(dtype), nbins=image.white + 1)) < 0.002
    line = filters.threshold_local(grey, 11, method="mean", offset=10 * step, mode="nearest")
    assert (
        differing(Threshold(by=ThresholdMethod.ADAPTIVE, size=11), line) < 0.002
    )  # where luma is rounded to the other side


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("palette", list(Palette))
def test_a_color_map_is_opencvs_with_steps_between(palette: Palette, dtype: Any) -> None:
    values = np.linspace(0, np.iinfo(dtype).max, 1021).astype(dtype)
    result = ColorMap(map=palette).apply(Raster(values.reshape(1, -1, 1))).pixels[0].astype(np.float64)
    white = np.iinfo(dtype).max
    near = np.rint(values / white * 255).astype(np.uint8)
    theirs = cv2.applyColorMap(near.reshape(-1, 1), getattr(cv2, f"COLORMAP_{palette.name}"))[:, 0, ::-1]
    steps = np.abs(np.diff(theirs.astype(int), axis=0)).max() if dtype is np.uint16 else 0
    assert np.abs(result * 255 / white - theirs).max() <= steps + 0.5
    if dtype is np.uint8:
        assert np.array_equal(result, theirs)


def test_a_color_map_of_colors_is_that_of_their_luma_and_keeps_alpha() -> None:
    image = raster(9, 14, 4)
    grey = Raster(cv2.cvtColor(image.pixels[..., :3].copy(), cv2.COLOR_RGB2GRAY)[..., None])
    result = ColorMap().apply(image).pixels
    assert np.array_equal(result[..., :3], ColorMap().apply(grey).pixels)
    assert np.array_equal(result[..., 3], image.pixels[..., 3])


def test_stylize_flattens_texture_and_keeps_edges() -> None:
    pixels = np.full((80, 120, 3), 60, np.uint8)
    pixels[:, 60:] = 190
    noisy = Raster((pixels + np.random.default_rng(1).normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8))
    result = Stylize().apply(noisy).pixels.astype(float)
    assert result[:, 5:50].std() < noisy.pixels[:, 5:50].std() / 2
    assert result[:, 65:].mean() - result[:, :55].mean() > 110
    deep = Stylize().apply(Raster(noisy.pixels.astype(np.uint16) * 257)).pixels
    assert np.array_equal(deep, result * 257)
    grey = Stylize().apply(Raster(noisy.pixels[..., :1].copy())).pixels
    assert np.abs(grey[..., 0] - result[..., 0]).mean() < 6


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (37, 53), (60, 400), (300, 9)])
@pytest.mark.parametrize(("space", "alike"), [(60, 0.45), (200, 1), (0, 0), (3, 0)])
def test_stylize_keeps_a_uniform_image_of_any_size(height: int, width: int, space: float, alike: float) -> None:
    plain = np.full((height, width, 3), (200, 120, 40), np.uint8)
    result = Stylize(sigma_space=space, sigma_color=alike).apply(Raster(plain)).pixels
    assert np.abs(result.astype(int) - plain).max() <= 1

"""The promises of every operation, and comparisons with independent references."""

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from core.domain.outputs import to_rgba
from core.imaging.operations import OPERATIONS
from core.imaging.operations.attention_crop import AttentionCrop
from core.imaging.operations.base import Gravity, Operation
from core.imaging.operations.bilateral_blur import BilateralBlur
from core.imaging.operations.blur import Blur
from core.imaging.operations.brightness import Brightness
from core.imaging.operations.color_map import ColorMap
from core.imaging.operations.contrast import Contrast
from core.imaging.operations.crop import Crop
from core.imaging.operations.denoise import Denoise
from core.imaging.operations.deskew import Deskew
from core.imaging.operations.detail import Detail
from core.imaging.operations.flip import Direction, Flip
from core.imaging.operations.gamma import Gamma
from core.imaging.operations.grayscale import Grayscale
from core.imaging.operations.image_watermark import ImageWatermark
from core.imaging.operations.median_blur import MedianBlur
from core.imaging.operations.pad import Pad, Padding
from core.imaging.operations.perceptual_hash import PerceptualHash
from core.imaging.operations.perspective import Perspective
from core.imaging.operations.pixelate import Pixelate
from core.imaging.operations.resize import Fit, Resize
from core.imaging.operations.rotate import Rotate
from core.imaging.operations.saturation import Saturation
from core.imaging.operations.sharpen import Sharpen
from core.imaging.operations.sharpness import Sharpness
from core.imaging.operations.stylize import Stylize
from core.imaging.operations.text_watermark import TextWatermark
from core.imaging.operations.threshold import Threshold, ThresholdMethod
from core.imaging.operations.trim import Trim
from core.imaging.operations.white_balance import Light, WhiteBalance
from core.imaging.raster import Raster
from tests.support.images.rasters import psnr, raster, rasters

SIDES = st.integers(1, 60)
DECIDED_BY_PIXELS = (Deskew, Trim)  # the size is known only after; an upper bound is known before


@pytest.fixture(scope="session")
def logo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logo") / "logo.png"
    pixels = np.zeros((20, 30, 4), np.uint8)
    pixels[4:16, 4:26] = (255, 0, 0, 255)
    Image.fromarray(pixels).save(path)
    return path


def every_operation(logo: Path) -> list[Operation]:
    operations: list[Operation] = [
        BilateralBlur(),
        Brightness(factor=1.3),
        ColorMap(),
        Detail(),
        Gamma(gamma=2.2),
        MedianBlur(size=5),
        PerceptualHash(),
        Saturation(factor=1.5),
        Sharpness(),
        Stylize(),
        Threshold(),
        Threshold(by=ThresholdMethod.VALUE, value=100),
        Threshold(by=ThresholdMethod.ADAPTIVE, size=11),
        WhiteBalance(),
        WhiteBalance(method=Light.WHITE_PATCH, strength=0.5),
        AttentionCrop(width=14, height=23),
        AttentionCrop(width=31, height=8, enlarge=True),
        Deskew(),
        Pad(all=7, mode=Padding.REFLECT),
        Pad(top=2, left=45),
        Perspective(corners=((-2, 1), (14, 0.5), (17, 12), (1, 11))),
        Pixelate(x=3, y=1, width=20, height=19, size=4),
        Trim(threshold=90),
        Blur(sigma=1.2),
        Contrast(),
        Crop(width=17, height=9, x=5, y=3),
        Crop(width=10, height=30, gravity=Gravity.SOUTHEAST),
        Denoise(),
        Flip(),
        Grayscale(),
        ImageWatermark(image=str(logo)),
        Resize(width=13, height=21, fit=Fit.CONTAIN, enlarge=True),
        Resize(width=13, height=21, fit=Fit.COVER),
        Resize(width=70, height=5, fit=Fit.FILL, enlarge=True),
        Resize(width=11),
        Resize(height=90, fit=Fit.OUTSIDE, enlarge=True),
        Rotate(angle=90),
        Rotate(angle=-33.3),
        Sharpen(),
        TextWatermark(text="Grüße"),
    ]
    assert {str(type(operation).__struct_config__.tag) for operation in operations} == set(OPERATIONS)
    return operations


@settings(max_examples=60)
@given(image=rasters())
def test_every_operation_takes_any_raster_writes_a_new_one_and_declares_its_size(image: Raster, logo: Path) -> None:
    before = image.pixels.copy()
    image.pixels.flags.writeable = False
    for operation in every_operation(logo):
        result = operation.apply(image)
        assert np.array_equal(image.pixels, before)
        assert result.pixels.ndim == 3
        assert result.pixels.flags.c_contiguous
        assert result.pixels.dtype == image.pixels.dtype
        assert result.has_alpha == image.has_alpha
        assert result.channels == operation.output_channels(image.channels), operation
        width, height = operation.output_size(image.width, image.height)
        if isinstance(operation, DECIDED_BY_PIXELS):
            assert result.width <= width, operation
            assert result.height <= height, operation
        else:
            assert (result.width, result.height) == (width, height), operation


def test_a_grey_image_stays_grey_through_every_operation(logo: Path) -> None:
    for operation in every_operation(logo):
        more = 2 if isinstance(operation, ColorMap) else 0  # the only one that turns grey into colours
        assert operation.apply(raster(12, 19, 1)).channels == 1 + more
        assert operation.apply(raster(12, 19, 2)).channels == 2 + more


def test_operations_give_the_same_bytes_at_any_number_of_threads(logo: Path) -> None:
    image = raster(150, 211, 4)
    threads = cv2.getNumThreads()
    try:
        for operation in every_operation(logo):
            results = []
            for count in (1, 2, 5, 16):
                cv2.setNumThreads(count)
                results.append(operation.apply(image).pixels.tobytes())
            assert len(set(results)) == 1, operation
    finally:
        cv2.setNumThreads(threads)


def test_a_neighbourhood_operation_looks_no_further_than_its_radius() -> None:
    image = raster(61, 61, 3)
    changed = image.pixels.copy()
    changed[30, 30] = 255 - changed[30, 30]
    adaptive = Threshold(by=ThresholdMethod.ADAPTIVE, size=7)
    several = (
        Blur(sigma=2.5),
        Sharpen(sigma=1.5),
        Denoise(),
        Grayscale(),
        BilateralBlur(),
        Detail(),
        MedianBlur(),
        adaptive,
    )
    for operation in several:
        before, after = operation.apply(image).pixels, operation.apply(Raster(changed)).pixels
        rows, columns = np.nonzero((before != after).any(axis=2))
        assert operation.radius is not None
        assert max(abs(rows - 30).max(), abs(columns - 30).max()) <= operation.radius, operation


@given(
    size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    box=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    enlarge=st.booleans(),
)
def test_resize_keeps_the_promise_of_each_fit(size: tuple[int, int], box: tuple[int, int], enlarge: bool) -> None:
    def out(fit: Fit) -> tuple[int, int]:
        return Resize(width=box[0], height=box[1], fit=fit, enlarge=enlarge).output_size(*size)

    assert out(Fit.CONTAIN) == box
    inside, outside = out(Fit.INSIDE), out(Fit.OUTSIDE)
    assert inside[0] <= box[0]
    assert inside[1] <= box[1]
    if enlarge:
        assert out(Fit.FILL) == out(Fit.COVER) == box
        assert inside[0] == box[0] or inside[1] == box[1]
        assert outside[0] >= box[0]
        assert outside[1] >= box[1]
    else:
        for fit in (Fit.FILL, Fit.COVER, Fit.INSIDE, Fit.OUTSIDE):
            assert out(fit)[0] <= size[0]
            assert out(fit)[1] <= size[1]
    for width, height in (inside, outside):
        assert abs(width * size[1] - height * size[0]) <= max(size)  # the aspect ratio, to half a pixel a side


def test_shrinking_is_the_mean_over_the_area() -> None:
    image = raster(120, 90, 3)
    expected = image.pixels.reshape(40, 3, 30, 3, 3).astype(np.float64).mean(axis=(1, 3))
    result = Resize(width=30).apply(image).pixels
    assert np.abs(result - expected).max() <= 0.51
    odd = raster(40, 30, 1)
    spread = np.repeat(np.repeat(odd.pixels[..., 0], 17, axis=0), 13, axis=1)
    expected = spread.reshape(17, 40, 13, 30).astype(np.float64).mean(axis=(1, 3))
    result = Resize(width=13, height=17, fit=Fit.FILL).apply(odd).pixels[..., 0]
    assert np.abs(result - expected).max() <= 0.51


def test_resizing_lets_no_hidden_colour_bleed() -> None:
    for dtype in (np.uint8, np.uint16):
        white = np.iinfo(dtype).max
        pixels = np.zeros((40, 40, 4), dtype)  # transparent black …
        pixels[7:29, 9:33] = white  # … around opaque white
        for operation in (Resize(width=17), Resize(width=97, enlarge=True), Blur(sigma=3), Rotate(angle=20)):
            result = operation.apply(Raster(pixels)).pixels
            seen = result[result[..., 3] > white // 50]
            assert seen[:, :3].min() >= white * 0.97, operation


def test_cover_keeps_the_part_towards_its_gravity() -> None:
    pixels = np.zeros((20, 60, 1), np.uint8)
    pixels[:, 40:] = 200
    east = Resize(width=20, height=20, fit=Fit.COVER, gravity=Gravity.EAST).apply(Raster(pixels))
    west = Resize(width=20, height=20, fit=Fit.COVER, gravity=Gravity.WEST).apply(Raster(pixels))
    assert east.pixels.min() == 200
    assert west.pixels.max() == 0


def test_contain_pads_with_its_background() -> None:
    red = Resize(width=30, height=30, fit=Fit.CONTAIN, background="#ff0000").apply(raster(10, 30, 3))
    assert (red.pixels[0, 0] == (255, 0, 0)).all()
    clear = Resize(width=30, height=30, fit=Fit.CONTAIN).apply(raster(10, 30, 4))
    assert clear.pixels[0, 0, 3] == 0


def test_quarter_turns_and_mirrors_are_exact() -> None:
    image = raster(13, 29, 4, np.uint16)
    assert np.array_equal(Rotate(angle=90).apply(image).pixels, np.rot90(image.pixels, -1))
    assert np.array_equal(Rotate(angle=-90).apply(image).pixels, np.rot90(image.pixels, 1))
    assert np.array_equal(Rotate(angle=180).apply(image).pixels, image.pixels[::-1, ::-1])
    assert np.array_equal(Rotate(angle=360).apply(image).pixels, image.pixels)
    assert np.array_equal(Flip().apply(image).pixels, image.pixels[:, ::-1])
    assert np.array_equal(Flip(direction=Direction.VERTICAL).apply(image).pixels, image.pixels[::-1])
    assert np.array_equal(Flip(direction=Direction.BOTH).apply(image).pixels, image.pixels[::-1, ::-1])


def test_rotation_agrees_with_pillow() -> None:
    smooth = cv2.GaussianBlur(raster(80, 120, 3).pixels, (0, 0), 3)
    turned = Rotate(angle=25, background="#000000").apply(Raster(smooth))
    pillow = np.asarray(Image.fromarray(smooth).rotate(-25, Image.Resampling.BICUBIC, expand=True))
    top, left = (pillow.shape[0] - turned.height) // 2, (pillow.shape[1] - turned.width) // 2
    middle = (slice(30, 90), slice(30, 120))
    shifted = pillow[max(top, 0) :, max(left, 0) :]
    assert psnr(turned.pixels[middle].copy(), shifted[middle].copy()) > 35


@given(size=st.tuples(SIDES, SIDES), x=st.integers(0, 80), y=st.integers(0, 80), box=st.tuples(SIDES, SIDES))
def test_a_crop_stays_inside_the_image(size: tuple[int, int], x: int, y: int, box: tuple[int, int]) -> None:
    image = raster(size[1], size[0], 1)
    width, height = min(box[0], size[0]), min(box[1], size[1])
    left, top = min(x, size[0] - width), min(y, size[1] - height)
    result = Crop(width=box[0], height=box[1], x=x, y=y).apply(image)
    assert np.array_equal(result.pixels, image.pixels[top : top + height, left : left + width])


def test_blur_agrees_with_the_formula_at_both_depths() -> None:
    for dtype in (np.uint8, np.uint16):
        image = raster(50, 70, 3, dtype)
        sigma, radius = 2.0, 6
        weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
        weights /= weights.sum()
        padded = np.pad(image.pixels.astype(np.float64), ((radius, radius), (radius, radius), (0, 0)), "edge")
        rows = sum(w * padded[at : at + 50] for at, w in enumerate(weights))
        expected = sum(w * rows[:, at : at + 70] for at, w in enumerate(weights))
        result = Blur(sigma=sigma).apply(image).pixels
        assert np.abs(result - expected).max() <= np.iinfo(dtype).max / 255 * 1.01


def test_sharpening_adds_the_difference_to_the_blur() -> None:
    image = raster(40, 40, 4)
    soft = cv2.GaussianBlur(image.pixels[..., :3], (7, 7), 1.0, borderType=cv2.BORDER_REPLICATE).astype(float)
    expected = (image.pixels[..., :3] * 1.5 - soft * 0.5).clip(0, 255)
    result = Sharpen(sigma=1, amount=0.5).apply(image).pixels
    assert np.abs(result[..., :3] - expected).max() <= 0.51
    assert np.array_equal(result[..., 3], image.pixels[..., 3])
    gentle = np.asarray(Image.fromarray(image.pixels[..., :3]).filter(ImageFilter.UnsharpMask(1, 50, 0)))
    assert psnr(result[..., :3].copy(), gentle) > 25


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_denoising_takes_most_of_the_noise_and_leaves_the_edge(channels: int, dtype: Any) -> None:
    white = np.iinfo(dtype).max
    clean = np.full((64, 64, channels), white * 0.25)
    clean[:, 32:] = white * 0.75
    noisy = clean + np.random.default_rng(0).normal(0, white * 0.02, clean.shape)
    image = Raster(noisy.clip(0, white).astype(dtype))
    result = Denoise(strength=10).apply(image).pixels.astype(float)
    assert np.abs(result - clean).mean() < 0.5 * np.abs(noisy - clean).mean()
    assert (result[:, 33] - result[:, 30]).mean() > white * 0.45


def test_contrast_spreads_luminance_and_keeps_grey_neutral() -> None:
    for dtype in (np.uint8, np.uint16):
        white = np.iinfo(dtype).max
        flat = raster(128, 128, 1, dtype).pixels / white * 0.2 + 0.4
        image = Raster(np.repeat((flat * white).astype(dtype), 3, axis=2))
        result = Contrast(limit=4).apply(image).pixels
        assert result.std() > 1.5 * image.pixels.std()
        assert np.abs(result.astype(int) - result[..., :1]).max() <= white / 255


def test_grey_is_rec_601_luma() -> None:
    image = raster(30, 20, 4)
    luma = image.pixels[..., :3] @ np.array([0.299, 0.587, 0.114])
    result = Grayscale().apply(image).pixels
    assert np.abs(result[..., 0] - luma).max() <= 0.6
    assert np.array_equal(result[..., 1], image.pixels[..., 3])


def test_a_picture_is_laid_over_as_pillow_lays_it(logo: Path) -> None:
    image = raster(60, 90, 4)
    result = ImageWatermark(image=str(logo), size=1 / 3, margin=0, gravity=Gravity.NORTHWEST).apply(image)
    layer = Image.new("RGBA", (90, 60))
    layer.paste(Image.open(logo), (0, 0))
    expected = np.asarray(Image.alpha_composite(Image.fromarray(image.pixels), layer))
    visible = expected[..., 3] > 0
    assert np.abs(result.pixels.astype(int) - expected)[visible].max() <= 2


def test_text_is_drawn_at_its_gravity_only() -> None:
    image = Raster(np.zeros((200, 300, 3), np.uint8))
    result = TextWatermark(text="© Ömer", size=0.1, opacity=1, gravity=Gravity.NORTHWEST, margin=0.05).apply(image)
    rows, columns = np.nonzero(result.pixels.max(axis=2))
    assert rows.min() >= 10
    assert columns.min() >= 10
    assert rows.max() < 45
    assert columns.max() < 150
    assert result.pixels.max() > 240


def test_letters_of_many_scripts_are_drawn_without_placeholders() -> None:
    image = Raster(np.zeros((100, 100, 1), np.uint8))
    shapes = [TextWatermark(text=letter, size=0.5, opacity=1).apply(image).pixels.tobytes() for letter in "?Aüßλж写ج"]
    assert len(set(shapes)) == len(shapes)


def test_lines_stand_below_each_other() -> None:
    image = Raster(np.zeros((400, 400, 1), np.uint8))
    one, two = (TextWatermark(text=text, size=0.1, opacity=1).apply(image).pixels for text in ("Hy", "Hy\nHy"))
    assert np.ptp(np.nonzero(two)[0]) > 1.8 * np.ptp(np.nonzero(one)[0])
    assert np.ptp(np.nonzero(two)[1]) == np.ptp(np.nonzero(one)[1])


def test_text_too_long_for_the_image_shrinks_to_fit() -> None:
    image = Raster(np.zeros((40, 60, 3), np.uint8))
    result = TextWatermark(text="a very long line of text " * 8, size=0.5, opacity=1).apply(image)
    assert np.nonzero(result.pixels.max(axis=2))[1].min() > 0


def test_half_opacity_mixes_halves() -> None:
    image = Raster(np.zeros((100, 100, 3), np.uint8))
    full = TextWatermark(text="X", size=0.9, opacity=1).apply(image).pixels.max()
    half = TextWatermark(text="X", size=0.9, opacity=0.5).apply(image).pixels.max()
    assert (full, half) == (255, 128)


def test_colours_are_read_as_css_writes_them() -> None:
    assert to_rgba("#0a141e") == (10, 20, 30, 255)
    assert to_rgba("#0a141e80") == (10, 20, 30, 128)


@given(outer=st.tuples(SIDES, SIDES), share=st.tuples(st.floats(0, 1), st.floats(0, 1)), margin=st.integers(0, 9))
def test_gravity_places_inside(outer: tuple[int, int], share: tuple[float, float], margin: int) -> None:
    inner = max(1, int(outer[0] * share[0])), max(1, int(outer[1] * share[1]))
    for gravity in Gravity:
        x, y = gravity.place(outer, inner, margin)
        assert 0 <= x <= outer[0] - inner[0]
        assert 0 <= y <= outer[1] - inner[1]


@pytest.mark.parametrize("parameters", [{}, {"width": 5, "fit": "cover"}, {"width": 0}, {"width": 5, "depth": 1}])
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(parameters, Resize)

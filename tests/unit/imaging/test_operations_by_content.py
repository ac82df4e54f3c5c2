"""Operations that depend on the content, deskew and attention-crop, compared with scikit-image."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import color, filters, transform

from core.imaging.operations.attention_crop import AttentionCrop
from core.imaging.operations.deskew import Deskew
from core.imaging.operations.resize import Fit, Resize
from core.imaging.operations.rotate import Rotate
from core.imaging.raster import Raster
from tests.support.images.rasters import DEPTHS, raster, rasters

KINDS = [(channels, dtype) for channels in (1, 2, 3, 4) for dtype in DEPTHS]


# deskew


def page(channels: int = 1, dtype: type[np.unsignedinteger[Any]] = np.uint8, size: int = 401) -> Raster:
    """Lines of black text on white; on a transparent ground if there is alpha."""
    image = Image.new("L", (size, size * 4 // 3), 0)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for line, top in enumerate(range(40, image.height - 60, 20)):
        draw.text((30, top), "The quick brown fox jumps over the lazy dog and on"[line % 7 : 50 - line % 5], 255, font)
    ink = np.asarray(image).astype(dtype)[..., None] * (np.iinfo(dtype).max // 255)
    colours = np.repeat(
        np.zeros_like(ink) if channels in (2, 4) else np.iinfo(dtype).max - ink, 1 + 2 * (channels > 2), 2
    )
    return Raster(np.concatenate([colours, ink], axis=2) if channels in (2, 4) else colours)


def turned(image: Raster, angle: float) -> Raster:
    """The image rotated clockwise by scikit-image, on white or on a transparent ground."""
    scaled = image.pixels.astype(np.float64) / image.white
    result = transform.rotate(scaled, -angle, resize=True, order=3, cval=0 if image.has_alpha else 1)
    return Raster(np.ascontiguousarray(np.rint(result.clip(0, 1) * image.white).astype(image.pixels.dtype)))


def skew(image: Raster) -> float:
    """The clockwise angle of text in degrees: the largest variance of its Radon transform."""
    ink = image.pixels[..., -1] / image.white if image.has_alpha else 1 - image.pixels.mean(axis=2) / image.white
    angles = np.arange(-5, 5.01, 0.2)
    variances = transform.radon(ink, 90 - angles, circle=False).var(axis=0)
    return float(angles[variances.argmax()])


@pytest.mark.parametrize(
    ("channels", "dtype"), [KINDS[0], KINDS[-1], *(pytest.param(*kind, marks=pytest.mark.long) for kind in KINDS[1:-1])]
)
def test_a_page_set_askew_is_set_straight_again(channels: int, dtype: Any) -> None:
    askew = turned(page(channels, dtype), -4.3)
    assert skew(askew) == pytest.approx(-4.3, abs=0.25)
    assert skew(Deskew().apply(askew)) == pytest.approx(0, abs=0.25)


@pytest.mark.parametrize("angle", [0.7, *(pytest.param(angle, marks=pytest.mark.long) for angle in (-14.6, -2.2, 9.1))])
def test_text_is_set_straight_in_noise_in_negative_and_across(angle: float) -> None:
    askew = turned(page(), angle)
    noise = np.random.default_rng(1).normal(0, 10, askew.pixels.shape)
    noisy = Raster((askew.pixels * 0.5 + 80 + noise).clip(0, 255).astype(np.uint8))
    negative = Raster(255 - askew.pixels)
    across = Raster(np.ascontiguousarray(np.rot90(askew.pixels)))
    for image, quarters in ((askew, 0), (noisy, 0), (negative, 0), (across, -1)):
        straight = Deskew().apply(image)
        upright = Raster(np.ascontiguousarray(np.rot90(straight.pixels, quarters)))
        ink = upright if image is not negative else Raster(255 - upright.pixels)
        assert skew(ink) == pytest.approx(0, abs=0.25)


def test_a_page_further_askew_than_allowed_stays_as_it_is() -> None:
    askew = turned(page(), 8)
    assert np.array_equal(Deskew(max_angle=5).apply(askew).pixels, askew.pixels)
    assert Deskew(max_angle=9).apply(askew).width > askew.width


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_an_image_without_evidence_of_an_angle_stays_as_it_is(channels: int, dtype: Any) -> None:
    blank = Raster(np.full((300, 200, channels), 9, dtype))
    straight = page(channels, dtype)
    for image in (raster(201, 333, channels, dtype), raster(1, 1, channels, dtype), blank, straight):
        assert np.array_equal(Deskew().apply(image).pixels, image.pixels)


@given(size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)), share=st.floats(-1, 1), limit=st.floats(0.1, 45))
def test_no_angle_makes_a_page_larger_than_declared(size: tuple[int, int], share: float, limit: float) -> None:
    bound = Deskew(max_angle=limit).output_size(*size)
    result = Rotate(angle=share * limit).output_size(*size)
    assert result[0] <= bound[0]
    assert result[1] <= bound[1]


# attention-crop


def scene(seed: int) -> NDArray[np.uint8]:
    """A soft, dull ground with a bright, textured object on it: (120, 400, 3)."""
    rng = np.random.default_rng(seed)
    ground = filters.gaussian(rng.normal(0, 1, (120, 400, 3)), 8, channel_axis=2)
    pixels = 120 + ground * 200
    y, x = np.mgrid[:120, :400]
    thing = (y - rng.integers(30, 90)) ** 2 + (x - rng.integers(30, 370)) ** 2 < int(rng.integers(15, 30)) ** 2
    pixels[thing] = rng.choice([(220, 40, 30), (30, 60, 220), (230, 200, 20)]) * rng.uniform(0.6, 1, (thing.sum(), 1))
    result: NDArray[np.uint8] = pixels.clip(0, 255).astype(np.uint8)
    return result


def most_attractive(pixels: NDArray[np.uint8], width: int) -> int:
    """The start of the best part of `width` columns, by the formula in floating point at full size."""
    lab = color.rgb2lab(pixels)
    light, a, b = np.moveaxis(lab, 2, 0)
    # The operation analyses 256 pixels: the edges of a reduced image are steeper by the factor of the reduction.
    edges = (np.abs(filters.sobel_h(light)) + np.abs(filters.sobel_v(light))) * 4 * pixels.shape[1] / 256
    skin = (a >= 3) & (a <= 22) & (b >= 4) & (b <= 31) & (light >= 15)
    notable = 100 + edges + 255 * skin + 255 * (np.hypot(a, b) > 60)
    contrast = np.zeros(light.shape)
    for channel in (light * 2.55, a, b):
        levels, found, counts = np.unique(np.rint(channel), return_inverse=True, return_counts=True)
        far = np.abs(levels[:, None] - levels) @ counts / counts.sum()
        contrast += far[found].reshape(contrast.shape)
    profile = (notable * (8 + contrast) ** 2).sum(axis=0)
    steps = np.arange(1, width + 1)
    scores = [profile[at : at + width] @ (steps * (width + 1 - steps)) for at in range(len(profile) - width + 1)]
    return int(np.argmax(scores))


def found_at(pixels: NDArray[Any], part: NDArray[Any]) -> int:
    """The column of `pixels` at which `part`, of the same height, begins."""
    places = range(pixels.shape[1] - part.shape[1] + 1)
    return next(at for at in places if np.array_equal(pixels[:, at : at + part.shape[1]], part))


@pytest.mark.parametrize("seed", range(8))
def test_the_part_is_where_the_formula_finds_it(seed: int) -> None:
    pixels = scene(seed)
    at = found_at(pixels, AttentionCrop(width=121, height=120).apply(Raster(pixels)).pixels)
    assert at == pytest.approx(most_attractive(pixels, 121), abs=6)
    upright = np.ascontiguousarray(pixels.swapaxes(0, 1))
    part = AttentionCrop(width=120, height=121).apply(Raster(upright)).pixels
    assert found_at(pixels, part.swapaxes(0, 1)) == at


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_the_thing_is_found_in_every_kind_of_image(channels: int, dtype: Any) -> None:
    for left in (3, 177, 350):
        pixels = np.full((101, 401, channels), np.iinfo(dtype).max // 3, dtype)
        pixels[30:70, left : left + 40, : 3 if channels > 2 else 1] = raster(40, 40, 1, dtype).pixels
        if channels in (2, 4):
            pixels[..., -1] = np.iinfo(dtype).max
        part = AttentionCrop(width=101, height=101).apply(Raster(pixels)).pixels
        assert found_at(pixels, part) <= left
        assert found_at(pixels, part) + 101 >= left + 40


def test_transparent_pixels_have_no_weight() -> None:
    image = raster(100, 400, 4)
    image.pixels[..., 3] = 0
    image.pixels[:, 300:340] = (90, 90, 90, 255)
    part = AttentionCrop(width=100, height=100).apply(image).pixels
    assert (part[..., 3] == 255).any(axis=0).sum() == 40


def test_a_uniform_image_is_cut_around_its_middle() -> None:
    for channels in (1, 2, 3, 4):
        image = Raster(np.full((20, 61, channels), 0x8000, np.uint16))
        image.pixels[...] |= np.arange(61, dtype=np.uint16)[:, None]  # less than the resolution of 8 bits
        part = AttentionCrop(width=21, height=20).apply(image).pixels
        assert np.array_equal(part, image.pixels[:, 20:41]), channels


@given(image=rasters(), box=st.tuples(st.integers(1, 60), st.integers(1, 60)), enlarge=st.booleans())
def test_the_part_is_a_part_of_the_covering_image(image: Raster, box: tuple[int, int], enlarge: bool) -> None:
    cover = Resize(width=box[0], height=box[1], fit=Fit.COVER, enlarge=enlarge)
    size = cover.scaled(image.width, image.height)
    whole = Resize(width=size[0], height=size[1], fit=Fit.FILL, enlarge=True).apply(image).pixels
    part = AttentionCrop(width=box[0], height=box[1], enlarge=enlarge).apply(image).pixels
    height, width = part.shape[:2]
    assert (width, height) == cover.output_size(image.width, image.height)
    places = [(y, x) for y in range(whole.shape[0] - height + 1) for x in range(whole.shape[1] - width + 1)]
    assert any(np.array_equal(whole[y : y + height, x : x + width], part) for y, x in places)


@pytest.mark.parametrize("kind", [Resize, AttentionCrop])
@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)])
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint16), (3, np.uint8), (4, np.uint8), (2, np.uint16)])
def test_a_strip_that_covers_a_box_takes_no_more_memory_than_the_box(
    kind: type[Any], size: tuple[int, int], channels: int, dtype: Any
) -> None:
    """The whole strip, scaled up, would have 45 billion pixels."""
    box = {"width": 3000, "height": 5} if size[0] == 1 else {"width": 5, "height": 3000}
    step = kind(**box, enlarge=True, **({"fit": Fit.COVER} if kind is Resize else {}))
    strip = raster(size[1], size[0], channels, dtype)
    tracemalloc.start()
    result = step.apply(strip)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (result.width, result.height) == (box["width"], box["height"])
    assert peak < 10_000_000


@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint16), (3, np.uint8), (4, np.uint8)])
def test_a_part_of_an_enlarged_image_is_the_same_without_drawing_all_of_it(channels: int, dtype: Any) -> None:
    image = raster(300, 11, channels, dtype)
    cover = Resize(width=200, height=20, fit=Fit.COVER, enlarge=True)
    whole = Resize(width=200, height=5455, fit=Fit.FILL, enlarge=True).apply(image).pixels
    assert cover.scaled(11, 300) == (200, 5455)
    part = cover.apply(image).pixels
    seen = part[..., -1:] > image.white // 2 if image.has_alpha else np.ones_like(part[..., :1], bool)
    assert (np.abs(part.astype(int) - whole[2717:2737]) * seen).max() <= 2 * image.white // 255

"""Operations that change size or geometry, compared with scikit-image, Pillow or a formula in NumPy."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw
from skimage import measure, transform

from core.domain.errors import Code, ImageFailure
from core.imaging.operations.attention_crop import AttentionCrop
from core.imaging.operations.base import Operation
from core.imaging.operations.deskew import Deskew
from core.imaging.operations.pad import Pad, Padding
from core.imaging.operations.perspective import Perspective
from core.imaging.operations.pixelate import Pixelate
from core.imaging.operations.trim import Trim
from core.imaging.raster import Raster
from tests.support.images.rasters import DEPTHS, psnr, raster, rasters

KINDS = [(channels, dtype) for channels in (1, 2, 3, 4) for dtype in DEPTHS]


def smooth(height: int, width: int, channels: int, dtype: type[np.unsignedinteger[Any]]) -> Raster:
    """Waves, which every good interpolation reproduces; opaque if there is alpha."""
    y, x = np.mgrid[:height, :width]
    waves = [0.5 + 0.4 * np.sin(x / (9 + at) + at) * np.cos(y / (11 - at)) for at in range(channels)]
    if channels in (2, 4):
        waves[-1] = np.ones((height, width))
    return Raster(np.ascontiguousarray(np.rint(np.stack(waves, axis=2) * np.iinfo(dtype).max).astype(dtype)))


@given(image=rasters(), corner=st.floats(2, 30), seed=st.integers(0, 99))
def test_no_operation_writes_to_its_input(image: Raster, corner: float, seed: int) -> None:
    sides = [int(side) for side in np.random.default_rng(seed).integers(1, 50, 4)]
    operations: list[Operation] = [
        AttentionCrop(width=sides[0], height=sides[1], enlarge=bool(seed % 2)),
        Deskew(max_angle=sides[0] % 45 + 1),
        *(Pad(top=sides[0], right=sides[1], left=sides[2], mode=mode) for mode in Padding),
        Perspective(corners=((-corner, 0), (corner, 0.5), (corner, corner), (0, 20)), width=sides[3]),
        Pixelate(x=sides[0], y=sides[1], width=sides[2], height=sides[3], size=3),
        Trim(threshold=sides[0] * 5),
    ]
    before = image.pixels.tobytes()
    image.pixels.flags.writeable = False
    for operation in operations:
        result = operation.apply(image)
        assert image.pixels.tobytes() == before, operation
        assert (result.channels, result.pixels.dtype) == (image.channels, image.pixels.dtype), operation
        assert result.pixels.flags.c_contiguous, operation


# pad


@given(image=rasters(), spaces=st.tuples(*[st.integers(0, 70)] * 4).filter(any))
def test_padding_is_numpys(image: Raster, spaces: tuple[int, int, int, int]) -> None:
    top, right, bottom, left = spaces
    around = ((top, bottom), (left, right), (0, 0))
    white = image.white
    fill = np.array([white, *[white] * (image.channels - 1)])
    if image.has_alpha:
        fill[-1] = 0
    for mode, name in ((Padding.REFLECT, "symmetric"), (Padding.REPLICATE, "edge"), (Padding.COLOR, "constant")):
        expected = np.pad(image.pixels, around, name)  # type: ignore[call-overload]  # the mode is a variable
        if mode is Padding.COLOR:
            outside = np.pad(np.zeros(image.pixels.shape[:2], bool), around[:2], constant_values=True)
            expected[outside] = fill
        result = Pad(top=top, right=right, bottom=bottom, left=left, mode=mode).apply(image)
        assert np.array_equal(result.pixels, expected), mode


def test_all_is_the_same_on_every_side() -> None:
    image = raster(5, 9, 3)
    four = Pad(top=3, right=3, bottom=3, left=3, background="#102030").apply(image)
    assert np.array_equal(Pad(all=3, background="#102030").apply(image).pixels, four.pixels)
    assert (four.pixels[0, 0] == (16, 32, 48)).all()


# trim


@given(
    image=rasters(largest=12),
    border=st.tuples(*[st.integers(0, 9)] * 4),
    threshold=st.integers(0, 120),
    given_colour=st.booleans(),
)
def test_trimming_keeps_the_smallest_box_of_other_colours(
    image: Raster, border: tuple[int, int, int, int], threshold: int, given_colour: bool
) -> None:
    white, top, right, bottom, left = image.white, *border
    grey = white // 255 * 200
    pixels = np.pad(image.pixels, ((top, bottom), (left, right), (0, 0)), constant_values=grey)
    if image.has_alpha and given_colour:
        pixels[..., -1] |= np.asarray(grey, pixels.dtype)
    colour = [200 * white // 255] * image.channels if given_colour else pixels[0, 0].tolist()
    values = [[[int(value) for value in pixel] for pixel in row] for row in pixels]
    limit = threshold * white // 255

    def differs(pixel: list[int]) -> bool:
        if not image.has_alpha:
            return any(abs(one - other) > limit for one, other in zip(pixel, colour, strict=True))
        weighted = [abs(pixel[at] * pixel[-1] - colour[at] * colour[-1]) for at in range(len(pixel) - 1)]
        return max(*weighted, abs(pixel[-1] - colour[-1]) * white) > limit * white

    content = np.array([[differs(pixel) for pixel in row] for row in values])
    expected = pixels
    if content.any():
        y, x = np.nonzero(content)
        expected = pixels[y.min() : y.max() + 1, x.min() : x.max() + 1]
    result = Trim(threshold=threshold, background="#c8c8c8c8" if given_colour else None).apply(Raster(pixels))
    assert np.array_equal(result.pixels, expected)


def test_trimming_agrees_with_pillows_bounding_box() -> None:
    canvas = Image.new("RGB", (301, 203), "#f0f0f0")
    ImageDraw.Draw(canvas).ellipse((40, 61, 250, 120), fill="#3050a0")
    box = ImageChops.difference(canvas, Image.new("RGB", canvas.size, "#f0f0f0")).getbbox()
    result = Trim().apply(Raster(np.asarray(canvas).copy()))
    assert np.array_equal(result.pixels, np.asarray(canvas.crop(box)))


def test_colours_hidden_by_transparency_are_trimmed_whatever_they_are() -> None:
    image = raster(60, 70, 4)
    image.pixels[..., 3] = 0
    image.pixels[20:31, 10:50, 3] = 255
    image.pixels[20:31, 10:50, :3] = 200
    result = Trim(threshold=0).apply(image)
    assert np.array_equal(result.pixels, image.pixels[20:31, 10:50])


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_an_image_of_one_colour_is_not_trimmed(channels: int, dtype: Any) -> None:
    for shape in ((1, 1), (7, 1), (5, 9)):
        image = Raster(np.full((*shape, channels), 77, dtype))
        assert np.array_equal(Trim().apply(image).pixels, image.pixels)


# pixelate


@given(
    image=rasters(largest=24),
    box=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(1, 30)),
    size=st.integers(2, 12),
)
def test_a_block_is_the_mean_of_its_pixels_by_their_alpha(
    image: Raster, box: tuple[int, int, int, int], size: int
) -> None:
    x, y, width, height = box
    expected = image.pixels.astype(np.float64)
    for top in range(y, min(y + height, image.height), size):
        for left in range(x, min(x + width, image.width), size):
            rows = slice(top, min(top + size, y + height, image.height))
            columns = slice(left, min(left + size, x + width, image.width))
            block = image.pixels[rows, columns].reshape(-1, image.channels).astype(np.float64)
            expected[rows, columns] = block.mean(axis=0)
            if image.has_alpha:
                total = block[:, -1].sum()
                weighted = block[:, :-1].T @ block[:, -1]
                expected[rows, columns, :-1] = weighted / total if total else 0
    result = Pixelate(x=x, y=y, width=width, height=height, size=size).apply(image).pixels
    assert np.abs(result - expected).max() <= 0.5 + 1e-6


def test_pixelating_a_whole_image_agrees_with_scikit_image() -> None:
    for dtype in DEPTHS:
        image = raster(60, 84, 3, dtype)
        means = measure.block_reduce(image.pixels, (12, 12, 1), np.mean)
        result = Pixelate(size=12).apply(image).pixels
        assert np.abs(result[::12, ::12] - means).max() <= 0.5
        assert np.array_equal(result, np.kron(result[::12, ::12], np.ones((12, 12, 1), dtype)))


def test_pixelating_lets_no_hidden_colour_bleed_nor_stay() -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :, :3] = (255, 0, 0)  # hidden red …
    pixels[1, 1] = (0, 0, 255, 255)  # … around one blue pixel
    result = Pixelate(size=4).apply(Raster(pixels)).pixels
    assert (result[:4, :4] == (0, 0, 255, 16)).all()
    assert (result[4:] == 0).all()


# perspective


def corners_of(width: float, height: float) -> list[tuple[float, float]]:
    return [(0, 0), (width, 0), (width, height), (0, height)]


def straighten(corners: list[tuple[float, float]], **size: int) -> Perspective:
    return msgspec.convert({"corners": corners, **size}, Perspective)


@pytest.mark.parametrize(("channels", "dtype"), KINDS)
def test_straightening_agrees_with_scikit_image(channels: int, dtype: Any) -> None:
    image = smooth(121, 163, channels, dtype)
    corners = [(20.5, 14.0), (140.0, 25.5), (151.0, 110.0), (8.0, 96.5)]
    result = straighten(corners, width=131, height=97).apply(image)
    # Its pixel centres lie at whole numbers, ours at a half.
    to_image = transform.ProjectiveTransform.from_estimate(np.array(corners_of(131, 97)) - 0.5, np.array(corners) - 0.5)
    scaled = image.pixels.astype(np.float64) / image.white
    reference = transform.warp(scaled, to_image, output_shape=(97, 131), order=3, mode="edge")
    expected = np.rint(reference.clip(0, 1) * image.white).astype(dtype)
    assert psnr(result.pixels, expected) > 50


def test_the_whole_image_straightened_is_the_image_and_turned_corners_turn_it() -> None:
    for channels, dtype in KINDS:
        image = smooth(31, 47, channels, dtype)
        whole = corners_of(47, 31)
        assert np.array_equal(straighten(whole).apply(image).pixels, image.pixels)
        quarter = straighten([*whole[3:], *whole[:3]]).apply(image)
        assert np.array_equal(quarter.pixels, np.rot90(image.pixels, -1))


def test_one_pixel_is_straightened_into_its_colour() -> None:
    for channels, dtype in KINDS:
        image = raster(1, 1, channels, dtype)
        result = straighten(corners_of(1, 1), width=5, height=3).apply(image)
        visible = not image.has_alpha or image.pixels[0, 0, -1] > 0
        assert (result.width, result.height) == (5, 3)
        assert np.array_equal(result.pixels, np.broadcast_to(image.pixels[0, 0], (3, 5, channels))) == visible


def test_a_smaller_result_is_free_of_aliases() -> None:
    fine = np.indices((400, 400)).sum(axis=0)[..., None] % 2 * 255
    result = straighten(corners_of(400, 400), width=50).apply(Raster(fine.astype(np.uint8)))
    assert np.abs(result.pixels.astype(int) - 127.5).max() <= 1


def test_the_size_follows_the_longer_edges_or_keeps_their_shape() -> None:
    corners = [(10.0, 0.0), (70.0, 0.0), (100.0, 40.0), (0.0, 40.0)]
    assert straighten(corners).output_size(9, 9) == (100, 50)
    assert straighten(corners, width=40).output_size(9, 9) == (40, 20)
    assert straighten(corners, height=200).output_size(9, 9) == (400, 200)
    assert straighten(corners, width=7, height=9).output_size(9, 9) == (7, 9)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (10, 0), (0, 10), (10, 10)],  # crossing itself
        [(0, 0), (0, 10), (10, 10), (10, 0)],  # the wrong way round
        [(0, 0), (10, 0), (3, 3), (0, 10)],  # dented
        [(0, 0), (5, 0), (10, 0), (5, 10)],  # three on a line
        [(0, 0), (10, 0), (10, 0), (0, 10)],  # two in one place
        [(0, 0), (0.5, 0), (0.5, 9), (0, 9)],  # thinner than a pixel
        [(0, 0), (10, 0), (10, float("nan")), (0, 10)],
        [(0, 0), (10, 0), (10, 10)],
    ],
)
def test_corners_of_no_picture_are_refused(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(msgspec.ValidationError):
        straighten(corners)


def test_corners_outside_the_image_fail_with_its_size() -> None:
    with pytest.raises(ImageFailure, match="outside the image's 30 x 20 pixels") as error:
        straighten([(40, 2), (60, 2), (60, 20), (40, 20)]).apply(raster(20, 30))
    assert error.value.code is Code.OPERATION_FAILED

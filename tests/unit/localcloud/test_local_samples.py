"""The demo's samples are what they say they are, and always the same."""

import io

import pytest
from PIL import Image

from pictureperfect.demo import painted_images


def test_the_same_seed_paints_the_same_picture() -> None:
    painted_images.paint_landscape.cache_clear()
    first = painted_images.paint_landscape(120, 80, 5, painted_images.NOON).tobytes()
    painted_images.paint_landscape.cache_clear()
    assert painted_images.paint_landscape(120, 80, 5, painted_images.NOON).tobytes() == first
    assert painted_images.paint_landscape(120, 80, 6, painted_images.NOON).tobytes() != first


def test_the_samples_are_for_three_customers_through_every_door_in_every_format() -> None:
    wanted = painted_images.demo_images()
    assert len({sample.customer for sample in wanted}) == 3
    assert {sample.door for sample in wanted} == {"upload", "direct", "kafka", "kafka+s3"}
    assert {sample.name.rsplit(".")[-1] for sample in wanted} >= {"jpg", "png", "webp", "avif", "tif"}
    assert len({sample.name for sample in wanted}) == len(wanted)


def test_one_lies_on_its_side_and_says_so_one_has_soft_alpha_and_one_claims_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotated = Image.open(io.BytesIO(painted_images.paint_rotated_portrait()))
    assert (rotated.size, rotated.getexif()[0x0112]) == ((1440, 1080), 6)
    alpha = Image.open(io.BytesIO(painted_images.paint_logo())).getchannel("A")
    assert len(alpha.getcolors() or []) > 50
    assert len(painted_images.make_bomb_png()) < 1000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # else Pillow may refuse to say
    assert Image.open(io.BytesIO(painted_images.make_bomb_png())).size == (50_000, 50_000)

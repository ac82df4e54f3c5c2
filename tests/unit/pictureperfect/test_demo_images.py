"""The demo's images have the properties that they are painted for, and are the same each time."""

import io

import pytest
from PIL import Image

from pictureperfect.demo import painted_images
from pictureperfect.demo.demo_images import demo_images


def test_the_same_seed_paints_the_same_picture() -> None:
    painted_images.paint_landscape.cache_clear()
    first = painted_images.paint_landscape(120, 80, 5, painted_images.NOON).tobytes()
    painted_images.paint_landscape.cache_clear()
    assert painted_images.paint_landscape(120, 80, 5, painted_images.NOON).tobytes() == first
    assert painted_images.paint_landscape(120, 80, 6, painted_images.NOON).tobytes() != first


def test_the_images_are_of_three_customers_through_every_door_in_every_format() -> None:
    images = demo_images()
    assert len({image.customer for image in images}) == 3
    assert {image.door for image in images} == {"upload", "direct", "kafka", "kafka+s3"}
    assert {image.name.rsplit(".")[-1] for image in images} >= {"jpg", "png", "webp", "avif", "tif"}
    assert len({image.name for image in images}) == len(images)


def test_one_image_is_rotated_one_has_soft_alpha_and_one_is_a_decompression_bomb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotated = Image.open(io.BytesIO(painted_images.paint_rotated_portrait()))
    assert (rotated.size, rotated.getexif()[0x0112]) == ((1440, 1080), 6)
    alpha = Image.open(io.BytesIO(painted_images.paint_logo())).getchannel("A")
    assert len(alpha.getcolors() or []) > 50
    assert len(painted_images.make_bomb_png()) < 1000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # otherwise Pillow may refuse to open it
    assert Image.open(io.BytesIO(painted_images.make_bomb_png())).size == (50_000, 50_000)

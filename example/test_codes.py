"""Acme's own tests: they call the function directly, without Picture Perfect."""

from typing import Any

import cv2
import numpy as np
import pytest
from acme_pictures.codes import link_code
from numpy.typing import NDArray

LINK = "https://acme.example/p/4711"


def photograph(height: int, width: int, channels: int, depth: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """Noise in a read-only array, as the system passes it."""
    image = np.random.default_rng(1).integers(0, np.iinfo(depth).max, (height, width, channels), depth)
    image.setflags(write=False)
    return image


def read(image: NDArray[Any]) -> str:
    """The text that a code reader finds."""
    eight = (image // 257).astype(np.uint8) if image.dtype == np.uint16 else image
    grey = np.ascontiguousarray(eight[..., 0])
    text, *_ = cv2.QRCodeDetector().detectAndDecode(grey)
    return str(text)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_code_can_be_read_on_every_kind_of_image(channels: int, depth: type[np.unsignedinteger[Any]]) -> None:
    image = photograph(601, 800, channels, depth)
    stamped = link_code(image, link=LINK, share=0.4)
    assert (stamped.shape, stamped.dtype) == (image.shape, image.dtype)
    assert read(stamped) == LINK


@pytest.mark.parametrize("corner", ["northwest", "northeast", "southwest", "southeast"])
def test_it_lies_in_its_corner_and_leaves_the_rest(corner: str) -> None:
    image = photograph(400, 300, 3, np.uint8)
    changed = np.argwhere((link_code(image, link=LINK, corner=corner) != image).any(axis=2))  # type: ignore[arg-type]
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert top == 0 if "north" in corner else bottom == 399
    assert left == 0 if "west" in corner else right == 299
    assert max(bottom - top, right - left) < 0.25 * 300


def test_an_image_with_no_room_for_it_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="the code takes 33 pixels, and there are 20 x 30"):
        link_code(photograph(30, 20, 3, np.uint8), link=LINK)

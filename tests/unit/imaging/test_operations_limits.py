"""The memory of operations at the limits of their parameters, and the errors that they raise."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.domain.errors import Code, ImageFailure
from core.imaging.operations.image_watermark import ImageWatermark
from core.imaging.operations.text_watermark import TextWatermark
from core.imaging.raster import Raster
from tests.support.images.rasters import raster

ROOT = Path(__file__).parents[3]
MEMORY = """
import resource
import cv2
from tests.support.images.rasters import raster
from core.imaging.operations.perspective import Perspective
from core.imaging.operations.text_watermark import TextWatermark
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{step}.apply(raster({height}, {width}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
FAR = "((-60000, -60000), (60000, -60000), (60000, 60000), (-60000, 60000))"


@pytest.mark.parametrize(
    ("step", "height", "width"),
    [
        ("TextWatermark(text='W' * 500, size=1)", 2000, 2000),
        (r"TextWatermark(text='W\n' * 249, size=1)", 2000, 2000),
        (f"Perspective(corners={FAR}, width=100, height=100)", 20, 20_000),
    ],
)
def test_a_shrunk_result_is_not_drawn_much_larger_first(step: str, height: int, width: int) -> None:
    """The raster has 12 MB or less; drawing at full size would take 1 to 6 GB."""
    script = MEMORY.format(step=step, height=height, width=width)
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 300_000  # KiB


def test_a_long_text_fills_the_room_it_has() -> None:
    result = TextWatermark(text="W" * 60, size=1, opacity=1, margin=0.1).apply(
        Raster(np.zeros((300, 500, 3), np.uint8))
    )
    columns = np.flatnonzero(result.pixels.max(axis=(0, 2)))
    assert columns[0] in range(29, 36)
    assert columns[-1] in range(464, 471)


def test_a_font_that_cannot_be_read_fails_and_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "bad.ttf").write_bytes(b"not a font")
    step = TextWatermark(text="abc", font="bad.ttf").resolved(tmp_path)
    with pytest.raises(ImageFailure, match="The font of text-watermark cannot be read") as caught:
        step.apply(raster(40, 60))
    assert caught.value.code is Code.OPERATION_FAILED


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\ncut short", b""])
def test_a_watermark_that_is_no_picture_is_not_the_fault_of_the_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "logo.png").write_bytes(content)
    step = ImageWatermark(image="logo.png").resolved(tmp_path)
    with pytest.raises(ImageFailure, match=r"The picture of image-watermark, logo\.png, cannot be used: ") as caught:
        step.apply(raster(40, 60))
    assert caught.value.code is Code.OPERATION_FAILED
    (tmp_path / "logo.png").unlink()
    with pytest.raises(ImageFailure, match="cannot be read: No such file") as caught:
        step.apply(raster(40, 60))
    assert caught.value.code is Code.OPERATION_FAILED

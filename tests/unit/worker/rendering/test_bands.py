"""A step in bands gives exactly the result of the step at once."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.imaging.operations.base import Operation
from core.imaging.operations.bilateral_blur import BilateralBlur
from core.imaging.operations.blur import Blur
from core.imaging.operations.brightness import Brightness
from core.imaging.operations.color_map import ColorMap
from core.imaging.operations.denoise import Denoise
from core.imaging.operations.detail import Detail
from core.imaging.operations.gamma import Gamma
from core.imaging.operations.grayscale import Grayscale
from core.imaging.operations.median_blur import MedianBlur
from core.imaging.operations.saturation import Saturation
from core.imaging.operations.sharpen import Sharpen
from core.imaging.operations.threshold import Threshold, ThresholdMethod
from core.imaging.raster import Raster
from core.worker.rendering import bands
from tests.support.images.rasters import raster, rasters

STEPS: Sequence[Operation] = (
    BilateralBlur(sigma_space=1.3, sigma_color=40),
    Blur(sigma=0.7),
    Blur(sigma=3.1),
    Brightness(factor=1.4),
    ColorMap(),
    Denoise(),
    Detail(sigma_space=2),
    Gamma(gamma=0.7),
    Grayscale(),
    MedianBlur(size=3),
    MedianBlur(size=5),
    Saturation(factor=1.7),
    Sharpen(sigma=1.2),
    Threshold(by=ThresholdMethod.ADAPTIVE, size=7),
    Threshold(by=ThresholdMethod.VALUE),
)


@settings(max_examples=120)
@given(image=rasters(largest=70), step=st.sampled_from(STEPS), rows=st.integers(1, 30))
def test_a_step_in_bands_equals_the_step_at_once(image: Raster, step: Operation, rows: int) -> None:
    assert step.radius is not None
    at_once = step.apply(image)
    assert np.array_equal(bands.in_bands(step, image, rows, step.radius).pixels, at_once.pixels), step


@pytest.mark.parametrize("step", STEPS, ids=msgspec.json.encode)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_step_over_a_wide_raster_in_bands_equals_the_step_at_once(step: Operation, channels: int, dtype: Any) -> None:
    image = raster(97, 403, channels, dtype, seed=3)
    assert step.radius is not None
    assert np.array_equal(bands.in_bands(step, image, 16, step.radius).pixels, step.apply(image).pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_opaque_band_is_processed_like_the_whole_image_with_alpha(dtype: Any) -> None:
    image = raster(60, 31, 4, dtype)
    image.pixels[..., 3] = image.white
    image.pixels[50:, 7:20, 3] = image.white // 3
    step = Blur(sigma=1.7)
    assert np.array_equal(bands.in_bands(step, image, 8, step.radius).pixels, step.apply(image).pixels)


def test_only_large_rasters_are_processed_in_bands() -> None:
    heights: list[int] = []

    class RecordedBlur(Blur, frozen=True, tag="recorded"):
        def apply(self, raster: Raster) -> Raster:
            heights.append(raster.height)
            return super().apply(raster)

    bands.apply(RecordedBlur(sigma=1), raster(300, 50), pixels=5000)
    assert heights == [103, 106, 103]
    heights.clear()
    bands.apply(RecordedBlur(sigma=1), raster(300, 50))
    assert heights == [300]

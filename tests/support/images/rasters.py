"""Rasters for tests: one to four channels, 8 or 16 bits, from 1 x 1 pixels."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.imaging.raster import Raster


def raster(
    height: int, width: int, channels: int = 3, dtype: type[np.unsignedinteger[Any]] = np.uint8, seed: int = 0
) -> Raster:
    """Noise over a gradient that covers the whole range of values."""
    rng = np.random.default_rng(seed)
    white = float(np.iinfo(dtype).max)
    slope = np.linspace(0, white, width)[None, :, None] * np.linspace(0.3, 1, height)[:, None, None]
    noise = rng.normal(0, white / 8, (height, width, channels))
    return Raster(np.ascontiguousarray((slope + noise).clip(0, white).astype(dtype)))


def psnr(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB; infinite if the two are equal."""
    assert first.shape == second.shape
    assert first.dtype == second.dtype
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(np.iinfo(first.dtype).max ** 2 / error))


DEPTHS: tuple[type[np.unsignedinteger[Any]], ...] = (np.uint8, np.uint16)


@st.composite
def rasters(draw: st.DrawFn, largest: int = 40) -> Raster:
    sides = st.integers(1, largest)
    return raster(
        draw(sides),
        draw(sides),
        draw(st.integers(1, 4)),
        draw(st.sampled_from(DEPTHS)),
        draw(st.integers(0, 5)),
    )

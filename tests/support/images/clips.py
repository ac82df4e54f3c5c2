"""Animations for tests: small canvases on which boxes appear, move and vanish."""

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from core.imaging import codec
from core.imaging.header import read_header
from core.imaging.raster import Raster

Pixels = NDArray[Any]


def clip(count: int, width: int = 24, height: int = 18, *, alpha: bool = False, seed: int = 0) -> list[Pixels]:
    """Frames of few colours; with `alpha`, parts of them are transparent. Some frames equal their predecessors."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (12, 3))
    ground = np.full((height, width, 4 if alpha else 3), 255, np.uint8)
    ground[..., :3] = colours[rng.integers(0, 4, (height, width))]
    frames: list[Pixels] = []
    for _ in range(count):
        frame = frames[-1].copy() if frames and rng.random() < 0.3 else ground.copy()
        if rng.random() < 0.8:
            top, left = rng.integers(0, height), rng.integers(0, width)
            box = frame[top : top + 1 + rng.integers(0, height), left : left + 1 + rng.integers(0, width)]
            box[..., :3] = colours[rng.integers(4, 12)]
        if alpha:
            frame[:, rng.integers(0, width) :] = 0
        frames.append(frame)
    return frames


def saved(frames: list[Pixels], path: Path, milliseconds: list[int], plays: int = 0, **options: Any) -> Path:
    """Save the frames by Pillow. A GIF stores the number of repeats, other formats that of plays."""
    loop: dict[str, Any] = {"loop": plays}
    if path.suffix == ".gif":
        loop = {} if plays == 1 else {"loop": plays - 1 if plays else 0}
    first, *others = (Image.fromarray(frame) for frame in frames)
    if path.suffix == ".webp":
        options = {"lossless": True, "exact": True, **options}
    first.save(path, save_all=True, append_images=others, duration=milliseconds, **loop, **options)
    return path


def read(path: Path) -> tuple[list[Raster], list[float], int]:
    """The frames, their durations and the number of plays, as core.imaging.codec reads them."""
    animation = codec.read_animation(path, read_header(path))
    frames = list(animation.frames)
    return [frame.raster for frame in frames], [frame.milliseconds for frame in frames], animation.plays


def shown_by_pillow(path: Path) -> tuple[list[Pixels], list[int]]:
    with Image.open(path) as image:
        frames, times = [], []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
            times.append(image.info.get("duration", 0))
    return frames, times


def same(first: Pixels, second: Pixels) -> bool:
    """Whether two frames look the same: the colours of transparent pixels do not count."""
    first, second = (np.asarray(Image.fromarray(item).convert("RGBA")) for item in (first, second))
    visible = first[..., 3] > 0
    return np.array_equal(first[..., 3], second[..., 3]) and np.array_equal(first[visible], second[visible])


@st.composite
def clips(draw: st.DrawFn) -> list[Pixels]:
    sides = st.integers(1, 20)
    return clip(
        draw(st.integers(2, 6)), draw(sides), draw(sides), alpha=draw(st.booleans()), seed=draw(st.integers(0, 9999))
    )

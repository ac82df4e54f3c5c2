"""Painted images for the demo, the benchmarks and the tests: landscapes, a logo, and files that cannot be decoded.

The same seed paints the same image. They are computed, so nothing is downloaded and no rights apply.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Floats = NDArray[np.float32]

RGB = tuple[float, float, float]
_MAX_PAINTED_WIDTH = 1400  # pixels; wider images are enlarged from there


@dataclass(frozen=True)
class Palette:
    """RGB colours, 0 to 1, of the sky's top, the horizon, the sun, the farthest and the nearest hill."""

    zenith: RGB
    horizon: RGB
    sun: RGB
    far: RGB
    near: RGB


DAWN = Palette((0.22, 0.34, 0.58), (1.00, 0.76, 0.55), (1.00, 0.93, 0.75), (0.62, 0.52, 0.62), (0.08, 0.11, 0.17))
NOON = Palette((0.16, 0.42, 0.78), (0.80, 0.90, 0.96), (1.00, 1.00, 0.94), (0.52, 0.66, 0.74), (0.10, 0.24, 0.13))
DUSK = Palette((0.13, 0.09, 0.29), (0.98, 0.46, 0.30), (1.00, 0.80, 0.50), (0.50, 0.25, 0.42), (0.07, 0.04, 0.12))
NIGHT = Palette((0.02, 0.04, 0.12), (0.16, 0.24, 0.38), (0.95, 0.96, 1.00), (0.14, 0.20, 0.30), (0.01, 0.02, 0.05))


def paint_without_customer() -> bytes:
    """A valid image, for a Kafka record that names no customer."""
    return _encode(paint_landscape(320, 240, 5, NOON), "JPEG", quality=80)


def paint_dawn() -> bytes:
    return _encode(paint_landscape(2400, 1600, 7, DAWN), "JPEG", quality=92)


def paint_meadow() -> bytes:
    return _encode(paint_landscape(1800, 1200, 21, NOON), "WEBP", quality=88)


def paint_dusk() -> bytes:
    return _encode(paint_landscape(1600, 1067, 3, DUSK), "AVIF", quality=75, speed=9)


def paint_night() -> bytes:
    """A dark and grainy landscape, for the pipeline `restore`."""
    return _encode(paint_landscape(640, 427, 15, NIGHT, grain=0.01), "JPEG", quality=85)


def paint_scan() -> bytes:
    """A landscape of 11.8 megapixels, which the demo routes to Batch."""
    return _encode(paint_landscape(4200, 2800, 33, DAWN, grain=0.006), "TIFF")


def paint_rotated_portrait() -> bytes:
    """A portrait whose pixels are rotated by 90 degrees; its EXIF orientation says so."""
    from PIL import Image  # noqa: PLC0415 - the command line starts without it

    upright = paint_landscape(1080, 1440, 42, DUSK)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation 6: rotate by 90 degrees clockwise to display
    return _encode(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif)


def paint_logo() -> bytes:
    """A sun in a ring on transparency, with smooth edges in the alpha channel."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    size = 900
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    rays = 0.30 + 0.09 * (0.5 + 0.5 * np.cos(angle * 16)) ** 2
    soft = 2.5 / size
    disc = np.clip((0.22 - radius) / soft, 0, 1)
    crown = np.clip((rays - radius) / soft, 0, 1) * np.clip((radius - 0.245) / soft, 0, 1)
    ring = np.clip((0.008 - np.abs(radius - 0.45)) / soft, 0, 1)
    alpha = np.maximum.reduce([disc, crown * 0.9, ring])
    warm = np.clip(0.5 + y * 1.6, 0, 1)[..., None]
    colour = (1 - warm) * np.array([1.0, 0.80, 0.25]) + warm * np.array([0.92, 0.30, 0.22])
    pixels = np.dstack([colour, alpha[..., None]])
    return _encode(Image.fromarray((pixels * 255 + 0.5).astype(np.uint8)), "PNG")


def make_corrupt_jpeg() -> bytes:
    """A JPEG with overwritten and missing pixel data."""
    whole = paint_dawn()
    middle = len(whole) // 3
    return whole[:600] + b"\x00" * 64 + b"\xff\xd9" + whole[middle : middle + 2000]


def make_bomb_png() -> bytes:
    """A decompression bomb: a PNG of some hundred bytes whose header has 50,000 by 50,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 150_001)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@cache
def paint_landscape(width: int, height: int, seed: int, palette: Palette, grain: float = 0.012) -> "Image":
    """Paint sky, sun, clouds, six ranges of hills in mist, a vignette and grain, in RGB. Width and height in pixels."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    random = np.random.default_rng(seed)
    scale = min(1.0, _MAX_PAINTED_WIDTH / width)
    picture = _paint_sky(round(width * scale), round(height * scale), random, palette)
    for layer in range(6):
        _paint_hills(picture, layer / 5, random, palette)
    rows, columns = picture.shape[:2]
    y, x = np.linspace(-1, 1, rows)[:, None, None], np.linspace(-1, 1, columns)[None, :, None]
    picture *= (1 - 0.22 * (x**2 + y**2) / 2).astype(np.float32)
    painted = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    # Grain is added after the enlargement, so that it is one pixel fine at any size.
    noise = random.standard_normal((height, width, 1), dtype=np.float32) * np.float32(grain * 255)
    enlarged = np.asarray(painted.resize((width, height), Image.Resampling.LANCZOS), np.float32)
    return Image.fromarray(np.clip(enlarged + noise, 0, 255).astype(np.uint8))


def _paint_sky(width: int, height: int, random: "np.random.Generator", palette: Palette) -> "Floats":
    import numpy as np  # noqa: PLC0415

    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    down = np.clip(y / (0.62 * height), 0, 1)[..., None] ** 1.3
    sky = _colour(palette.zenith) * (1 - down) + _colour(palette.horizon) * down
    centre = (random.uniform(0.25, 0.75) * width, random.uniform(0.26, 0.40) * height)
    distance = np.hypot(x - centre[0], y - centre[1]) / height
    glow = np.exp(-((distance / 0.22) ** 2)) * 0.55 + np.exp(-distance / 0.30) * 0.25
    disc = np.clip((0.045 - distance) * height / 2 + 0.5, 0, 1)
    light = np.clip(glow + disc, 0, 1)[..., None]
    sky = sky * (1 - light) + _colour(palette.sun) * light
    clouds = _noise(width, height, random, (3, 9), 6)
    veil = np.clip((clouds - 0.52) * 3.2, 0, 1)[..., None] * (1 - down) * 0.55
    tint = 0.5 * _colour(palette.horizon) + 0.5 * _colour(palette.sun)
    painted: Floats = (sky * (1 - veil) + tint * veil).astype(np.float32)
    return painted


def _paint_hills(picture: "Floats", nearness: float, random: "np.random.Generator", palette: Palette) -> None:
    """Paint a range of hills onto the picture. `nearness` 0 to 1: nearer hills are lower, rougher and darker."""
    import numpy as np  # noqa: PLC0415

    height, width = picture.shape[:2]
    ridge = (0.50 + 0.34 * nearness) * height - (_ridge_line(width, random, 7) - 0.5) * height * (
        0.20 + 0.14 * nearness
    )
    y = np.arange(height, dtype=np.float32)[:, None]
    inside = np.clip(y - ridge[None, :], 0, 1)[..., None]  # one pixel of smooth edge
    colour = _colour(palette.far) * (1 - nearness) + _colour(palette.near) * nearness
    texture = _noise(width, height, random, (24, 36), 5)[..., None] - 0.5
    mist = np.clip((y - ridge[None, :]) / (0.30 * height), 0, 1)[..., None] * (1 - nearness) * 0.55
    body = colour * (1 + texture * (0.15 + 0.85 * nearness)) * (1 - mist) + _colour(palette.horizon) * mist
    picture *= 1 - inside
    picture += (body * inside).astype(np.float32)


def _noise(width: int, height: int, random: "np.random.Generator", cells: tuple[int, int], octaves: int) -> "Floats":
    """Fractal noise, 0 to 1: the sum of enlarged random grids, each twice as fine and half as strong as the last."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        grid = random.random((cells[1] << octave, cells[0] << octave), dtype=np.float32)
        fine = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(fine) / (1 << octave)
    low, high = total.min(), total.max()
    scaled: Floats = (total - low) / (high - low)
    return scaled


def _ridge_line(width: int, random: "np.random.Generator", octaves: int) -> "Floats":
    """The outline of a range of hills: fractal noise in one dimension, 0 to 1."""
    import numpy as np  # noqa: PLC0415

    total = np.zeros(width, np.float32)
    for octave in range(octaves):
        points = random.random((3 << octave) + 1)
        position = np.linspace(0, len(points) - 1, width)
        left = np.minimum(position.astype(int), len(points) - 2)
        fraction = position - left
        smooth = fraction * fraction * (3 - 2 * fraction)
        total += (points[left] * (1 - smooth) + points[left + 1] * smooth) / (1 << octave)
    scaled: Floats = (total - total.min()) / (total.max() - total.min())
    return scaled


def _colour(value: RGB) -> "Floats":
    import numpy as np  # noqa: PLC0415

    return np.array(value, np.float32)


def _encode(image: "Image", file_format: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()

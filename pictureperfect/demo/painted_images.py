"""Sample images, painted: skies, suns, hills, mist and grain, so that there is something to look at and to resize.

The same seed paints the same picture. Nothing is downloaded, and nobody holds rights in them.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Floats = NDArray[np.float32]

RGB = tuple[float, float, float]
_PAINTED = 1400  # pixels of width to paint; wider pictures are enlarged from there


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image of the demo: whose it is, how it comes in, and how it must end. `code` None: processed."""

    name: str
    customer: str
    pipeline: str
    door: str
    make: Callable[[], bytes]
    code: str | None = None


@dataclass(frozen=True)
class Palette:
    """Colours, 0 to 1: the top of the sky, the horizon, the sun, the farthest and the nearest hill."""

    zenith: RGB
    horizon: RGB
    sun: RGB
    far: RGB
    near: RGB


DAWN = Palette((0.22, 0.34, 0.58), (1.00, 0.76, 0.55), (1.00, 0.93, 0.75), (0.62, 0.52, 0.62), (0.08, 0.11, 0.17))
NOON = Palette((0.16, 0.42, 0.78), (0.80, 0.90, 0.96), (1.00, 1.00, 0.94), (0.52, 0.66, 0.74), (0.10, 0.24, 0.13))
DUSK = Palette((0.13, 0.09, 0.29), (0.98, 0.46, 0.30), (1.00, 0.80, 0.50), (0.50, 0.25, 0.42), (0.07, 0.04, 0.12))
NIGHT = Palette((0.02, 0.04, 0.12), (0.16, 0.24, 0.38), (0.95, 0.96, 1.00), (0.14, 0.20, 0.30), (0.01, 0.02, 0.05))


def samples() -> tuple[Sample, ...]:
    """What the demo sends: three customers, every door, every format, and three that cannot be processed.

    The door `kafka+s3` is a record that refers to S3.
    """
    fjord, harbour, alpine = "fjord", "harbour", "alpine"
    return (
        Sample(name="dawn.jpg", customer=fjord, pipeline="web", door="kafka+s3", make=dawn),
        Sample(name="hay+sun.webp", customer=fjord, pipeline="web", door="kafka", make=meadow),
        Sample(name="scan.tif", customer=fjord, pipeline="archive", door="upload", make=scan),
        Sample(name="portrait.jpg", customer=harbour, pipeline="thumbnail", door="upload", make=rotated),
        Sample(name="logo.png", customer=harbour, pipeline="web", door="direct", make=logo),
        Sample(name="broken.jpg", customer=harbour, pipeline="web", door="kafka", make=corrupt, code="corrupt_image"),
        Sample(name="dusk.avif", customer=alpine, pipeline="web", door="direct", make=dusk),
        Sample(name="night.jpg", customer=alpine, pipeline="restore", door="kafka", make=night),
        Sample(name="bomb.png", customer=alpine, pipeline="web", door="upload", make=bomb, code="too_many_pixels"),
        Sample(name="empty.jpg", customer=alpine, pipeline="web", door="direct", make=bytes, code="empty_file"),
    )


def stray() -> bytes:
    """A good picture, in a record of Kafka that does not say whose it is."""
    return _encoded(landscape(320, 240, 5, NOON), "JPEG", quality=80)


def dawn() -> bytes:
    return _encoded(landscape(2400, 1600, 7, DAWN), "JPEG", quality=92)


def meadow() -> bytes:
    return _encoded(landscape(1800, 1200, 21, NOON), "WEBP", quality=88)


def dusk() -> bytes:
    return _encoded(landscape(1600, 1067, 3, DUSK), "AVIF", quality=75, speed=9)


def night() -> bytes:
    """Dark and grainy: there is something to restore."""
    return _encoded(landscape(640, 427, 15, NIGHT, grain=0.01), "JPEG", quality=85)


def scan() -> bytes:
    """Larger than what one would send to a function: for the Batch door."""
    return _encoded(landscape(4200, 2800, 33, DAWN, grain=0.006), "TIFF")


def rotated() -> bytes:
    """Upright only for who reads its EXIF orientation: the pixels lie on their side."""
    from PIL import Image  # noqa: PLC0415 - the command line starts without it

    upright = landscape(1080, 1440, 42, DUSK)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to look at it
    return _encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif)


def logo() -> bytes:
    """A sun in a ring on nothing: smooth edges in the alpha channel."""
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
    return _encoded(Image.fromarray((pixels * 255 + 0.5).astype(np.uint8)), "PNG")


def corrupt() -> bytes:
    """A photograph whose bytes end amid the picture, and what is there was overwritten."""
    whole = dawn()
    middle = len(whole) // 3
    return whole[:600] + b"\x00" * 64 + b"\xff\xd9" + whole[middle : middle + 2000]


def bomb() -> bytes:
    """A PNG of some hundred bytes that claims 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 150_001)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@cache
def landscape(width: int, height: int, seed: int, palette: Palette, grain: float = 0.012) -> "Image":
    """Sky, sun, clouds, six ranges of hills in mist, a vignette and grain, in RGB."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    random = np.random.default_rng(seed)
    scale = min(1.0, _PAINTED / width)
    picture = _sky(round(width * scale), round(height * scale), random, palette)
    for layer in range(6):
        _hills(picture, layer / 5, random, palette)
    rows, columns = picture.shape[:2]
    y, x = np.linspace(-1, 1, rows)[:, None, None], np.linspace(-1, 1, columns)[None, :, None]
    picture *= (1 - 0.22 * (x**2 + y**2) / 2).astype(np.float32)
    painted = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    # The grain is the film's and not the picture's: it is as fine as the pixels, at any size.
    noise = random.standard_normal((height, width, 1), dtype=np.float32) * np.float32(grain * 255)
    enlarged = np.asarray(painted.resize((width, height), Image.Resampling.LANCZOS), np.float32)
    return Image.fromarray(np.clip(enlarged + noise, 0, 255).astype(np.uint8))


def _sky(width: int, height: int, random: "np.random.Generator", palette: Palette) -> "Floats":
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


def _hills(picture: "Floats", nearness: float, random: "np.random.Generator", palette: Palette) -> None:
    """Paint one range; the nearer, the lower, rougher, darker and more detailed."""
    import numpy as np  # noqa: PLC0415

    height, width = picture.shape[:2]
    ridge = (0.50 + 0.34 * nearness) * height - (_line(width, random, 7) - 0.5) * height * (0.20 + 0.14 * nearness)
    y = np.arange(height, dtype=np.float32)[:, None]
    inside = np.clip(y - ridge[None, :], 0, 1)[..., None]  # one pixel of smooth edge
    colour = _colour(palette.far) * (1 - nearness) + _colour(palette.near) * nearness
    texture = _noise(width, height, random, (24, 36), 5)[..., None] - 0.5
    mist = np.clip((y - ridge[None, :]) / (0.30 * height), 0, 1)[..., None] * (1 - nearness) * 0.55
    body = colour * (1 + texture * (0.15 + 0.85 * nearness)) * (1 - mist) + _colour(palette.horizon) * mist
    picture *= 1 - inside
    picture += (body * inside).astype(np.float32)


def _noise(width: int, height: int, random: "np.random.Generator", cells: tuple[int, int], octaves: int) -> "Floats":
    """Fractal noise, 0 to 1: random grids, each twice as fine and half as strong, enlarged smoothly."""
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


def _line(width: int, random: "np.random.Generator", octaves: int) -> "Floats":
    """The outline of a range: the same noise in one dimension."""
    import numpy as np  # noqa: PLC0415

    total = np.zeros(width, np.float32)
    for octave in range(octaves):
        points = random.random((3 << octave) + 1)
        place = np.linspace(0, len(points) - 1, width)
        left = np.minimum(place.astype(int), len(points) - 2)
        part = place - left
        smooth = part * part * (3 - 2 * part)
        total += (points[left] * (1 - smooth) + points[left + 1] * smooth) / (1 << octave)
    scaled: Floats = (total - total.min()) / (total.max() - total.min())
    return scaled


def _colour(value: RGB) -> "Floats":
    import numpy as np  # noqa: PLC0415

    return np.array(value, np.float32)


def _encoded(image: "Image", file_format: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()

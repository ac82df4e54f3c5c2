"""Pictures of any size from a seed, and files of them in every accepted format, on which costs are measured."""

import io
import struct
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from core.imaging.formats.readers import can_read_heic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any]

_OCTAVES = (4, 9, 33, 129, 513)
_GRAIN = 4.0


class Content(StrEnum):
    """The kind of picture, which decides how well it compresses."""

    PHOTO = "photo"
    NOISE = "noise"
    FLAT = "flat"


def picture(content: Content, width: int, height: int, channels: int, depth: int, seed: int) -> "Pixels":
    """Pixels of shape (height, width, channels), uint8 or uint16, RGB; alpha is a soft disc."""
    random = np.random.default_rng(seed)
    colours = channels - (channels in (2, 4))
    make = {Content.PHOTO: _photo, Content.NOISE: _noise, Content.FLAT: _flat}[content]
    pixels = make(random, width, height, colours)
    if channels in (2, 4):
        alpha = np.zeros((height, width), np.uint8)
        cv2.circle(alpha, (width // 2, height // 2), max(1, min(width, height) // 2), 255, -1)
        pixels = np.dstack([pixels, cv2.blur(alpha, (9, 9))])
    if depth > 8:  # noqa: PLR2004 - bits
        deep: Pixels = pixels.astype(np.uint16) * 257
        if content is not Content.FLAT:
            deep ^= random.integers(0, 256, deep.shape, np.uint16)
        return deep
    return pixels


def _photo(random: "np.random.Generator", width: int, height: int, channels: int) -> "Pixels":
    """Noise of several octaves with a little grain, which compresses like a photograph."""
    made = np.zeros((height, width, channels), np.float32)
    for octave, cells in enumerate(_OCTAVES):
        layer = random.random((cells, cells, channels), np.float32).reshape(cells, cells, channels)
        made += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC).reshape(made.shape) * 0.55**octave
    made *= 110.0
    tile: Pixels = random.normal(0, _GRAIN, (512, 512, channels)).astype(np.float32)
    grain = np.tile(tile, (-(-height // 512), -(-width // 512), 1))[:height, :width]
    made += grain
    pixels: Pixels = np.clip(made, 0, 255).astype(np.uint8)
    return pixels


def _noise(random: "np.random.Generator", width: int, height: int, channels: int) -> "Pixels":
    return random.integers(0, 256, (height, width, channels), np.uint8)


def _flat(random: "np.random.Generator", width: int, height: int, channels: int) -> "Pixels":
    """Boxes of one colour each, like a screenshot or a chart."""
    made = np.full((height, width, channels), 250, np.uint8)
    for _ in range(60):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        right, bottom = x + 1 + int(random.integers(0, width)) // 4, y + 1 + int(random.integers(0, height)) // 8
        made[y:bottom, x:right] = random.integers(0, 256, channels)
    return made


def _saved(pixels: "Pixels", name: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    file = io.BytesIO()
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(squeezed).save(file, name, **options)
    return file.getvalue()


def _by_opencv(suffix: str, pixels: "Pixels", *settings: int) -> bytes:
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(pixels.shape[2])
    encoded, body = cv2.imencode(suffix, pixels[..., order] if order else pixels, list(settings))
    assert encoded, suffix  # noqa: S101 - a format of this list
    return body.tobytes()


def _psd(pixels: "Pixels") -> bytes:
    height, width, channels = pixels.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, channels, height, width, 8, 3)
    planes: bytes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()
    return head + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0) + planes


def _sun(pixels: "Pixels") -> bytes:
    height, width, _ = pixels.shape
    rows = np.zeros((height, width * 3 + (width * 3) % 2), np.uint8)
    rows[:, : width * 3] = pixels[..., ::-1].reshape(height, -1)
    return struct.pack(">8I", 0x59A66A95, width, height, 24, rows.size, 1, 0, 0) + rows.tobytes()


def _dcx(pixels: "Pixels") -> bytes:
    return struct.pack("<III", 987654321, 12, 0) + _saved(pixels, "PCX")


def _xpm(pixels: "Pixels") -> bytes:
    """XPM with 64 colours, a character each."""
    height, width, _ = pixels.shape
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
    lines = [f'"{chr(letter)} c #{i * 4:02x}{i * 4:02x}{i * 4:02x}",' for i, letter in enumerate(letters)]
    rows = [f'"{row.tobytes().decode()}",' for row in letters[pixels[..., 0] >> 2]]
    head = ["/* XPM */", "static char *x[] = {", f'"{width} {height} 64 1",']
    return "\n".join([*head, *lines, *rows, "};", ""]).encode()


def _bilevel(name: str) -> Callable[["Pixels"], bytes]:
    def made(pixels: "Pixels") -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels[..., 0]).convert("1").save(file, name)
        return file.getvalue()

    return made


class Kind:
    """A way to write a file. `depth` is in bits, `side` the most pixels of a side."""

    def __init__(
        self,
        file_format: str,
        write: Callable[["Pixels"], bytes],
        channels: int = 3,
        depth: int = 8,
        side: int = 65_000,
    ) -> None:
        self.format, self.write, self.channels, self.depth, self.side = file_format, write, channels, depth, side


def _of(name: str, **options: Any) -> Callable[["Pixels"], bytes]:  # noqa: ANN401 - Pillow's own
    return lambda pixels: _saved(pixels, name, **options)


def _animated(name: str) -> Callable[["Pixels"], bytes]:
    def made(pixels: "Pixels") -> bytes:
        file = io.BytesIO()
        frames = [Image.fromarray(np.roll(pixels, 7 * number, 1)) for number in range(4)]
        frames[0].save(file, name, save_all=True, append_images=frames[1:], duration=80)
        return file.getvalue()

    return made


#: Every accepted format in its common variants, by name.
KINDS: dict[str, Kind] = {
    "jpeg": Kind("jpeg", _of("JPEG", quality=85)),
    "jpeg fine": Kind("jpeg", _of("JPEG", quality=96, subsampling=0)),
    "jpeg progressive": Kind("jpeg", _of("JPEG", quality=85, progressive=True)),
    "jpeg grey": Kind("jpeg", _of("JPEG", quality=85), channels=1),
    "png": Kind("png", _of("PNG", compress_level=3)),
    "png alpha": Kind("png", _of("PNG", compress_level=3), channels=4),
    "png grey": Kind("png", _of("PNG", compress_level=3), channels=1),
    "png deep": Kind("png", lambda pixels: _by_opencv(".png", pixels), depth=16),
    "webp": Kind("webp", _of("WEBP", quality=80, method=1), side=16_383),
    "webp lossless": Kind("webp", _of("WEBP", lossless=True, method=0, quality=0), channels=4, side=16_383),
    "avif": Kind("avif", _of("AVIF", quality=60, speed=10)),
    "tiff": Kind("tiff", _of("TIFF")),
    "tiff lzw": Kind("tiff", _of("TIFF", compression="tiff_lzw")),
    "tiff deep": Kind("tiff", lambda pixels: _by_opencv(".tiff", pixels, cv2.IMWRITE_TIFF_COMPRESSION, 1), depth=16),
    "gif": Kind("gif", _of("GIF")),
    "gif animated": Kind("gif", _animated("GIF")),
    "jpeg2000": Kind("jpeg2000", _of("JPEG2000", quality_mode="rates", quality_layers=[12])),
    "psd": Kind("psd", _psd),
    "bmp": Kind("bmp", _of("BMP")),
    "tga": Kind("tga", _of("TGA")),
    "tga in runs": Kind("tga", _of("TGA", compression="tga_rle"), channels=4),
    "dds": Kind("dds", _of("DDS"), channels=4),
    "ico": Kind("ico", lambda p: _saved(p, "ICO", sizes=[(p.shape[1], p.shape[0])]), channels=4, side=256),
    "icns": Kind("icns", _of("ICNS"), channels=4, side=1024),
    "pcx": Kind("pcx", _of("PCX")),
    "dcx": Kind("dcx", _dcx),
    "pnm": Kind("pnm", _of("PPM")),
    "sgi": Kind("sgi", _of("SGI"), channels=4),
    "qoi": Kind("qoi", _of("QOI"), channels=4),
    "sun": Kind("sun", _sun),
    "xbm": Kind("xbm", _bilevel("XBM"), channels=1),
    "xpm": Kind("xpm", _xpm),
    "msp": Kind("msp", _bilevel("MSP"), channels=1),
}
if can_read_heic():

    def _heic(pixels: "Pixels") -> bytes:
        import pillow_heif  # noqa: PLC0415 - an optional dependency

        file = io.BytesIO()
        # Without its plug-in for Pillow, which would make the whole process open HEIF
        pillow_heif.from_pillow(Image.fromarray(pixels)).save(file, quality=60)
        return file.getvalue()

    KINDS["heic"] = Kind("heic", _heic)


def write(name: str, content: Content, width: int, height: int, seed: int, path: Path) -> None:
    """Write a file of a kind of `KINDS`, smaller if the kind does not allow the size."""
    kind = KINDS[name]
    size = (min(width, kind.side), min(height, kind.side))
    path.write_bytes(kind.write(picture(content, *size, kind.channels, kind.depth, seed)))

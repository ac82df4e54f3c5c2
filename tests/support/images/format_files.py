"""A small file of each rarer format, written by Pillow, by OpenCV, or by its specification."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.images.rasters import raster

Pixels = NDArray[Any]
RGB = raster(24, 20).pixels
GREY = raster(24, 20, 1).pixels
RGBA = raster(24, 20, 4).pixels
DEEP = raster(24, 20, 3, np.uint16).pixels
LARGE = raster(64, 64, 3, np.uint16).pixels  # OpenCV's encoder needs at least as many pixels
INK = np.where(GREY > 99, np.uint8(255), np.uint8(0))


def saved(pixels: Pixels, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, name, **options)
    return file.getvalue()


def bilevel(name: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(INK.squeeze()).convert("1", dither=Image.Dither.NONE).save(file, name)
    return file.getvalue()


def by_opencv(suffix: str, pixels: Pixels, *settings: int) -> bytes:
    return bytes(cv2.imencode(suffix, np.ascontiguousarray(pixels[..., ::-1]), list(settings))[1])


def psd(
    planes: Pixels,
    mode: int,
    *,
    large: bool = False,
    runs: bool = False,
    palette: bytes = b"",
    icc: bytes = b"",
    transparent: bool = False,
) -> bytes:
    """A Photoshop document without layers, with the merged picture `planes`: (channels, height, width)."""
    channels, height, width = planes.shape
    bits = 8 * planes.itemsize
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 2 if large else 1, channels, height, width, bits, mode)
    resource = struct.pack(">4sHHI", b"8BIM", 1039, 0, len(icc)) + icc + bytes(len(icc) % 2) if icc else b""
    layers = struct.pack(">h", -1) if transparent else b""
    wide = ">Q" if large else ">I"
    section = struct.pack(wide, len(layers)) + layers if layers else b""
    body = [head, struct.pack(">I", len(palette)), palette, struct.pack(">I", len(resource)), resource]
    body += [struct.pack(wide, len(section)), section, struct.pack(">H", int(runs))]
    rows = [row.astype(row.dtype.newbyteorder(">")).tobytes() for plane in planes for row in plane]
    if runs:
        rows = [b"".join(packed(row[at : at + 100]) for at in range(0, len(row), 100)) for row in rows]
        body.append(struct.pack(f">{len(rows)}{'I' if large else 'H'}", *map(len, rows)))
    return b"".join([*body, *rows])


def packed(part: bytes) -> bytes:
    """PackBits: one run if all bytes are equal, else one literal."""
    return bytes([257 - len(part), part[0]]) if len(set(part)) == 1 and len(part) > 1 else bytes([len(part) - 1]) + part


def sun() -> bytes:
    return struct.pack(">8I", 0x59A66A95, 20, 24, 24, RGB.size, 1, 0, 0) + RGB[..., ::-1].tobytes()


def dcx() -> bytes:
    return struct.pack("<III", 0x3ADE68B1, 12, 0) + saved(RGB, "PCX")


def cursor() -> bytes:
    icon = bytearray(saved(RGBA, "ICO", sizes=[(20, 24)], bitmap_format="bmp"))
    struct.pack_into("<H", icon, 2, 2)
    struct.pack_into("<HH", icon, 10, 3, 4)  # the hot spot
    return bytes(icon)


def xpm() -> bytes:
    colours = [b'"a c #ff0000",', b'"b c #0000FF",', b'"c c None",']
    return b"\n".join([b"/* XPM */", b"static char *x[] = {", b'"3 2 3 1",', *colours, b'"abc",', b'"cba"', b"};", b""])


def heic(pixels: Pixels, mode: str, **options: Any) -> Callable[[], bytes]:
    def content() -> bytes:
        import pillow_heif

        file = io.BytesIO()
        size = pixels.shape[1::-1]
        pillow_heif.encode(mode, size, pixels.tobytes(), file, quality=-1, chroma=444, matrix_coefficients=0, **options)
        return file.getvalue()

    return content


#: By name: the format, the file's content, the decoded pixels, and their tolerance.
FILES: dict[str, tuple[str, Callable[[], bytes], Pixels, int]] = {
    "bmp": ("bmp", lambda: saved(RGB, "BMP"), RGB, 0),
    "bmp of one bit": ("bmp", lambda: bilevel("BMP"), INK, 0),
    "jp2": ("jpeg2000", lambda: saved(RGB, "JPEG2000"), RGB, 0),
    "jp2 with alpha": ("jpeg2000", lambda: saved(RGBA, "JPEG2000"), RGBA, 0),
    "jp2 of 16 bits": (
        "jpeg2000",
        lambda: by_opencv(".jp2", LARGE, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000),
        LARGE,
        0,
    ),
    "j2k": ("jpeg2000", lambda: saved(RGB, "JPEG2000", no_jp2=True), RGB, 0),
    "psd": ("psd", lambda: psd(RGB.transpose(2, 0, 1), 3), RGB, 0),
    "psd in runs": ("psd", lambda: psd(RGB.transpose(2, 0, 1), 3, runs=True), RGB, 0),
    "psd of 16 bits": ("psd", lambda: psd(DEEP.transpose(2, 0, 1), 3, runs=True), DEEP, 0),
    "psd of grey": ("psd", lambda: psd(GREY.transpose(2, 0, 1), 1), GREY, 0),
    "psb": ("psd", lambda: psd(RGB.transpose(2, 0, 1), 3, large=True, runs=True), RGB, 0),
    "tga": ("tga", lambda: saved(RGB, "TGA"), RGB, 0),
    "tga in runs": ("tga", lambda: saved(RGBA, "TGA", compression="tga_rle"), RGBA, 0),
    "dds": ("dds", lambda: saved(RGBA, "DDS"), RGBA, 0),
    "ico of png": ("ico", lambda: saved(RGBA, "ICO", sizes=[(20, 24)]), RGBA, 0),
    "ico of bmp": ("ico", lambda: saved(RGBA, "ICO", sizes=[(20, 24)], bitmap_format="bmp"), RGBA, 0),
    "cur": ("ico", cursor, RGBA, 0),
    "pcx": ("pcx", lambda: saved(RGB, "PCX"), RGB, 0),
    "dcx": ("dcx", dcx, RGB, 0),
    "pbm": ("pnm", lambda: bilevel("PPM"), INK, 0),
    "pgm": ("pnm", lambda: saved(GREY, "PPM"), GREY, 0),
    "ppm": ("pnm", lambda: saved(RGB, "PPM"), RGB, 0),
    "ppm of 16 bits": ("pnm", lambda: b"P6 20 24 # wide\n65535\n" + DEEP.astype(">u2").tobytes(), DEEP, 0),
    "ppm of 10 bits": ("pnm", lambda: b"P6 20 24 1023\n" + (DEEP >> 6).astype(">u2").tobytes(), DEEP, 65),
    "sgi": ("sgi", lambda: saved(RGBA, "SGI"), RGBA, 0),
    "qoi": ("qoi", lambda: saved(RGBA, "QOI"), RGBA, 0),
    "sun": ("sun", sun, RGB, 0),
    "xbm": ("xbm", lambda: bilevel("XBM"), 255 - INK, 0),
    "msp": ("msp", lambda: bilevel("MSP"), INK, 0),
    "heic": ("heic", heic(RGB, "RGB"), RGB, 2),
    "heic with alpha": ("heic", heic(RGBA, "RGBA"), RGBA, 2),
    "heic of 10 bits": ("heic", heic(DEEP, "RGB;16"), DEEP, 200),
}


def write(name: str, path: Path) -> Pixels:
    """Write the file called `name` to `path`, and return its pixels."""
    _, content, pixels, _ = FILES[name]
    path.write_bytes(content())
    return pixels

"""Decoding the merged picture of a Photoshop document: 1, 8 or 16 bits, raw or run-length encoded."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.imaging.codec import colour, layout
from core.imaging.formats import psd
from core.imaging.formats.psd import PsdHeader

Pixels = NDArray[Any]

_INDEXED, _CMYK, _LAB = 2, 4, 9
_RAW, _RUNS = 0, 1


def read(path: Path) -> tuple[Pixels, bytes | None]:
    """The pixels, and the ICC profile that is still to be applied. Raises ValueError if the file is cut short."""
    header = psd.read(path)
    pixels = _read_planes(path, header)
    colours, alpha = pixels[..., : header.colours], pixels[..., header.colours :]
    profile = header.icc
    if header.mode == _CMYK:
        colours = layout.to_8_bits(colours) if colours.dtype == np.uint16 else colours
        alpha = layout.to_8_bits(alpha) if alpha.dtype == np.uint16 and alpha.size else alpha.astype(np.uint8)
        inks = Image.frombytes("CMYK", colours.shape[1::-1], np.ascontiguousarray(255 - colours).tobytes())
        colours, profile = np.asarray(colour.cmyk_to_srgb(inks, profile)), None
    elif header.mode == _LAB:
        colours, profile = _lab_to_srgb(colours), None
    elif header.mode == _INDEXED:
        table = np.frombuffer(header.palette[:768].ljust(768, b"\0"), np.uint8).reshape(3, 256).T
        colours = table[colours[..., 0]]
    if alpha.size:
        colours = _remove_white(colours, alpha)
    return np.concatenate([colours, alpha.astype(colours.dtype)], axis=2), profile


def _read_planes(path: Path, header: PsdHeader) -> Pixels:
    """The planes of the colours and of alpha, (h, w, planes), in the byte order of this machine."""
    count = header.colours + header.transparent
    stride = (header.width * header.bits + 7) // 8
    with path.open("rb") as file:
        file.seek(header.offset)
        compression = int.from_bytes(file.read(2), "big")
        if compression == _RAW:
            planes = [file.read(stride * header.height) for _ in range(count)]
        elif compression == _RUNS:
            rows = header.height * header.channels
            counts = np.frombuffer(file.read(rows * (4 if header.large else 2)), ">u4" if header.large else ">u2")
            sizes = counts.reshape(header.channels, header.height).sum(axis=1, dtype=np.int64)
            runs = [file.read(int(size)) for size in sizes[:count]]
            size = (stride, header.height)
            planes = [Image.frombytes("L", size, run, "packbits", "L").tobytes() for run in runs]
        else:
            raise ValueError(f"a merged picture with the unknown compression {compression}")
    kind = np.dtype(">u2") if header.bits == 16 else np.dtype(np.uint8)  # noqa: PLR2004
    pixels = [np.frombuffer(plane, kind).reshape(header.height, -1) for plane in planes]
    if header.bits == 1:
        pixels = [
            (1 - np.unpackbits(plane.view(np.uint8), axis=1, count=header.width)) * np.uint8(255) for plane in pixels
        ]
    return np.stack(pixels, axis=2).astype(np.uint16 if header.bits == 16 else np.uint8)  # noqa: PLR2004


def _lab_to_srgb(pixels: Pixels) -> Pixels:
    """Convert Photoshop's L*a*b* to sRGB. Its a* and b* have an offset, where TIFF has two's complement."""
    deep = pixels.dtype == np.uint16
    whole = pixels if deep else pixels.astype(np.uint16) * np.uint16(257)
    signed = whole.copy()
    signed[..., 1:] = whole[..., 1:] ^ 0x8000 if deep else ((pixels[..., 1:] ^ 0x80).astype(np.uint16) << 8)
    result = colour.lab16_to_srgb(signed)
    return result if deep else layout.to_8_bits(result)


def _remove_white(colours: Pixels, alpha: Pixels) -> Pixels:
    """Undo Photoshop's blending of transparent pixels with white."""
    white = np.float32(np.iinfo(colours.dtype).max)
    share = alpha.astype(np.float32) / np.iinfo(alpha.dtype).max
    result = np.full(colours.shape, white, np.float32)
    np.divide(colours - white * (1 - share), share, out=result, where=share > 0)
    return np.asarray(np.rint(result.clip(0, white)), colours.dtype)

"""Raster → file. Nothing of the source's metadata reaches an output."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.codec import layout
from core.codec.faults import allocating
from core.errors import Code, ImageFailure
from core.formats import tiff
from core.model import ImageFormat, Raster
from core.output import Output

Pixels = NDArray[Any]

_NO_SPACE = 64 * 1024  # bytes free on a disk that is full but for the ends of blocks

#: What `quality` means where the pipeline does not say: near each other to the eye.
QUALITY = {ImageFormat.JPEG: 82, ImageFormat.WEBP: 80, ImageFormat.AVIF: 60}
_SETTINGS: dict[ImageFormat, list[int]] = {
    ImageFormat.JPEG: [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    ImageFormat.PNG: [cv2.IMWRITE_PNG_COMPRESSION, 6],
    ImageFormat.WEBP: [],
    ImageFormat.AVIF: [cv2.IMWRITE_AVIF_SPEED, 8],  # a fifth of the default's time, a few per cent more bytes
    ImageFormat.TIFF: [
        *(cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE),
        *(cv2.IMWRITE_TIFF_PREDICTOR, cv2.IMWRITE_TIFF_PREDICTOR_HORIZONTAL),
    ],
}
_QUALITY_SETTING = {
    ImageFormat.JPEG: cv2.IMWRITE_JPEG_QUALITY,
    ImageFormat.WEBP: cv2.IMWRITE_WEBP_QUALITY,
    ImageFormat.AVIF: cv2.IMWRITE_AVIF_QUALITY,
}
_DEEP = {ImageFormat.PNG, ImageFormat.TIFF}  # can hold 16 bits per channel


def encode(raster: Raster, output: Output, path: Path) -> int:
    """Write `raster` to `path`, whose suffix is that of the output's format; the number of bytes written.

    16 bits per channel become 8, and alpha is laid on the output's background, where the format cannot hold
    them. The same raster gives the same bytes at any number of threads.
    Raises ImageFailure: RESULT_TOO_LARGE, OUT_OF_MEMORY, OPERATION_FAILED when the encoder refuses.
    """
    output.refuse_larger(raster.width, raster.height)
    with allocating(f"writing {output.format.value}"):
        pixels = raster.pixels
        if pixels.dtype == np.uint16 and output.format not in _DEEP:
            pixels = layout.to_8_bits(pixels)
        if raster.has_alpha and output.format is ImageFormat.JPEG:
            pixels = layout.flattened(pixels, output.background_rgb)
        settings = list(_SETTINGS[output.format])
        if output.format in QUALITY:
            quality = output.quality if output.quality is not None else QUALITY[output.format]
            settings += [_QUALITY_SETTING[output.format], quality]
        if not _write(path, layout.to_bgr(pixels), settings):
            raise ImageFailure(
                Code.OPERATION_FAILED,
                f"The {output.format.value} encoder refused an image of {raster.width} x {raster.height} pixels.",
            )
    if output.format is ImageFormat.TIFF and raster.has_alpha:
        tiff.declare_alpha(path)
    return path.stat().st_size


def _write(path: Path, pixels: Pixels, settings: list[int]) -> bool:
    """Encode into a file; False where the encoder refuses. Raises OSError(ENOSPC) where the disk is full.

    OpenCV knows no such difference. Worse, it says of AVIF that it was written when half of it was, and of every
    format when only its end was lost.
    """
    if cv2.imwrite(str(path), pixels, settings):
        if shutil.disk_usage(path.parent).free < _NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return True
    encoded, content = cv2.imencode(path.suffix, pixels, settings)
    if encoded:
        path.write_bytes(content.data)
    return encoded

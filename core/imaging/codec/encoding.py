"""Encoding a raster as a file. No metadata of the source reaches the output."""

import errno
import io
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat
from core.domain.outputs import DEEP, Output, Subsampling
from core.imaging.codec import layout, palette
from core.imaging.codec.animation import animated_gif
from core.imaging.codec.cv2_errors import translate_errors
from core.imaging.formats import tiff
from core.imaging.raster import Raster

Pixels = NDArray[Any]

_NO_SPACE = 64 * 1024  # bytes that can still be free on a full disk

#: The quality of each format if the pipeline gives none; the three look alike.
QUALITY = {ImageFormat.JPEG: 82, ImageFormat.WEBP: 80, ImageFormat.AVIF: 60}
_SPEED = 8  # of AVIF: takes a fifth of the time of OpenCV's default, for a few per cent more bytes
_COMPRESSION = 6  # of PNG
_SUBSAMPLING = {
    Subsampling.ALL: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    Subsampling.HALF: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    Subsampling.QUARTER: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}


def encode(raster: Raster, output: Output, path: Path) -> int:
    """Write `raster` to `path`, whose suffix must be that of the output's format, and return the bytes written.

    If the format cannot hold them, 16 bits become 8, and alpha is blended with the output's background. The result
    does not depend on the number of threads.
    Raises ImageFailure: RESULT_TOO_LARGE, OUT_OF_MEMORY, OPERATION_FAILED if the encoder refuses.
    """
    output.refuse_larger(raster.width, raster.height)
    with translate_errors(f"writing {output.format.value}", Code.OPERATION_FAILED):
        pixels = prepare(raster, output)
        if output.format is ImageFormat.GIF:
            path.write_bytes(animated_gif.encode_still(pixels, output.colors))
        elif output.palette or (output.format is ImageFormat.PNG and pixels.shape[2] == 2 and pixels.itemsize == 1):  # noqa: PLR2004
            path.write_bytes(_png_by_pillow(pixels, output))
        elif not _write(path, layout.to_bgr(pixels), _settings(output)):
            raise _refused(output, pixels)
    if output.format is ImageFormat.TIFF and raster.has_alpha:
        tiff.declare_alpha(path)
    return path.stat().st_size


def encode_prepared(pixels: Pixels, output: Output) -> bytes:
    """Encode pixels of `prepare`, or a part of them, as the bytes of a file."""
    encoded, content = cv2.imencode(f".{output.format.extension}", layout.to_bgr(pixels), _settings(output))
    if not encoded:
        raise _refused(output, pixels)
    return content.tobytes()


def prepare(raster: Raster, output: Output) -> Pixels:
    """The pixels in a depth and with channels that the output's format can hold."""
    pixels = raster.pixels
    if pixels.dtype == np.uint16 and (output.format not in DEEP or output.palette):
        pixels = layout.to_8_bits(pixels)
    if raster.has_alpha and output.format is ImageFormat.JPEG:
        pixels = layout.flatten(pixels, output.background_rgb)
    if output.format is ImageFormat.GIF or output.palette:
        pixels = layout.with_channels(pixels, 4 if raster.has_alpha else 3)
    return pixels


def _settings(output: Output) -> list[int]:
    """The encoder's flags for OpenCV: pairs of flag and value."""
    quality = output.quality if output.quality is not None else QUALITY.get(output.format, 0)
    if output.format is ImageFormat.JPEG:
        settings = [cv2.IMWRITE_JPEG_OPTIMIZE, int(output.optimize is not False), cv2.IMWRITE_JPEG_QUALITY, quality]
        if output.progressive:
            settings += [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
        if output.subsampling:
            settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SUBSAMPLING[output.subsampling]]
        return settings
    if output.format is ImageFormat.PNG:
        return [cv2.IMWRITE_PNG_COMPRESSION, _compression(output)]
    if output.format is ImageFormat.WEBP and output.lossless:
        return [cv2.IMWRITE_WEBP_LOSSLESS_MODE, cv2.IMWRITE_WEBP_LOSSLESS_PRESERVE_COLOR]
    if output.format is ImageFormat.WEBP:
        return [cv2.IMWRITE_WEBP_QUALITY, quality]
    if output.format is ImageFormat.AVIF:
        speed = _SPEED if output.speed is None else output.speed
        return [cv2.IMWRITE_AVIF_SPEED, speed, cv2.IMWRITE_AVIF_QUALITY, quality]
    return [
        *(cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE),
        *(cv2.IMWRITE_TIFF_PREDICTOR, cv2.IMWRITE_TIFF_PREDICTOR_HORIZONTAL),
    ]


def _png_by_pillow(pixels: Pixels, output: Output) -> bytes:
    """A PNG of grey with alpha or with a palette, which OpenCV does not write."""
    file = io.BytesIO()
    if output.palette is None:
        image = Image.fromarray(pixels)
    else:
        alpha = pixels.shape[2] == 4 and bool(pixels[..., 3].min() < 255)  # noqa: PLR2004
        quantise = palette.quantise_with_alpha if alpha else palette.quantise
        indexed = quantise(pixels if alpha else np.ascontiguousarray(pixels[..., :3]), output.palette)
        image = Image.fromarray(indexed.indices)
        image.putpalette(indexed.colours.tobytes(), "RGBA" if alpha else "RGB")
    image.save(file, "PNG", compress_level=_compression(output))
    return file.getvalue()


def _compression(output: Output) -> int:
    return _COMPRESSION if output.compression is None else output.compression


def _write(path: Path, pixels: Pixels, settings: list[int]) -> bool:
    """Encode into a file; False if the encoder refuses. Raises OSError(ENOSPC) if the disk is full.

    OpenCV does not report a full disk: it returns True for a file whose end is missing, for AVIF even half of it.
    """
    if cv2.imwrite(str(path), pixels, settings):
        if shutil.disk_usage(path.parent).free < _NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return True
    encoded, content = cv2.imencode(path.suffix, pixels, settings)
    if encoded:
        path.write_bytes(content.data)
    return encoded


def _refused(output: Output, pixels: Pixels) -> ImageFailure:
    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
    return ImageFailure(Code.OPERATION_FAILED, f"The {output.format.value} encoder refused an image of {size} pixels.")

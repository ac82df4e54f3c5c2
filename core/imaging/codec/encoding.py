"""Raster → file. Nothing of the source's metadata reaches an output."""

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
from core.imaging.codec import animated_gif, layout, palette
from core.imaging.codec.cv2_errors import translate_errors
from core.imaging.formats import tiff
from core.imaging.raster import Raster

Pixels = NDArray[Any]

_NO_SPACE = 64 * 1024  # bytes free on a disk that is full but for the ends of blocks

#: What `quality` means where the pipeline does not say: near each other to the eye.
QUALITY = {ImageFormat.JPEG: 82, ImageFormat.WEBP: 80, ImageFormat.AVIF: 60}
_SPEED = 8  # of AVIF: a fifth of the time that OpenCV's default takes, a few per cent more bytes
_COMPRESSION = 6  # of PNG
_SUBSAMPLING = {
    Subsampling.ALL: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    Subsampling.HALF: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    Subsampling.QUARTER: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}


def encode(raster: Raster, output: Output, path: Path) -> int:
    """Write `raster` to `path`, whose suffix is that of the output's format; the number of bytes written.

    16 bits per channel become 8, and alpha is laid on the output's background, where the format cannot hold
    them. The same raster gives the same bytes at any number of threads.
    Raises ImageFailure: RESULT_TOO_LARGE, OUT_OF_MEMORY, OPERATION_FAILED when the encoder refuses.
    """
    output.refuse_larger(raster.width, raster.height)
    with translate_errors(f"writing {output.format.value}", Code.OPERATION_FAILED):
        pixels = prepared(raster, output)
        if output.format is ImageFormat.GIF:
            path.write_bytes(animated_gif.still(pixels, output.colors))
        elif output.palette or (output.format is ImageFormat.PNG and pixels.shape[2] == 2 and pixels.itemsize == 1):  # noqa: PLR2004
            path.write_bytes(_png_by_pillow(pixels, output))
        elif not _write(path, layout.to_bgr(pixels), _settings(output)):
            raise _refused(output, pixels)
    if output.format is ImageFormat.TIFF and raster.has_alpha:
        tiff.declare_alpha(path)
    return path.stat().st_size


def encoded(pixels: Pixels, output: Output) -> bytes:
    """Pixels as `prepared` gave them, or a part of them, as the bytes of a file."""
    done, content = cv2.imencode(f".{output.format.extension}", layout.to_bgr(pixels), _settings(output))
    if not done:
        raise _refused(output, pixels)
    return content.tobytes()


def prepared(raster: Raster, output: Output) -> Pixels:
    """The pixels in the depth and the channels that the output's format can hold."""
    pixels = raster.pixels
    if pixels.dtype == np.uint16 and (output.format not in DEEP or output.palette):
        pixels = layout.to_8_bits(pixels)
    if raster.has_alpha and output.format is ImageFormat.JPEG:
        pixels = layout.flattened(pixels, output.background_rgb)
    if output.format is ImageFormat.GIF or output.palette:
        pixels = layout.with_channels(pixels, 4 if raster.has_alpha else 3)
    return pixels


def _settings(output: Output) -> list[int]:
    """OpenCV's, in pairs."""
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
    """What OpenCV does not write: grey with alpha, and palettes."""
    file = io.BytesIO()
    if output.palette is None:
        image = Image.fromarray(pixels)
    else:
        alpha = pixels.shape[2] == 4 and bool(pixels[..., 3].min() < 255)  # noqa: PLR2004
        of = palette.indexed_with_alpha if alpha else palette.indexed
        found = of(pixels if alpha else np.ascontiguousarray(pixels[..., :3]), output.palette)
        image = Image.fromarray(found.indices)
        image.putpalette(found.colours.tobytes(), "RGBA" if alpha else "RGB")
    image.save(file, "PNG", compress_level=_compression(output))
    return file.getvalue()


def _compression(output: Output) -> int:
    return _COMPRESSION if output.compression is None else output.compression


def _write(path: Path, pixels: Pixels, settings: list[int]) -> bool:
    """Encode into a file; False where the encoder refuses. Raises OSError(ENOSPC) where the disk is full.

    OpenCV knows no such difference. Worse, it says of AVIF that it was written when half of it was, and of every
    format when only its end was lost.
    """
    if cv2.imwrite(str(path), pixels, settings):
        if shutil.disk_usage(path.parent).free < _NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return True
    done, content = cv2.imencode(path.suffix, pixels, settings)
    if done:
        path.write_bytes(content.data)
    return done


def _refused(output: Output, pixels: Pixels) -> ImageFailure:
    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
    return ImageFailure(Code.OPERATION_FAILED, f"The {output.format.value} encoder refused an image of {size} pixels.")

"""Reading animations frame by frame, and writing them.

A file stores only the changes between frames; Pillow composes whole frames from them, in 8 bits.
"""

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from core.domain.errors import Code, ImageFailure
from core.domain.model import ImageFormat, ImageHeader
from core.domain.outputs import Output
from core.imaging.codec import colour, layout
from core.imaging.codec.animation.animated_gif import AnimatedGif
from core.imaging.codec.animation.animated_webp import AnimatedWebp
from core.imaging.codec.cv2_errors import translate_errors
from core.imaging.codec.encoding import encode_prepared, prepare
from core.imaging.formats import gif, png
from core.imaging.header import open_image
from core.imaging.raster import Raster

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame. `milliseconds` is its duration as the file states it, which may be 0."""

    raster: Raster
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Animation:
    """Frames, each decoded when it is requested. `plays` is how often the animation is shown, 0 for ever."""

    plays: int
    frames: Generator[Frame, None, None]


def read_animation(path: Path, header: ImageHeader) -> Animation:
    """The animated GIF, PNG, WebP or AVIF at `path`, whose header core.imaging.header has read.

    The frames are upright and in sRGB. All have the channels of the header; those of a GIF have alpha if one of them
    is transparent. Raises ImageFailure, here or when a frame is requested: CORRUPT_IMAGE, also if frames are missing
    at the end; OUT_OF_MEMORY.
    """
    channels, plays = header.channels, None
    with _decoding(header):
        if header.format == "gif":
            gif_header = gif.read(path)
            channels, plays = 4 if gif_header.transparent else 3, gif_header.plays
            if not gif_header.complete or len(gif_header.durations) != header.frames:
                raise _corrupt(header)
        elif header.format == "png":
            animated = png.read_animation(path)
            if animated is None or not animated.complete:
                raise _corrupt(header)
        image = WebPImageFile(path) if header.format == "webp" else open_image(path, header.format)
        if plays is None:
            plays = int(image.info.get("loop", 0))
    return Animation(plays, _frames(image, header, channels))


def refuse_incomplete(path: Path, header: ImageHeader) -> None:
    """Raise ImageFailure(CORRUPT_IMAGE) if the file is a GIF that seems still but lost the rest of its frames."""
    if header.format == "gif" and not gif.read(path).complete:
        raise _corrupt(header)


def _frames(image: Any, header: ImageHeader, channels: int) -> Generator[Frame, None, None]:  # noqa: ANN401 - of several plug-ins
    with image:
        profile = image.info.get("icc_profile")
        first = int(
            getattr(image, "default_image", False)
        )  # the still picture of an animated PNG, for decoders without animations
        for number in range(first, first + header.frames):
            with _decoding(header):
                image.seek(number)
                image.load()
                pixels = _pixels(image, channels)
                if header.format == "gif":  # Pillow enlarges the canvas for frames that exceed it
                    pixels = pixels[: header.height, : header.width]
                pixels = layout.make_upright(pixels, header.orientation)
                if pixels.shape[1::-1] != (header.width, header.height):
                    raise _corrupt(header)
                if profile:
                    pixels = colour.to_srgb(pixels, profile)
                frame = Frame(Raster(np.ascontiguousarray(pixels)), float(image.info.get("duration") or 0))
            yield frame


def _pixels(image: Image.Image, channels: int) -> NDArray[Any]:
    if image.mode.startswith("I"):  # 16 bits of grey
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    mode = _MODES[channels]
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]  # noqa: PLR2004


class AnimationWriter:
    """Writes an animated file, WebP or GIF by the format of `output`, to `path`, frame by frame.

    `plays` is how often the animation is shown, 0 for ever. It holds two frames in memory.
    """

    def __init__(self, path: Path, output: Output, plays: int) -> None:
        self._output = output
        self._path = path
        if output.format is ImageFormat.GIF:
            self._file: AnimatedGif | AnimatedWebp = AnimatedGif(path, plays, output.colors)
        else:
            self._file = AnimatedWebp(path, plays, lambda pixels: encode_prepared(pixels, output))

    def add(self, frame: Frame) -> None:
        """Raises ImageFailure: RESULT_TOO_LARGE, OUT_OF_MEMORY, OPERATION_FAILED if the encoder refuses."""
        self._output.refuse_larger(frame.raster.width, frame.raster.height)
        with self._writing():
            self._file.add(prepare(frame.raster, self._output), frame.milliseconds)

    def finish(self) -> int:
        """Complete the file, and return its size in bytes."""
        with self._writing():
            self._file.finish()
        return self._path.stat().st_size

    def close(self) -> None:
        """Close the file, complete or not."""
        with suppress(OSError):  # the file is incomplete, and nobody reads it
            self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with translate_errors(f"writing {self._output.format.value}", Code.OPERATION_FAILED):
            try:
                yield
            except OSError as error:  # above all a full disk; the error lacks the path
                raise OSError(error.errno, error.strerror, str(self._path)) from error


@contextmanager
def _decoding(header: ImageHeader) -> Iterator[None]:
    with (
        translate_errors(f"decoding {header.width} x {header.height} pixels", Code.CORRUPT_IMAGE),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata, which is no reason to refuse an image
        try:
            yield
        except (ImageFailure, MemoryError):
            raise
        except Exception as error:  # Pillow's decoders raise many kinds: OSError, EOFError, struct.error
            raise _corrupt(header) from error


def _corrupt(header: ImageHeader) -> ImageFailure:
    name = {"webp": "WebP"}.get(header.format, header.format.upper())
    message = f"The animated {name} cannot be decoded: it is damaged or cut short, and frames are missing."
    return ImageFailure(Code.CORRUPT_IMAGE, message)

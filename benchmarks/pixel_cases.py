"""Test cases for everything that computes pixels: operations, decoders, encoders and shipped pipelines.

One process makes the input files and all compared processes read them, since painting them uses libraries whose results
may depend on the processor.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from PIL import Image, PngImagePlugin

from core.domain.model import ImageFormat
from core.domain.outputs import Output, Subsampling
from core.imaging import codec, header
from core.imaging.operations import OPERATIONS
from core.imaging.operations.base import Measurement, Operation
from core.imaging.raster import Raster
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.definition import Pipeline
from core.pipelines.loader import load_folder
from core.worker.rendering import bands, render
from pictureperfect.calibration.synthetic_images import KINDS, Content, picture, write
from pictureperfect.catalogue.operation_examples import EXAMPLES, Example
from pictureperfect.catalogue.operation_page import pipeline_of
from pictureperfect.catalogue.operation_pictures import PICTURES
from pictureperfect.demo.painted_images import paint_logo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any]

_SEED = 20_261_124
#: Forms of the photograph-like picture: number of channels, and bits per channel.
SHAPES = {"RGB": (3, 8), "RGBA": (4, 8), "RGB, 16 bits": (3, 16)}
#: Steps besides an operation's example, for operations with several algorithms.
_MORE_STEPS: dict[str, tuple[str, ...]] = {
    "blur": ("blur: {sigma: 1}",),
    "median-blur": ("median-blur: {size: 5}",),
    "resize": (
        "resize: {width: 1500, enlarge: true}",
        "resize: {width: 320, height: 214, fit: fill}",
        "resize: {width: 97, height: 231, fit: fill}",
    ),
    "rotate": ("rotate: {angle: 90}",),
    "threshold": ("threshold: {by: otsu}",),
    "white-balance": ("white-balance: {method: white-patch}",),
}
#: Every encoding, and the forms of the picture that it is tried on.
OUTPUTS: dict[str, tuple[Output, tuple[str, ...]]] = {
    "jpeg": (Output(format=ImageFormat.JPEG), ("RGB", "RGBA", "RGB, 16 bits")),
    "jpeg 4:4:4, progressive": (
        Output(format=ImageFormat.JPEG, quality=95, progressive=True, subsampling=Subsampling.ALL),
        ("RGB",),
    ),
    "png": (Output(format=ImageFormat.PNG), tuple(SHAPES)),
    "png palette": (Output(format=ImageFormat.PNG, palette=64), ("RGB", "RGBA")),
    "webp": (Output(format=ImageFormat.WEBP), ("RGB", "RGBA")),
    "webp lossless": (Output(format=ImageFormat.WEBP, lossless=True), ("RGBA",)),
    "avif": (Output(format=ImageFormat.AVIF), ("RGB", "RGBA")),
    "tiff": (Output(format=ImageFormat.TIFF), tuple(SHAPES)),
    "gif": (Output(format=ImageFormat.GIF), ("RGB", "RGBA")),
}


class Part(StrEnum):
    """The kind of code that computes the pixels."""

    OPERATION = "operation"
    DECODER = "decoder"
    ENCODER = "encoder"
    PIPELINE = "pipeline"


@dataclass(frozen=True)
class Case:
    """`name` of a `part` on the picture `on`. `run` returns pixels, a measurement, or the bytes of a file."""

    part: Part
    name: str
    on: str
    run: Callable[[], "Pixels | float | str | bytes"]


def prepare(folder: Path, width: int, height: int) -> None:
    """Write the input files of all cases into `folder`; photograph-like pictures have `width` x `height` pixels."""
    for name, (channels, depth) in SHAPES.items():
        np.save(folder / f"{name}.npy", picture(Content.PHOTO, width, height, channels, depth, _SEED))
    np.save(folder / "noise.npy", picture(Content.NOISE, width, height, 3, 8, _SEED))
    (folder / "logo.png").write_bytes(paint_logo())
    for name in {name for example in EXAMPLES.values() for name in example.pictures}:
        np.save(folder / f"own {name}.npy", np.asarray(PICTURES[name]().convert("RGB")))
    for name in KINDS:
        write(name, Content.PHOTO, width, height, _SEED, folder / f"{name}.file")
    _write_other_color_spaces(folder, np.load(folder / "RGB.npy"))


def cases(folder: Path) -> Iterator[Case]:
    """All operations, decoders and encoders, on the files that `prepare` wrote into `folder`."""
    yield from _operations(folder)
    for path in sorted(folder.glob("*.file")):
        yield Case(Part.DECODER, path.stem, "", partial(_decode, path, 1))
    for reduction in (2, 4, 8):
        path = folder / "jpeg.file"
        yield Case(Part.DECODER, f"jpeg at 1/{reduction}", "", partial(_decode, path, reduction))
    for name, (output, shapes) in OUTPUTS.items():
        for shape in shapes:
            yield Case(Part.ENCODER, name, shape, partial(_encode, folder / f"{shape}.npy", output, folder))


def renditions(folder: Path) -> Iterator[Case]:
    """Each file of each shipped pipeline, for three common inputs."""
    for kind in ("jpeg", "png alpha", "png deep"):
        for name, pipeline in load_folder(SHIPPED_FOLDER).items():
            for spec in pipeline.renditions:
                for output in spec.outputs:
                    alone = replace(pipeline, renditions=(replace(spec, outputs=(output,)),))
                    run = partial(_render, folder / f"{kind}.file", alone, folder)
                    yield Case(Part.PIPELINE, name, f"{kind}, {spec.name} {output.format}", run)


def decoded(content: bytes, folder: Path) -> "Pixels":
    """The pixels of the encoded file `content`."""
    path = folder / "written"
    path.write_bytes(content)
    return _decode(path, 1)


def _operations(folder: Path) -> Iterator[Case]:
    for name in sorted(OPERATIONS):
        steps = (EXAMPLES[name].step, *_MORE_STEPS.get(name, ()))
        for number, text in enumerate(steps):
            (step,) = pipeline_of(Example(text, ()), folder).steps
            pictures = [*SHAPES, "noise", *([f"own {own}" for own in EXAMPLES[name].pictures] if number == 0 else [])]
            for on in pictures:
                detail = f"{on}; {text}" if number else on
                yield Case(Part.OPERATION, name, detail, partial(_apply, step, folder / f"{on}.npy"))


def _apply(step: Operation, path: Path) -> "Pixels | float | str":
    raster = Raster(np.load(path))
    return step.measure(raster) if isinstance(step, Measurement) else bands.apply(step, raster).pixels


def _decode(path: Path, reduction: int) -> "Pixels":
    return codec.decode(path, header.read_header(path), reduction).pixels


def _encode(path: Path, output: Output, folder: Path) -> bytes:
    target = folder / f"encoded.{output.format.extension}"
    codec.encode(Raster(np.load(path)), output, target)
    return target.read_bytes()


def _render(path: Path, pipeline: Pipeline, folder: Path) -> bytes:
    rendered = render.render(path, header.read_header(path), pipeline, folder, lambda: None)
    (file,) = rendered.renditions
    return Path(file.path).read_bytes()


def _write_other_color_spaces(folder: Path, pixels: "Pixels") -> None:
    """Write files in other color spaces than sRGB, which the decoder converts."""
    image = Image.fromarray(pixels)
    image.convert("CMYK").save(folder / "jpeg in cmyk.file", "JPEG", quality=90)
    lab = np.ascontiguousarray(pixels[..., [1, 0, 2]])  # any bytes are valid L*a*b*
    Image.frombytes("LAB", image.size, lab.tobytes()).save(folder / "tiff in lab.file", "TIFF")
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (55_556).to_bytes(4, "big"))  # 1 / 1.8
    written = io.BytesIO()
    image.save(written, "PNG", pnginfo=chunks)
    (folder / "png with a gamma.file").write_bytes(written.getvalue())

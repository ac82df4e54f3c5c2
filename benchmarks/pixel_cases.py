"""Everything that makes pixels, each once or more: operations, decoders and encoders, on files made beforehand.

The files are made by one process, in one surrounding, and read by all that are compared: what they hold is painted by
libraries whose own results may depend on the processor.
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
from core.pipelines.definition import Pipeline, load_folder, shipped
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
#: What the photograph-like picture comes in: channels, and bits of each.
SHAPES = {"RGB": (3, 8), "RGBA": (4, 8), "RGB, 16 bits": (3, 16)}
#: Steps beside an operation's example, where it has more than one way to its result.
_MORE: dict[str, tuple[str, ...]] = {
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
#: Every way to write a file, and the pictures that it is shown on.
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
    """What makes the pixels."""

    OPERATION = "operation"
    DECODER = "decoder"
    ENCODER = "encoder"
    PIPELINE = "pipeline"


@dataclass(frozen=True)
class Case:
    """One of them on one picture. `run` gives pixels, what was measured, or the bytes of a file."""

    part: Part
    name: str
    on: str
    run: Callable[[], "Pixels | float | str | bytes"]


def prepare(folder: Path, width: int, height: int) -> None:
    """Everything that the cases read; the photograph-like pictures have `width` x `height` pixels."""
    for name, (channels, depth) in SHAPES.items():
        np.save(folder / f"{name}.npy", picture(Content.PHOTO, width, height, channels, depth, _SEED))
    np.save(folder / "noise.npy", picture(Content.NOISE, width, height, 3, 8, _SEED))
    (folder / "logo.png").write_bytes(paint_logo())
    for name in {name for example in EXAMPLES.values() for name in example.pictures}:
        np.save(folder / f"own {name}.npy", np.asarray(PICTURES[name]().convert("RGB")))
    for name in KINDS:
        write(name, Content.PHOTO, width, height, _SEED, folder / f"{name}.file")
    _write_described(folder, np.load(folder / "RGB.npy"))


def cases(folder: Path) -> Iterator[Case]:
    """All operations, decoders and encoders, on what `prepare` left in `folder`."""
    yield from _operations(folder)
    for path in sorted(folder.glob("*.file")):
        yield Case(Part.DECODER, path.stem, "", partial(_decoded, path, 1))
    for reduction in (2, 4, 8):
        path = folder / "jpeg.file"
        yield Case(Part.DECODER, f"jpeg at 1/{reduction}", "", partial(_decoded, path, reduction))
    for name, (output, shapes) in OUTPUTS.items():
        for shape in shapes:
            yield Case(Part.ENCODER, name, shape, partial(_encoded, folder / f"{shape}.npy", output, folder))


def renditions(folder: Path) -> Iterator[Case]:
    """Each file of each shipped pipeline, on the formats that people send."""
    for kind in ("jpeg", "png alpha", "png deep"):
        for name, pipeline in load_folder(shipped()).items():
            for spec in pipeline.renditions:
                for output in spec.outputs:
                    alone = replace(pipeline, renditions=(replace(spec, outputs=(output,)),))
                    run = partial(_rendered, folder / f"{kind}.file", alone, folder)
                    yield Case(Part.PIPELINE, name, f"{kind}, {spec.name} {output.format}", run)


def decoded(content: bytes, folder: Path) -> "Pixels":
    """The pixels of a file, as an encoder or a pipeline wrote it."""
    path = folder / "written"
    path.write_bytes(content)
    return _decoded(path, 1)


def _operations(folder: Path) -> Iterator[Case]:
    for name in sorted(OPERATIONS):
        steps = (EXAMPLES[name].step, *_MORE.get(name, ()))
        for number, written in enumerate(steps):
            (step,) = pipeline_of(Example(written, ()), folder).steps
            pictures = [*SHAPES, "noise", *([f"own {own}" for own in EXAMPLES[name].pictures] if number == 0 else [])]
            for on in pictures:
                detail = f"{on}; {written}" if number else on
                yield Case(Part.OPERATION, name, detail, partial(_stepped, step, folder / f"{on}.npy"))


def _stepped(step: Operation, path: Path) -> "Pixels | float | str":
    raster = Raster(np.load(path))
    return step.measure(raster) if isinstance(step, Measurement) else bands.apply(step, raster).pixels


def _decoded(path: Path, reduction: int) -> "Pixels":
    return codec.decode(path, header.read_header(path), reduction).pixels


def _encoded(path: Path, output: Output, folder: Path) -> bytes:
    to = folder / f"encoded.{output.format.extension}"
    codec.encode(Raster(np.load(path)), output, to)
    return to.read_bytes()


def _rendered(path: Path, pipeline: Pipeline, folder: Path) -> bytes:
    made = render.render(path, header.read_header(path), pipeline, folder, lambda: None)
    (file,) = made.renditions
    return Path(file.path).read_bytes()


def _write_described(folder: Path, pixels: "Pixels") -> None:
    """Files whose colours are others than sRGB, and converted when they are read."""
    image = Image.fromarray(pixels)
    image.convert("CMYK").save(folder / "jpeg in cmyk.file", "JPEG", quality=90)
    lab = np.ascontiguousarray(pixels[..., [1, 0, 2]])  # any bytes are L*a*b*
    Image.frombytes("LAB", image.size, lab.tobytes()).save(folder / "tiff in lab.file", "TIFF")
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (55_556).to_bytes(4, "big"))  # 1 / 1.8
    written = io.BytesIO()
    image.save(written, "PNG", pnginfo=chunks)
    (folder / "png with a gamma.file").write_bytes(written.getvalue())

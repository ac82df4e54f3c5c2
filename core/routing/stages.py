"""The stages of a pipeline for one image, from its header alone: decode, each step, each encoding.

An estimate sums the costs of stages, and calibration measures them one by one. Pure; does not load OpenCV.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from core.domain.errors import ImageFailure
from core.domain.model import ImageFormat, ImageHeader, Value
from core.domain.outputs import Automatic, Output, eligible_encodings
from core.imaging.operations.base import Measurement, Operation, band_rows
from core.imaging.operations.resize import Resize
from core.pipelines.definition import Pipeline, RenditionSpec
from core.pipelines.scale_on_load import reduction_for

_MEGA = 1e6


class RasterShape(Value, frozen=True, kw_only=True):
    """Size and type of a raster that is not decoded yet. `density`: bytes per pixel of a JPEG with this content."""

    width: int
    height: int
    channels: int
    itemsize: int = 1
    density: float = 0.0

    @property
    def bytes(self) -> int:
        return self.width * self.height * self.channels * self.itemsize

    @property
    def megapixels(self) -> float:
        return self.width * self.height / _MEGA


class Densities(Value, frozen=True, kw_only=True):
    """Bytes per pixel of the same photograph in each format: they make file sizes of different formats comparable.

    A PNG of a photograph is as large as a JPEG of noise. `power` is the part of the remaining difference (as an
    exponent, 0 to 1) that is due to content and not to encoder quality.
    """

    formats: dict[str, float] = msgspec.field(default_factory=dict)
    power: float = 1.0

    def as_jpeg(self, file_format: str, density: float) -> float:
        """Bytes per pixel of a JPEG with the content of a `file_format` file that has `density` bytes per pixel."""
        jpeg = self.formats.get("jpeg")
        typical = self.formats.get(file_format)
        if not jpeg or not typical:
            return density
        return float(jpeg * (density / typical) ** self.power)


class Stage(Value, frozen=True, kw_only=True):
    """One decode, step or encoding. `kinds` are its names in a cost table, the most specific first.

    It reads `source` and makes `result`. `file_bytes` is the size of the file that it reads or writes (for a step: of
    a JPEG of its result). `live_bytes` are the rasters in memory meanwhile, its source included (a
    decode has none). `band_bytes` is the part of the source that it processes at once. It runs `times` times, once
    per frame or page.
    """

    kinds: tuple[str, ...]
    source: RasterShape
    result: RasterShape
    file_bytes: float
    live_bytes: int
    band_bytes: int
    times: int = 1

    @property
    def cpu_features(self) -> tuple[float, float, float, float]:
        """The factors of `Cost.seconds`: 1, millions of samples in, millions of samples out, millions of file bytes."""
        return (
            1.0,
            self.source.bytes / self.source.itemsize / _MEGA,
            self.result.bytes / self.result.itemsize / _MEGA,
            self.file_bytes / _MEGA,
        )

    @property
    def memory_features(self) -> tuple[float, float, float, float]:
        """The factors of `Cost.bytes`: 1, bytes of the band, bytes of the result, bytes of the file."""
        return 1.0, float(self.band_bytes), float(self.result.bytes), self.file_bytes


def stages(header: ImageHeader, pipeline: Pipeline, densities: Densities | None = None) -> Iterator[Stage]:
    """The stages of `pipeline` for an image with this header, in order."""
    times = pipeline.frames_of(header) * pipeline.pages_of(header)  # one of the two is 1
    first = decode_stage(header, reduction_for(header, pipeline) if times == 1 else 1)
    first = msgspec.structs.replace(first, times=times)
    yield first
    densities = densities or Densities()
    shared = msgspec.structs.replace(first.result, density=densities.as_jpeg(header.format, first.result.density))
    for stage in _step_stages(pipeline.steps, shared, 0, times):
        yield stage
        shared = stage.result
    for rendition in pipeline.renditions:
        yield from _rendition_stages(rendition, shared, times)


def _rendition_stages(rendition: RenditionSpec, shared: RasterShape, times: int) -> Iterator[Stage]:
    shape = shared
    for stage in _step_stages(rendition.steps, shared, shared.bytes, times):
        yield stage
        shape = stage.result
    live_bytes = shared.bytes + (shape.bytes if shape is not shared else 0)
    for output in rendition.outputs:
        for candidate in _candidates(output, shape, times):
            yield encode_stage(candidate, shape, live_bytes, times)


def decode_stage(header: ImageHeader, reduction: int = 1) -> Stage:
    """Decoding a file, scaled down by `reduction`. Its CPU time follows the samples of the whole file."""
    whole = RasterShape(
        width=header.width,
        height=header.height,
        channels=header.channels,
        itemsize=1 if header.depth <= 8 else 2,  # noqa: PLR2004 - bits
        density=header.bytes / max(1, header.width * header.height * header.frames),
    )
    result = msgspec.structs.replace(whole, width=-(-header.width // reduction), height=-(-header.height // reduction))
    general = f"decode {header.format}"
    return Stage(
        kinds=_variants(whole, *([f"{general}/interlaced"] if header.interlaced else []), general),
        source=whole,
        result=result,
        file_bytes=header.bytes / header.frames,
        live_bytes=0,
        band_bytes=whole.bytes,
    )


def step_stage(step: Operation, shape: RasterShape, held_bytes: int, times: int = 1) -> Stage:
    """A step over a raster, with `held_bytes` of other rasters in memory."""
    width, height = step.output_size(shape.width, shape.height)
    result = msgspec.structs.replace(shape, width=width, height=height, channels=step.output_channels(shape.channels))
    if isinstance(step, Measurement):
        result = shape
    name = str(type(step).__struct_config__.tag)
    return Stage(
        kinds=_variants(shape, _specific_name(name, step), name),
        source=shape,
        result=result,
        file_bytes=result.density * result.width * result.height,
        live_bytes=held_bytes + shape.bytes,
        band_bytes=min(shape.bytes, _band_bytes(step, shape)),
        times=times,
    )


def encode_stage(output: Output, shape: RasterShape, live_bytes: int, times: int = 1) -> Stage:
    """Encoding a raster as a file, with `live_bytes` of rasters in memory, this one included."""
    name = f"encode {output.format.value}"
    return Stage(
        kinds=_variants(shape, _specific_name(name, output), name),
        source=shape,
        result=shape,
        file_bytes=shape.density * shape.width * shape.height,
        live_bytes=live_bytes,
        band_bytes=shape.bytes,
        times=times,
    )


def _step_stages(steps: Sequence[Operation], shape: RasterShape, shared_bytes: int, times: int) -> Iterator[Stage]:
    for number, step in enumerate(steps):
        if isinstance(step, Resize) and step.output_size(shape.width, shape.height) == (
            shape.width,
            shape.height,
        ):
            continue  # the image has this size already: Resize does nothing
        # The source of the first step is the shared raster itself, which step_stage counts
        stage = step_stage(step, shape, shared_bytes if number else 0, times)
        yield stage
        shape = stage.result


def _candidates(output: Output | Automatic, shape: RasterShape, times: int) -> tuple[Output, ...]:
    size = (shape.width, shape.height)
    transparent = shape.channels in (2, 4)
    try:
        return eligible_encodings(output, size, frames=times, transparent=transparent, deep=shape.itemsize > 1)
    except ImageFailure:  # too large for the format: `plan` refuses it, after the checks of its limits
        return output.candidates


def _band_bytes(step: Operation, shape: RasterShape) -> int:
    radius = step.radius
    if radius is None:
        return shape.bytes
    rows = band_rows(shape.width, radius) + 2 * radius
    return rows * shape.width * shape.channels * shape.itemsize


def _variants(shape: RasterShape, *names: str) -> tuple[str, ...]:
    """The names with the marks of 16 bits and alpha, which are measured as kinds of their own, most specific first."""
    marks = ("/16" if shape.itemsize > 1 else "", "/alpha" if shape.channels in (2, 4) else "")
    kinds = (f"{name}{mark}" for name in names for mark in ("".join(marks), *marks, ""))
    return tuple(dict.fromkeys(kinds))


def _specific_name(name: str, stage: Operation | Output) -> str:
    """`name` with all parameters that are not at their defaults, but for texts and file names: they change no cost."""
    values = ((field, getattr(stage, field.name)) for field in msgspec.structs.fields(stage))
    fields: dict[str, Any] = {
        field.encode_name: value
        for field, value in values
        if value != field.default and type(value) is not str and not isinstance(value, ImageFormat)
    }
    return f"{name} {msgspec.json.encode(fields, order='sorted').decode()}" if fields else name

"""What a pipeline will do to an image, stage by stage, from its header alone: decode, each step, each encoding.

Pure, and free of OpenCV: this is what an estimate is made of, and what calibration measures one by one.
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


class Picture(Value, frozen=True, kw_only=True):
    """A raster that is not there yet. `density` is what a JPEG of it would have, in bytes a pixel."""

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
    """How large files are, in bytes a pixel, of one and the same photograph: what a file's size says of its content.

    A PNG of a photograph is as large as a JPEG of noise. `power` is how much of the rest is content, and not quality.
    """

    formats: dict[str, float] = msgspec.field(default_factory=dict)
    power: float = 1.0

    def common(self, file_format: str, density: float) -> float:
        """What a JPEG of that content would have."""
        reference = self.formats.get("jpeg")
        own = self.formats.get(file_format)
        if not reference or not own:
            return density
        return float(reference * (density / own) ** self.power)


class Stage(Value, frozen=True, kw_only=True):
    """One thing that is done. `kinds` are the names it may be measured under, the most exact first.

    `source` and `result` are what it reads and makes; `file_bytes` is what of the source file, or of one as dense, it
    has to do with; `live_bytes` are held meanwhile by others, or are its own source. `banded` is what it works on at
    once, in bytes; `times` is how often it is done.
    """

    kinds: tuple[str, ...]
    source: Picture
    result: Picture
    file_bytes: float
    live_bytes: int
    banded: int
    times: int = 1

    @property
    def work(self) -> tuple[float, float, float, float]:
        """What CPU seconds may follow: something fixed, millions of samples in and out, millions of bytes of file."""
        return (
            1.0,
            self.source.bytes / self.source.itemsize / _MEGA,
            self.result.bytes / self.result.itemsize / _MEGA,
            self.file_bytes / _MEGA,
        )

    @property
    def room(self) -> tuple[float, float, float, float]:
        """What peak memory may follow beyond what is live: something fixed, bytes at work, made, and of file."""
        return 1.0, float(self.banded), float(self.result.bytes), self.file_bytes


def stages(header: ImageHeader, pipeline: Pipeline, densities: Densities | None = None) -> Iterator[Stage]:
    """All of them, in order."""
    times = pipeline.frames_of(header) * pipeline.pages_of(header)  # one of the two is 1
    first = decoding(header, reduction_for(header, pipeline) if times == 1 else 1)
    first = msgspec.structs.replace(first, times=times)
    yield first
    known = densities or Densities()
    shared = msgspec.structs.replace(first.result, density=known.common(header.format, first.result.density))
    for stage in _steps(pipeline.steps, shared, 0, times):
        yield stage
        shared = stage.result
    for rendition in pipeline.renditions:
        yield from _rendition(rendition, shared, times)


def _rendition(rendition: RenditionSpec, shared: Picture, times: int) -> Iterator[Stage]:
    picture = shared
    for stage in _steps(rendition.steps, shared, shared.bytes, times):
        yield stage
        picture = stage.result
    live = shared.bytes + (picture.bytes if picture is not shared else 0)
    for output in rendition.outputs:
        for candidate in _candidates(output, picture, times):
            yield encoding(candidate, picture, live, times)


def decoding(header: ImageHeader, reduction: int = 1) -> Stage:
    """How a file comes in. The samples that its work follows are those of the whole file."""
    whole = Picture(
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
        banded=whole.bytes,
    )


def stepping(step: Operation, picture: Picture, held: int, times: int = 1) -> Stage:
    """A step over a picture, while so many bytes are held beside it."""
    width, height = step.output_size(picture.width, picture.height)
    result = msgspec.structs.replace(
        picture, width=width, height=height, channels=step.output_channels(picture.channels)
    )
    if isinstance(step, Measurement):
        result = picture
    name = str(type(step).__struct_config__.tag)
    return Stage(
        kinds=_variants(picture, _exactly(name, step), name),
        source=picture,
        result=result,
        file_bytes=result.density * result.width * result.height,
        live_bytes=held + picture.bytes,
        banded=min(picture.bytes, _band(step, picture)),
        times=times,
    )


def encoding(output: Output, picture: Picture, live: int, times: int = 1) -> Stage:
    """A picture written as a file."""
    name = f"encode {output.format.value}"
    return Stage(
        kinds=_variants(picture, _exactly(name, output), name),
        source=picture,
        result=picture,
        file_bytes=picture.density * picture.width * picture.height,
        live_bytes=live,
        banded=picture.bytes,
        times=times,
    )


def _steps(steps: Sequence[Operation], picture: Picture, shared: int, times: int) -> Iterator[Stage]:
    for number, step in enumerate(steps):
        if isinstance(step, Resize) and step.output_size(picture.width, picture.height) == (
            picture.width,
            picture.height,
        ):
            continue  # it is as large as it shall be: nothing is done
        # The first step's own source is the shared raster, which is held whatever becomes of it
        stage = stepping(step, picture, shared if number else 0, times)
        yield stage
        picture = stage.result


def _candidates(output: Output | Automatic, picture: Picture, times: int) -> tuple[Output, ...]:
    size = (picture.width, picture.height)
    transparent = picture.channels in (2, 4)
    try:
        return eligible_encodings(output, size, frames=times, transparent=transparent, deep=picture.itemsize > 1)
    except ImageFailure:  # too large for the format: the plan refuses it, with the limits' own figures first
        return output.candidates


def _band(step: Operation, picture: Picture) -> int:
    radius = step.radius
    if radius is None:
        return picture.bytes
    rows = band_rows(picture.width, radius) + 2 * radius
    return rows * picture.width * picture.channels * picture.itemsize


def _variants(picture: Picture, *names: str) -> tuple[str, ...]:
    """The names as they are measured of such a picture: alpha and 16 bits are kinds of their own."""
    marks = ("/16" if picture.itemsize > 1 else "", "/alpha" if picture.channels in (2, 4) else "")
    kinds = (f"{name}{mark}" for name in names for mark in ("".join(marks), *marks, ""))
    return tuple(dict.fromkeys(kinds))


def _exactly(name: str, what: Operation | Output) -> str:
    """The name with every number and choice that is not as it is by itself. Words and files' names change no cost."""
    found = ((field, getattr(what, field.name)) for field in msgspec.structs.fields(what))
    fields: dict[str, Any] = {
        field.encode_name: value
        for field, value in found
        if value != field.default and type(value) is not str and not isinstance(value, ImageFormat)
    }
    return f"{name} {msgspec.json.encode(fields, order='sorted').decode()}" if fields else name

"""Writes the files of a rendition, and keeps the smallest if the output's format is `auto`."""

from collections.abc import Iterable
from pathlib import Path

from core.domain.model import RenditionFile
from core.domain.outputs import Automatic, Output, eligible_encodings
from core.imaging import codec
from core.imaging.raster import Raster


def write_still(raster: Raster, output: Output | Automatic, folder: Path, name: str) -> RenditionFile:
    """Encode `raster` as `output` into `folder/name.extension`. Raises ImageFailure(RESULT_TOO_LARGE)."""
    return keep_smallest(_write(raster, encoding, folder, name) for encoding in encodings_to_try(output, raster))


def encodings_to_try(output: Output | Automatic, raster: Raster, frames: int = 1) -> tuple[Output, ...]:
    """`output` itself, or for `auto` the encodings that can hold `raster`, the first of `frames` frames.

    Raises ImageFailure(RESULT_TOO_LARGE).
    """
    if isinstance(output, Output):
        return (output,)
    return eligible_encodings(
        output,
        (raster.width, raster.height),
        frames=frames,
        transparent=not raster.is_opaque,
        deep=raster.pixels.itemsize > 1,
    )


def file_path(folder: Path, name: str, output: Output) -> Path:
    """`folder/name.extension`, with the extension of the output's format."""
    return folder / f"{name}.{output.format.extension}"


def keep_smallest(files: Iterable[RenditionFile]) -> RenditionFile:
    """The smallest of `files`, the first of equals. Every other file is deleted before the next is written."""
    best: RenditionFile | None = None
    for file in files:
        if best is None:
            best = file
            continue
        best, larger = (file, best) if file.bytes < best.bytes else (best, file)
        Path(larger.path).unlink()
    if best is None:
        raise ValueError("no file to choose from")
    return best


def _write(raster: Raster, output: Output, folder: Path, name: str) -> RenditionFile:
    path = file_path(folder, name, output)
    return rendition_file(raster, path, output, name, codec.encode(raster, output, path))


def rendition_file(raster: Raster, path: Path, output: Output, name: str, size: int, frames: int = 1) -> RenditionFile:
    """The description of the file at `path`, which has `size` bytes; `raster` is the first of its `frames`."""
    return RenditionFile(
        name=name,
        format=output.format,
        width=raster.width,
        height=raster.height,
        bytes=size,
        path=str(path),
        frames=frames,
    )

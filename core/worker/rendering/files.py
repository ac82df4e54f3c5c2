"""The files of one rendition: what is written, and which of several is kept."""

from collections.abc import Iterable
from pathlib import Path

from core.domain.model import RenditionFile
from core.domain.outputs import Automatic, Output, eligible_encodings
from core.imaging import codec
from core.imaging.raster import Raster


def still(raster: Raster, output: Output | Automatic, out: Path, name: str) -> RenditionFile:
    """`raster` written as `output` says, as `name.extension` in `out`."""
    return smallest(_written(raster, choice, out, name) for choice in choices(output, raster))


def choices(output: Output | Automatic, raster: Raster, frames: int = 1) -> tuple[Output, ...]:
    """What is to be tried for `raster`, the first of `frames`. Raises ImageFailure(RESULT_TOO_LARGE)."""
    if isinstance(output, Output):
        return (output,)
    return eligible_encodings(
        output,
        (raster.width, raster.height),
        frames=frames,
        transparent=not raster.is_opaque,
        deep=raster.pixels.itemsize > 1,
    )


def place(out: Path, name: str, output: Output) -> Path:
    return out / f"{name}.{output.format.extension}"


def smallest(files: Iterable[RenditionFile]) -> RenditionFile:
    """The first of the smallest files; the others are removed, each as soon as it has lost."""
    best: RenditionFile | None = None
    for file in files:
        if best is None:
            best = file
            continue
        kept, lost = (file, best) if file.bytes < best.bytes else (best, file)
        Path(lost.path).unlink()
        best = kept
    if best is None:
        raise ValueError("no file to choose from")
    return best


def _written(raster: Raster, output: Output, out: Path, name: str) -> RenditionFile:
    path = place(out, name, output)
    return described(raster, path, output, name, codec.encode(raster, output, path))


def described(raster: Raster, path: Path, output: Output, name: str, size: int, frames: int = 1) -> RenditionFile:
    """The file at `path`, of `size` bytes and so many `frames`; `raster` is the first of them."""
    return RenditionFile(
        name=name,
        format=output.format,
        width=raster.width,
        height=raster.height,
        bytes=size,
        path=str(path),
        frames=frames,
    )

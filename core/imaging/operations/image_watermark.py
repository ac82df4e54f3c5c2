"""Drawing a picture, such as a logo, over the image."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.imaging.operations.base import Fraction, Gravity, Operation, resolve_file

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class ImageWatermark(Operation, frozen=True, tag="image-watermark", kw_only=True):
    """Draw a picture over the image. Its transparency and its aspect ratio are kept."""

    #: The picture's file, of any supported format, relative to the pipeline's folder.
    image: Annotated[str, Meta(min_length=1)]
    #: The picture's width as a fraction of the image's. It is smaller if its height would not fit.
    size: Annotated[float, Meta(gt=0, le=1)] = 0.2
    #: 0 is invisible, 1 leaves the picture's own opacity.
    opacity: Fraction = 1.0
    #: The place of the picture.
    gravity: Gravity = Gravity.SOUTHEAST
    #: The distance to the image's edges, as a fraction of its shorter side.
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.03

    def resolved(self, folder: Path) -> Self:
        return msgspec.structs.replace(self, image=resolve_file(folder, self.image))

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.grayscale import Grayscale
        from core.imaging.operations.pixels import draw_over
        from core.imaging.operations.resize import Resize

        shorter = min(raster.width, raster.height)
        margin = min(round(self.margin * shorter), (shorter - 1) // 2)
        box = Resize(
            width=max(1, min(round(self.size * raster.width), raster.width - 2 * margin)),
            height=raster.height - 2 * margin,
            enlarge=True,
        )
        mark = box.apply(_load_picture(Path(self.image)))
        if raster.channels < 3:  # noqa: PLR2004 - a grey image stays grey
            mark = Grayscale().apply(mark)
        pixels = mark.pixels.astype(np.float32) / mark.white
        coverage = pixels[..., -1:] if mark.has_alpha else np.ones((*pixels.shape[:2], 1), np.float32)
        colours = (pixels[..., :-1] if mark.has_alpha else pixels) * raster.white
        place = self.gravity.place((raster.width, raster.height), (mark.width, mark.height), margin)
        return draw_over(raster, colours, coverage * np.float32(self.opacity), place)


def _load_picture(file: Path) -> "Raster":
    """The picture's pixels. Raises ImageFailure(OPERATION_FAILED) if it cannot be read."""
    try:
        return _decode(file, file.stat().st_mtime_ns)
    except ImageFailure as failure:
        if failure.code is Code.OUT_OF_MEMORY:
            raise
        message = f"The picture of image-watermark, {file.name}, cannot be used: {failure.message}"
        raise ImageFailure(Code.OPERATION_FAILED, message) from failure
    except OSError as error:
        message = f"The picture of image-watermark, {file.name}, cannot be read: {error.strerror}."
        raise ImageFailure(Code.OPERATION_FAILED, message) from error


@lru_cache(maxsize=4)
def _decode(file: Path, changed: int) -> "Raster":
    """The picture's pixels, cached between images. `changed`, its time stamp, is a part of the cache's key."""
    from core.imaging import codec
    from core.imaging.header import read_header

    del changed
    raster = codec.decode(file, read_header(file))
    raster.pixels.flags.writeable = False
    return raster

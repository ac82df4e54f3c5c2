"""A picture, a logo, over the image."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

from core.domain.errors import Code, ImageFailure
from core.imaging.operations.base import Fraction, Gravity, Operation, existing_file

if TYPE_CHECKING:
    from core.imaging.raster import Raster


class ImageWatermark(Operation, frozen=True, tag="image-watermark", kw_only=True):
    """Lay a picture over the image, its transparency respected, its shape kept."""

    #: The picture's file, of any format that can be processed, relative to the pipeline's folder.
    image: Annotated[str, Meta(min_length=1)]
    #: The picture's width as a fraction of the image's; less where its height would not fit.
    size: Annotated[float, Meta(gt=0, le=1)] = 0.2
    #: 0 is invisible, 1 as opaque as the picture is.
    opacity: Fraction = 1.0
    #: Where the picture stands.
    gravity: Gravity = Gravity.SOUTHEAST
    #: The space to the image's edges, as a fraction of its shorter side.
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.03

    def resolved(self, folder: Path) -> Self:
        return msgspec.structs.replace(self, image=existing_file(folder, self.image))

    def apply(self, raster: "Raster") -> "Raster":
        import numpy as np

        from core.imaging.operations.grayscale import Grayscale
        from core.imaging.operations.pixels import laid_over
        from core.imaging.operations.resize import Resize

        shorter = min(raster.width, raster.height)
        margin = min(round(self.margin * shorter), (shorter - 1) // 2)
        box = Resize(
            width=max(1, min(round(self.size * raster.width), raster.width - 2 * margin)),
            height=raster.height - 2 * margin,
            enlarge=True,
        )
        mark = box.apply(_picture(Path(self.image)))
        if raster.channels < 3:  # noqa: PLR2004 - a grey image stays grey
            mark = Grayscale().apply(mark)
        pixels = mark.pixels.astype(np.float32) / mark.white
        coverage = pixels[..., -1:] if mark.has_alpha else np.ones((*pixels.shape[:2], 1), np.float32)
        colours = (pixels[..., :-1] if mark.has_alpha else pixels) * raster.white
        place = self.gravity.place((raster.width, raster.height), (mark.width, mark.height), margin)
        return laid_over(raster, colours, coverage * np.float32(self.opacity), place)


def _picture(file: Path) -> "Raster":
    """Raises ImageFailure(OPERATION_FAILED) where it is none: the image that it is laid on is not to blame."""
    try:
        return _decoded(file, file.stat().st_mtime_ns)
    except ImageFailure as failure:
        if failure.code is Code.OUT_OF_MEMORY:
            raise
        message = f"The picture of image-watermark, {file.name}, cannot be used: {failure.message}"
        raise ImageFailure(Code.OPERATION_FAILED, message) from failure
    except OSError as error:
        message = f"The picture of image-watermark, {file.name}, cannot be read: {error.strerror}."
        raise ImageFailure(Code.OPERATION_FAILED, message) from error


@lru_cache(maxsize=4)
def _decoded(file: Path, changed: int) -> "Raster":
    """The picture's pixels, kept between images; `changed`, its time stamp, sees to it that they are its own."""
    from core.imaging import codec, header

    del changed
    raster = codec.decode(file, header.read_header(file))
    raster.pixels.flags.writeable = False
    return raster

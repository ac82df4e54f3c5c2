"""Scale-on-load: the factor by which libjpeg reduces a JPEG during decoding. Pure: estimate and worker share it."""

from collections.abc import Sequence

from core.domain.model import ImageHeader
from core.imaging.operations.base import Measurement, Operation
from core.imaging.operations.resize import Resize
from core.pipelines.definition import Pipeline


def reduction_for(header: ImageHeader, pipeline: Pipeline) -> int:
    """The factor by which a JPEG is reduced during decoding: 1, 2, 4 or 8; 1 for any other format.

    Above 1 only if every rendition resizes first, and only so far that each resize still gets twice the pixels it
    needs along both sides: it does the rest by area averaging, without a visible difference. Measurements before the
    resize keep the pixels that they read (`side`).
    """
    if header.format != "jpeg":
        return 1
    ratio = 8.0
    for spec in pipeline.renditions:
        ratio = min(ratio, _ratio((*pipeline.steps, *spec.steps), header))
    return max((reduction for reduction in (2, 4, 8) if reduction <= ratio), default=1)


def _ratio(steps: Sequence[Operation], header: ImageHeader) -> float:
    """The largest factor that leaves `steps` the pixels they need; 1 if they need every pixel."""
    ratio = 8.0
    for step in steps:
        if isinstance(step, Resize):
            width, height = step.scaled(header.width, header.height)
            return min(ratio, header.width / (2 * width), header.height / (2 * height))
        if not isinstance(step, Measurement) or step.side is None:
            return 1
        ratio = min(ratio, max(header.width, header.height) / step.side)
    return 1

"""By how much a JPEG is reduced while it is decoded. Pure: the estimate has to know it as well as the worker."""

from collections.abc import Sequence

from core.domain.model import ImageHeader
from core.imaging.operations.base import Measurement, Operation
from core.imaging.operations.resize import Resize
from core.pipelines.definition import Pipeline


def reduction_for(header: ImageHeader, pipeline: Pipeline) -> int:
    """By how much a JPEG may be reduced while it is decoded: 1, 2, 4 or 8.

    Only where every rendition begins with a resize, and so that each still has twice the pixels it needs along
    both sides: what is left of the way down is done by area, and no one sees a difference. What is measured
    before that is left the pixels that it looks at.
    """
    if header.format != "jpeg":
        return 1
    ratio = 8.0
    for spec in pipeline.renditions:
        ratio = min(ratio, _ratio((*pipeline.steps, *spec.steps), header))
    return max((reduction for reduction in (2, 4, 8) if reduction <= ratio), default=1)


def _ratio(chain: Sequence[Operation], header: ImageHeader) -> float:
    """By how much the image may be smaller before these steps; 1 where they need every pixel."""
    ratio = 8.0
    for step in chain:
        if isinstance(step, Resize):
            width, height = step.scaled(header.width, header.height)
            return min(ratio, header.width / (2 * width), header.height / (2 * height))
        if not isinstance(step, Measurement) or step.side is None:
            return 1
        ratio = min(ratio, max(header.width, header.height) / step.side)
    return 1

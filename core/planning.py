"""Header + pipeline + limits → plan. Pure: what cannot be done is refused before a pixel is decoded."""

from core.errors import Code, ImageFailure
from core.model import ImageHeader, Plan, Route, Value
from core.operations.base import Operation
from core.pipeline import Pipeline


class Limits(Value, frozen=True, kw_only=True):
    """What the operator lets an image take. Megapixels are of all frames that are decoded, as displayed."""

    max_megapixels: float
    max_bytes: int


def plan(header: ImageHeader, pipeline: Pipeline, limits: Limits, route: Route) -> Plan:
    """Where the image is worked on.

    Raises ImageFailure: TOO_MANY_BYTES, TOO_MANY_PIXELS, RESULT_TOO_LARGE, each with its numbers.
    """
    if header.bytes > limits.max_bytes:
        raise ImageFailure(
            Code.TOO_MANY_BYTES, f"The file has {header.bytes:,} bytes; the limit is {limits.max_bytes:,}."
        )
    taken = pipeline.frames_of(header) * pipeline.pages_of(header)  # one of the two is 1
    megapixels = header.width * header.height * taken / 1e6
    if megapixels > limits.max_megapixels:
        frames = f" in {taken:,} {'pages' if header.format == 'tiff' else 'frames'}" if taken > 1 else ""
        raise ImageFailure(
            Code.TOO_MANY_PIXELS,
            f"{header.width:,} × {header.height:,}{frames} is {megapixels:,.4g} megapixels; "  # noqa: RUF001
            f"the limit is {limits.max_megapixels:,.6g}.",
        )
    _refuse_large_results(header, pipeline, limits)
    return Plan(route=route, reason=f"{megapixels:.4g} megapixels are within the limits of this place.")


def _refuse_large_results(header: ImageHeader, pipeline: Pipeline, limits: Limits) -> None:
    shared = _after(pipeline.steps, (header.width, header.height), limits)
    for rendition in pipeline.renditions:
        size = _after(rendition.steps, shared, limits)
        for output in rendition.outputs:
            output.refuse_larger(*size)


def _after(steps: tuple[Operation, ...], size: tuple[int, int], limits: Limits) -> tuple[int, int]:
    """The size after `steps`. A step may not make more pixels than an image may bring."""
    before = size
    for step in steps:
        size = step.output_size(*size)
        megapixels = size[0] * size[1] / 1e6
        if megapixels > limits.max_megapixels and size[0] * size[1] > before[0] * before[1]:
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"A step would make {size[0]:,} × {size[1]:,} pixels, {megapixels:,.4g} megapixels; "  # noqa: RUF001
                f"the limit is {limits.max_megapixels:,.6g}.",
            )
    return size

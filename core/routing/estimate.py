"""Header + pipeline + measured costs → what the image will take. Pure, and free of OpenCV."""

from typing import Annotated

import msgspec
from msgspec import Meta

from core.domain.model import Estimate, ImageHeader, Value
from core.pipelines.definition import Pipeline
from core.routing.stages import Densities, Stage, stages

_MB = 2**20
Coefficients = tuple[float, float, float, float]


class Cost(Value, frozen=True, kw_only=True):
    """What one kind of stage takes, as it was measured.

    `seconds` of CPU: fixed, per million samples that come in, per million that leave, per million bytes of file.
    `bytes` beyond what is live: fixed, per byte that is worked on at once, per byte that leaves, per byte of file.
    `parallel` is the share of the CPU time that threads divide among them. The spreads are by how much the worst of
    what was measured, of pictures of every kind, took more than that.
    """

    seconds: Coefficients
    bytes: Coefficients
    parallel: Annotated[float, Meta(ge=0, le=1)] = 0.0
    seconds_spread: Annotated[float, Meta(ge=1)] = 1.0
    bytes_spread: Annotated[float, Meta(ge=1)] = 1.0


class Margins(Value, frozen=True, kw_only=True):
    """What the upper estimates have on top of the spreads, found by whole runs (benchmarks/estimates.py)."""

    seconds: Annotated[float, Meta(ge=1)] = 1.25
    bytes: Annotated[float, Meta(ge=1)] = 1.1
    #: Memory that malloc keeps from earlier images in a warm child (MALLOC_TRIM_THRESHOLD_, core.worker.supervisor).
    kept_bytes: Annotated[int, Meta(ge=0)] = 64 * _MB


class Costs(Value, frozen=True, kw_only=True):
    """A table: what was measured, on what machine, when. Written by `pictureperfect calibrate`.

    `base_bytes` is the worker's child with its libraries; `base_seconds` is what each image takes whatever it is.
    """

    machine: str
    measured_on: str
    measured_at: str
    base_bytes: int
    base_seconds: float
    kinds: dict[str, Cost]
    densities: Densities = Densities()
    margins: Margins = Margins()

    def of(self, stage: Stage) -> tuple[Cost, bool]:
        """The cost of a stage, and whether that very kind was measured; what nobody knows costs as the dearest."""
        for kind in stage.kinds:
            if kind in self.kinds:
                return self.kinds[kind], True
        return _UNKNOWN, False


#: Of what was never measured, such as a company's own function before `calibrate`: half a second a megapixel of three
#: samples, and five times its pixels in floating point.
_UNKNOWN = Cost(
    seconds=(0.1, 0.17, 0.0, 0.0), bytes=(16.0 * _MB, 20.0, 1.0, 0.0), seconds_spread=10.0, bytes_spread=1.0
)


def estimate(header: ImageHeader, pipeline: Pipeline, costs: Costs) -> Estimate:
    """What `pipeline` will take of CPU and memory for an image with this header."""
    seconds = upper = costs.base_seconds
    parallel, peak, peak_upper = 0.0, 0.0, 0.0
    unknown: list[str] = []
    for stage in stages(header, pipeline, costs.densities):
        cost, known = costs.of(stage)
        if not known:
            unknown.append(stage.kinds[-1])
        took = stage.times * _sum(cost.seconds, stage.work)
        seconds += took
        parallel += took * cost.parallel
        upper += took * cost.seconds_spread
        extra = _sum(cost.bytes, stage.room)
        peak = max(peak, stage.live_bytes + extra)
        peak_upper = max(peak_upper, stage.live_bytes + extra * cost.bytes_spread)
    return Estimate(
        cpu_seconds=seconds,
        cpu_seconds_upper=max(seconds, upper * costs.margins.seconds),
        parallel=min(1.0, parallel / seconds) if seconds else 0.0,
        peak_bytes=round(costs.base_bytes + peak),
        peak_bytes_upper=round((costs.base_bytes + peak_upper) * costs.margins.bytes) + costs.margins.kept_bytes,
        basis=_basis(costs, unknown),
    )


def _sum(coefficients: Coefficients, features: Coefficients) -> float:
    return sum(coefficient * feature for coefficient, feature in zip(coefficients, features, strict=True))


def _basis(costs: Costs, unknown: list[str]) -> str:
    found = f"measured on {costs.machine}, {costs.measured_at}"
    return f"{found}; never measured: {', '.join(dict.fromkeys(unknown))}" if unknown else found


def decode(content: bytes, name: str) -> Costs:
    """A table out of its file. Raises ValueError that names file and field."""
    try:
        return msgspec.json.decode(content, type=Costs)
    except msgspec.DecodeError as error:
        raise ValueError(f"{name} is no table of costs: {error}") from error

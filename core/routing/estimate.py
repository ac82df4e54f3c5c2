"""Header + pipeline + measured costs → estimate of CPU seconds and memory. Pure; does not load OpenCV."""

from typing import Annotated

import msgspec
from msgspec import Meta

from core.domain.model import Estimate, ImageHeader, Value
from core.pipelines.definition import Pipeline
from core.routing.stages import Densities, Stage, stages

_MB = 2**20
Coefficients = tuple[float, float, float, float]


class Cost(Value, frozen=True, kw_only=True):
    """The measured cost of one kind of stage.

    `seconds` of CPU: constant, per million samples in, per million samples out, per million bytes of file.
    `bytes` on top of `Stage.live_bytes`: constant, per byte of band, per byte of result, per byte of file.
    `parallel` is the share of the CPU time that threads divide among them. Each spread is the factor by which the
    costliest measured picture exceeded these coefficients.
    """

    seconds: Coefficients
    bytes: Coefficients
    parallel: Annotated[float, Meta(ge=0, le=1)] = 0.0
    seconds_spread: Annotated[float, Meta(ge=1)] = 1.0
    bytes_spread: Annotated[float, Meta(ge=1)] = 1.0


class Margins(Value, frozen=True, kw_only=True):
    """Factors of the upper estimates on top of the spreads, from whole pipelines (benchmarks/estimates.py)."""

    seconds: Annotated[float, Meta(ge=1)] = 1.25
    bytes: Annotated[float, Meta(ge=1)] = 1.1
    #: Bytes that malloc keeps from earlier images in a warm child: MALLOC_TRIM_THRESHOLD_ of core.worker.supervisor.
    kept_bytes: Annotated[int, Meta(ge=0)] = 64 * _MB


class Costs(Value, frozen=True, kw_only=True):
    """A cost table, with the machine and date of its measurement. `pictureperfect calibrate` writes it.

    `base_bytes` is the memory of the worker's child with its libraries, `base_seconds` the CPU time of any image.
    `kinds` maps the names in `Stage.kinds` to their costs.
    """

    machine: str
    measured_on: str
    measured_at: str
    base_bytes: int
    base_seconds: float
    kinds: dict[str, Cost]
    densities: Densities = Densities()
    margins: Margins = Margins()

    def cost_of(self, stage: Stage) -> Cost | None:
        """The cost of the first of `stage.kinds` that was measured; None if none was."""
        return next((self.kinds[kind] for kind in stage.kinds if kind in self.kinds), None)


#: For stages never measured, such as a company's own function before `calibrate`: half a second per megapixel of three
#: samples, and five times its pixels in floating point.
_UNMEASURED = Cost(
    seconds=(0.1, 0.17, 0.0, 0.0), bytes=(16.0 * _MB, 20.0, 1.0, 0.0), seconds_spread=10.0, bytes_spread=1.0
)


def estimate(header: ImageHeader, pipeline: Pipeline, costs: Costs) -> Estimate:
    """CPU seconds and memory that `pipeline` needs for an image with this header."""
    seconds = upper = costs.base_seconds
    parallel, peak, peak_upper = 0.0, 0.0, 0.0
    unmeasured: list[str] = []
    for stage in stages(header, pipeline, costs.densities):
        cost = costs.cost_of(stage)
        if cost is None:
            cost = _UNMEASURED
            unmeasured.append(stage.kinds[-1])
        stage_seconds = stage.times * _dot(cost.seconds, stage.cpu_features)
        seconds += stage_seconds
        parallel += stage_seconds * cost.parallel
        upper += stage_seconds * cost.seconds_spread
        extra = _dot(cost.bytes, stage.memory_features)
        peak = max(peak, stage.live_bytes + extra)
        peak_upper = max(peak_upper, stage.live_bytes + extra * cost.bytes_spread)
    return Estimate(
        cpu_seconds=seconds,
        cpu_seconds_upper=max(seconds, upper * costs.margins.seconds),
        parallel=min(1.0, parallel / seconds) if seconds else 0.0,
        peak_bytes=round(costs.base_bytes + peak),
        peak_bytes_upper=round((costs.base_bytes + peak_upper) * costs.margins.bytes) + costs.margins.kept_bytes,
        basis=_basis(costs, unmeasured),
    )


def _dot(coefficients: Coefficients, features: Coefficients) -> float:
    return sum(coefficient * feature for coefficient, feature in zip(coefficients, features, strict=True))


def _basis(costs: Costs, unmeasured: list[str]) -> str:
    basis = f"measured on {costs.machine}, {costs.measured_at}"
    return f"{basis}; never measured: {', '.join(dict.fromkeys(unmeasured))}" if unmeasured else basis


def decode(content: bytes, name: str) -> Costs:
    """The cost table in `content`, the JSON of the file `name`. Raises ValueError that names file and field."""
    try:
        return msgspec.json.decode(content, type=Costs)
    except msgspec.DecodeError as error:
        raise ValueError(f"{name} is no cost table: {error}") from error

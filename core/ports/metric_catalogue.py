"""Every metric that leaves for CloudWatch, declared here and nowhere else: name, unit, dimension sets, meaning.

`core.adapters.emf` writes what is declared, docs/reference/metrics.md has its table, Grafana's panels and the stack's alarms are
held to it. Pure, and free of every client: `infra` may import it.

Each combination of values of a set is billed as a metric of its own. So every dimension has a closed list of values,
and whose an image is, is none of them: per customer, PostgreSQL answers.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import isfinite, prod

from core.domain.errors import Code
from core.domain.model import Door, Result, Route, Status, Value
from core.imaging.formats.readers import READERS
from core.routing.batch_tiers import TIERS
from core.routing.prices import Prices

#: What a value becomes that is not in its dimension's list. Where that can happen, it is in the list.
OTHER = "other"


class Unit(StrEnum):
    """CloudWatch's units, as far as they are needed; `None` is a ratio.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """

    COUNT = "Count"
    BYTES = "Bytes"
    SECONDS = "Seconds"
    RATIO = "None"


class Dimension(Value, frozen=True):
    """A name and the closed list of its values."""

    name: str
    values: tuple[str, ...]
    meaning: str

    def spelled(self, value: str) -> str:
        """The value, if it is in the list."""
        return value if value in self.values else OTHER


class Metric(Value, frozen=True):
    """One metric. A set without dimensions is the sum over everything."""

    name: str
    unit: Unit
    sets: tuple[tuple[Dimension, ...], ...]
    meaning: str

    @property
    def dimension_sets(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(dimension.name for dimension in one) for one in self.sets)

    @property
    def most(self) -> int:
        """As how many metrics CloudWatch can ever bill it: one for each combination of each set."""
        return sum(prod(len(dimension.values) for dimension in one) for one in self.sets)


class Cause(StrEnum):
    """Why an image was handed over to where there is more room."""

    ESTIMATE = "estimate"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    WORKER_UNAVAILABLE = "worker_unavailable"

    @staticmethod
    def of(code: Code | None) -> "Cause":
        """The cause that the code of a failed try is; without one, nothing was tried."""
        return Cause(code.value) if code else Cause.ESTIMATE


class Taken(StrEnum):
    """What the reconciler did with a source that had waited for too long."""

    HANDED_OVER = "handed_over"
    ABANDONED = "abandoned"
    FAILED = "failed"


_ENDS = (
    Code.EMPTY_FILE, Code.UNSUPPORTED_FORMAT, Code.CORRUPT_IMAGE, Code.TOO_MANY_BYTES, Code.TOO_MANY_PIXELS,
    Code.RESULT_TOO_LARGE, Code.TOO_MUCH_MEMORY, Code.TOO_MUCH_TIME, Code.UNKNOWN_PIPELINE, Code.SOURCE_MISSING,
    Code.SOURCE_REPLACED, Code.SOURCE_UNREADABLE, Code.OPERATION_FAILED, Code.OUT_OF_MEMORY, Code.TIMED_OUT,
    Code.WORKER_CRASHED, Code.CANCELLED, Code.NOT_STARTED, Code.ABANDONED,
)  # fmt: skip
_REFUSALS = (Code.INVALID_EVENT, Code.INVALID_REQUEST, Code.REFERENCE_REFUSED, Code.IDENTITY_CONFLICT)

SOURCE = Dimension("source", tuple(Door), "the door that it came in by")
UNHEARD = Dimension("source", (Door.KAFKA, Door.UPLOAD), "a door behind which nobody hears an answer")
#: Not `Route.LOCAL`: what is worked on without a cloud is not committed, and not counted.
ROUTE = Dimension("route", (Route.LAMBDA, Route.BATCH), "where it was worked on")
FORMAT = Dimension("format", (*READERS, OTHER), "of the source; `other` where no header could be read")
STATUS = Dimension("status", tuple(Status), "how it ended")
ENDED = Dimension("code", (*_ENDS, OTHER), "why it ended failed, as in codes.md")
REFUSED = Dimension("code", _REFUSALS, "why it was refused, as in codes.md")
CAUSE = Dimension("cause", tuple(Cause), "`estimate`: it was not tried; otherwise, what became of the try")
TIER = Dimension("tier", tuple(tier.name for tier in TIERS), "the size of the Batch job: vCPUs x GB")
OUTCOME = Dimension("outcome", tuple(Taken), "what became of it")

METRICS = (
    Metric(
        "Images",
        Unit.COUNT,
        ((SOURCE, ROUTE), (FORMAT,), (STATUS,)),
        "Images that ended. One for each, however often it was delivered.",
    ),
    Metric("Failed", Unit.COUNT, ((ENDED,),), "Images that ended failed, by why."),
    Metric("Renditions", Unit.COUNT, ((),), "Files made of them."),
    Metric("BytesIn", Unit.BYTES, ((SOURCE,),), "Size of the source, of each image."),
    Metric("BytesOut", Unit.BYTES, ((),), "Size of all its renditions, of each image."),
    Metric("Duration", Unit.SECONDS, ((SOURCE, ROUTE),), "Wall clock in the worker, of each image."),
    Metric("Latency", Unit.SECONDS, ((ROUTE,),), "From its arrival to its commit: what the sender waits."),
    Metric("CpuTime", Unit.SECONDS, ((ROUTE,),), "CPU time of the worker, all threads: what the money goes for."),
    Metric("PeakMemory", Unit.BYTES, ((ROUTE,),), "The worker's resident memory at its peak."),
    Metric(
        "CpuTimeRatio",
        Unit.RATIO,
        ((ROUTE,),),
        "CPU time by its upper estimate, which decides the route. Above 1 it took more than was thought possible.",
    ),
    Metric(
        "PeakMemoryRatio",
        Unit.RATIO,
        ((ROUTE,),),
        "Peak memory by its upper estimate. Above 1 it took more than was thought possible.",
    ),
    Metric(
        "HandedOver",
        Unit.COUNT,
        ((ROUTE, CAUSE),),
        "Images sent on to a larger place: from where, and why. Causes but `estimate` are tries for nothing.",
    ),
    Metric("Submitted", Unit.COUNT, ((TIER,),), "Images submitted to Batch, once for each submission of one."),
    Metric("BatchJobs", Unit.COUNT, ((TIER,),), "Jobs and children of arrays submitted to Batch, by their size."),
    Metric(
        "Refused",
        Unit.COUNT,
        ((UNHEARD, REFUSED),),
        "Records, and objects under `incoming/`, that became no image. `refused/` has a document of each.",
    ),
    Metric(
        "Blocked",
        Unit.COUNT,
        ((),),
        "Messages held back, each time they come, since the deployment is bad: nothing moves until someone mends it.",
    ),
    Metric(
        "Reconciled",
        Unit.COUNT,
        ((), (OUTCOME,)),
        "Sources that nobody spoke for. Without a dimension it is sent each round, 0 too: no data means that the "
        "reconciler does not run. By what became of them it is sent where it is not 0.",
    ),
)  # fmt: skip
DECLARED = {metric.name: metric for metric in METRICS}
#: The most that CloudWatch can ever bill.
MOST = sum(metric.most for metric in METRICS)


def of_result(result: Result) -> dict[str, float]:
    """What is measured of an image that ended; CloudWatch takes no line with what is no number, nor the rest of it."""
    usage, estimate = result.usage, result.estimate
    found = {
        "Images": 1,
        "Renditions": len(result.renditions),
        "BytesIn": result.source.bytes or 0,
        "BytesOut": sum(rendition.bytes for rendition in result.renditions),
        "Duration": usage.seconds,
        "Latency": max(0.0, (result.committed_at - result.received_at).total_seconds()),
        "CpuTime": usage.cpu_seconds,
        "PeakMemory": usage.peak_bytes,
    }
    if result.status is Status.FAILED:  # what it took until then says nothing of the estimate
        found["Failed"] = 1
    elif estimate and estimate.cpu_seconds_upper > 0 and estimate.peak_bytes_upper > 0:
        found["CpuTimeRatio"] = usage.cpu_seconds / estimate.cpu_seconds_upper
        found["PeakMemoryRatio"] = usage.peak_bytes / estimate.peak_bytes_upper
    return {name: value for name, value in found.items() if isfinite(value)}


def month_usd(prices: Prices, metrics: float = MOST) -> float:
    """What so many metrics cost in a month, each of them sent in every hour of it."""
    return metrics * prices.cloudwatch.metric_month


def properties(values: Mapping[str, float], said: Mapping[str, str]) -> dict[str, str]:
    """`said`, with each dimension of the metrics in `values` as its list spells it."""
    found = dict(said)
    for name in values:
        for dimensions in DECLARED[name].sets:
            found |= {dimension.name: dimension.spelled(said[dimension.name]) for dimension in dimensions}
    return found

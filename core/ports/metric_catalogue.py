"""Every metric that this program sends to CloudWatch: name, unit, dimension sets and meaning. Pure, without clients.

`core.adapters.emf` writes these metrics only. docs/reference/metrics.md, Grafana's panels and the stack's alarms are
tested against them; `infra` imports this module.

CloudWatch bills each combination of the values of a dimension set as a metric. So each dimension has a closed list of
values, and the customer is no dimension: figures per customer come from PostgreSQL.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import isfinite, prod

from core.domain.errors import Code
from core.domain.model import Door, Result, Route, Status, Value
from core.imaging.formats.readers import READERS
from core.routing.batch_tiers import TIERS
from core.routing.prices import Prices

#: Replaces a value that is not in its dimension's list. A list includes it if that can happen.
OTHER = "other"


class Unit(StrEnum):
    """The units of CloudWatch that are used; `None` is the unit of a ratio.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """

    COUNT = "Count"
    BYTES = "Bytes"
    SECONDS = "Seconds"
    RATIO = "None"


class Dimension(Value, frozen=True):
    """A dimension, with the closed list of its values."""

    name: str
    values: tuple[str, ...]
    meaning: str

    def listed(self, value: str) -> str:
        """The value if it is in the list, else OTHER."""
        return value if value in self.values else OTHER


class Metric(Value, frozen=True):
    """One metric. A dimension set without dimensions is the total."""

    name: str
    unit: Unit
    sets: tuple[tuple[Dimension, ...], ...]
    meaning: str

    @property
    def dimension_sets(self) -> tuple[tuple[str, ...], ...]:
        """The names of the dimensions of each set."""
        return tuple(tuple(dimension.name for dimension in dimensions) for dimensions in self.sets)

    @property
    def max_billed(self) -> int:
        """The most metrics that CloudWatch can bill for it: one for each combination of each set."""
        return sum(prod(len(dimension.values) for dimension in dimensions) for dimensions in self.sets)


class Cause(StrEnum):
    """The cause of a hand-over to a larger place."""

    ESTIMATE = "estimate"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    WORKER_UNAVAILABLE = "worker_unavailable"

    @staticmethod
    def of(code: Code | None) -> "Cause":
        """The cause by the code of the failed try; None: the estimate forbade a try."""
        return Cause(code.value) if code else Cause.ESTIMATE


class ReconcilerOutcome(StrEnum):
    """The outcome for a source that the reconciler found after it had waited too long."""

    HANDED_OVER = "handed_over"
    ABANDONED = "abandoned"
    FAILED = "failed"


_END_CODES = (
    Code.EMPTY_FILE, Code.UNSUPPORTED_FORMAT, Code.CORRUPT_IMAGE, Code.TOO_MANY_BYTES, Code.TOO_MANY_PIXELS,
    Code.RESULT_TOO_LARGE, Code.TOO_MUCH_MEMORY, Code.TOO_MUCH_TIME, Code.UNKNOWN_PIPELINE, Code.SOURCE_MISSING,
    Code.SOURCE_REPLACED, Code.SOURCE_UNREADABLE, Code.OPERATION_FAILED, Code.OUT_OF_MEMORY, Code.TIMED_OUT,
    Code.WORKER_CRASHED, Code.CANCELLED, Code.NOT_STARTED, Code.ABANDONED,
)  # fmt: skip
_REFUSAL_CODES = (Code.INVALID_EVENT, Code.INVALID_REQUEST, Code.REFERENCE_REFUSED, Code.IDENTITY_CONFLICT)

SOURCE = Dimension("source", tuple(Door), "the door by which the image arrived")
UNANSWERED_SOURCE = Dimension("source", (Door.KAFKA, Door.UPLOAD), "a door that returns no answer to its senders")
#: Without `Route.LOCAL`: images processed on the command line are not committed, and not counted.
ROUTE = Dimension("route", (Route.LAMBDA, Route.BATCH), "the route that processed the image")
FORMAT = Dimension("format", (*READERS, OTHER), "format of the source; `other` if its header is unreadable")
STATUS = Dimension("status", tuple(Status), "the result's status")
ENDED = Dimension("code", (*_END_CODES, OTHER), "the result's code, as in codes.md")
REFUSED = Dimension("code", _REFUSAL_CODES, "the refusal's code, as in codes.md")
CAUSE = Dimension("cause", tuple(Cause), "`estimate`: the image was not tried; else the failure of the try")
TIER = Dimension("tier", tuple(tier.name for tier in TIERS), "the Batch tier: vCPUs x GB")
OUTCOME = Dimension("outcome", tuple(ReconcilerOutcome), "the reconciler's outcome for the source")

METRICS = (
    Metric(
        "Images",
        Unit.COUNT,
        ((SOURCE, ROUTE), (FORMAT,), (STATUS,)),
        "Images with a result. Each counts once, however often it was delivered.",
    ),
    Metric("Failed", Unit.COUNT, ((ENDED,),), "Images that ended failed, by code."),
    Metric("Renditions", Unit.COUNT, ((),), "Files made from images."),
    Metric("BytesIn", Unit.BYTES, ((SOURCE,),), "Size of each image's source."),
    Metric("BytesOut", Unit.BYTES, ((),), "Size of all renditions of each image."),
    Metric("Duration", Unit.SECONDS, ((SOURCE, ROUTE),), "Wall time in the worker, of each image."),
    Metric("Latency", Unit.SECONDS, ((ROUTE,),), "Time from arrival to commit, of each image."),
    Metric("CpuTime", Unit.SECONDS, ((ROUTE,),), "CPU time of the worker, all threads, of each image."),
    Metric("PeakMemory", Unit.BYTES, ((ROUTE,),), "Peak resident memory of the worker, of each image."),
    Metric(
        "CpuTimeRatio",
        Unit.RATIO,
        ((ROUTE,),),
        "CPU time divided by its upper estimate, which chooses the route. Above 1 the estimate was too low.",
    ),
    Metric(
        "PeakMemoryRatio",
        Unit.RATIO,
        ((ROUTE,),),
        "Peak memory divided by its upper estimate. Above 1 the estimate was too low.",
    ),
    Metric(
        "HandedOver",
        Unit.COUNT,
        ((ROUTE, CAUSE),),
        "Images handed over to a larger place, by route and cause. Every cause but `estimate` is a failed try.",
    ),
    Metric("Submitted", Unit.COUNT, ((TIER,),), "Images submitted to Batch, counted at each submission."),
    Metric("BatchJobs", Unit.COUNT, ((TIER,),), "Jobs and children of array jobs submitted to Batch, by tier."),
    Metric(
        "Refused",
        Unit.COUNT,
        ((UNANSWERED_SOURCE, REFUSED),),
        "Kafka records, and objects under `incoming/`, that were refused. Each has a document under `refused/`.",
    ),
    Metric(
        "Blocked",
        Unit.COUNT,
        ((),),
        "Messages held back because the deployment is wrong, counted at each delivery. An operator must fix it.",
    ),
    Metric(
        "Reconciled",
        Unit.COUNT,
        ((), (OUTCOME,)),
        "Sources without a result that waited too long. The total is sent in each round, also 0, so missing data means "
        "that the reconciler does not run. The outcomes are sent if they are not 0.",
    ),
)  # fmt: skip
METRICS_BY_NAME = {metric.name: metric for metric in METRICS}
#: The most metrics that CloudWatch can bill for all of them.
MAX_BILLED = sum(metric.max_billed for metric in METRICS)


def values_of_result(result: Result) -> dict[str, float]:
    """The values of a result, by metric. Finite values only: one NaN makes CloudWatch drop the line."""
    usage, estimate = result.usage, result.estimate
    values = {
        "Images": 1,
        "Renditions": len(result.renditions),
        "BytesIn": result.source.bytes or 0,
        "BytesOut": sum(rendition.bytes for rendition in result.renditions),
        "Duration": usage.seconds,
        "Latency": max(0.0, (result.committed_at - result.received_at).total_seconds()),
        "CpuTime": usage.cpu_seconds,
        "PeakMemory": usage.peak_bytes,
    }
    if result.status is Status.FAILED:  # no ratios: the usage until a failure says nothing about the estimate
        values["Failed"] = 1
    elif estimate and estimate.cpu_seconds_upper > 0 and estimate.peak_bytes_upper > 0:
        values["CpuTimeRatio"] = usage.cpu_seconds / estimate.cpu_seconds_upper
        values["PeakMemoryRatio"] = usage.peak_bytes / estimate.peak_bytes_upper
    return {name: value for name, value in values.items() if isfinite(value)}


def month_usd(prices: Prices, metrics: float = MAX_BILLED) -> float:
    """CloudWatch's price of so many metrics for a month, each sent in every hour, in US dollars."""
    return metrics * prices.cloudwatch.metric_month


def listed_properties(metrics: Mapping[str, float], properties: Mapping[str, str]) -> dict[str, str]:
    """`properties` of a line, with the dimensions of its `metrics` limited to their lists."""
    listed = dict(properties)
    for name in metrics:
        for dimensions in METRICS_BY_NAME[name].sets:
            listed |= {dimension.name: dimension.listed(properties[dimension.name]) for dimension in dimensions}
    return listed

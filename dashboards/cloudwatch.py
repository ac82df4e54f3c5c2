"""CloudWatch queries, of declared metrics only: ours by core.ports.metric_catalogue, AWS's by the list below."""

from collections.abc import Mapping
from typing import NamedTuple

from grafana_foundation_sdk.builders import cloudwatch as builders
from grafana_foundation_sdk.models.cloudwatch import CloudWatchQueryMode, MetricEditorMode, MetricQueryType

from core.ports.metric_catalogue import METRICS_BY_NAME, Unit

#: A variable of the dashboard: METRICS_NAMESPACE can be set.
NAMESPACE = "${namespace}"
ANY = "*"
_MILLISECONDS = "Milliseconds"
#: The functions that are drawn, as the stack names them.
FUNCTIONS = ("process", "dispatch", "record", "admin", "web")


class Listed(NamedTuple):
    """A metric that AWS sends by itself."""

    dimensions: tuple[str, ...]
    unit: str


#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
LISTED = {
    ("AWS/Lambda", "Invocations"): Listed(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "Errors"): Listed(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "Throttles"): Listed(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "Duration"): Listed(("FunctionName",), _MILLISECONDS),
    ("AWS/Lambda", "ConcurrentExecutions"): Listed(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "AsyncEventAge"): Listed(("FunctionName",), _MILLISECONDS),
    ("AWS/Lambda", "DestinationDeliveryFailures"): Listed(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "OffsetLag"): Listed(("FunctionName",), Unit.COUNT),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): Listed(("QueueName",), Unit.SECONDS),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): Listed(("QueueName",), Unit.COUNT),
    ("AWS/Events", "MatchedEvents"): Listed(("RuleName",), Unit.COUNT),
}
#: How Grafana shows a unit.
SHOWN = {
    Unit.COUNT: "short",
    Unit.BYTES: "decbytes",
    Unit.SECONDS: "s",
    _MILLISECONDS: "ms",
    Unit.RATIO: "percentunit",
}


class UnknownMetricError(ValueError):
    """A panel asks for what nobody sends."""


def ours(
    name: str, statistic: str, by: Mapping[str, str] | None = None, *, label: str = "", period: str = ""
) -> builders.CloudWatchMetricsQuery:
    """A metric of core.ports.metric_catalogue, `by` values of one dimension set; `ANY` draws a line for each value.

    Raises UnknownMetricError for a name, a set or a value that is not declared.
    """
    said = dict(by or {})
    metric = METRICS_BY_NAME.get(name)
    if metric is None:
        raise UnknownMetricError(f"{name} is not declared in core.ports.metric_catalogue")
    found = next((one for one in metric.sets if {each.name for each in one} == set(said)), None)
    if found is None:
        raise UnknownMetricError(f"{name} has no dimensions {', '.join(said) or '(none)'}")
    for dimension in found:
        if said[dimension.name] not in (ANY, *dimension.values):
            raise UnknownMetricError(f"{name}: {dimension.name} is never {said[dimension.name]!r}")
    return _query(NAMESPACE, name, statistic, said, label, period)


def aws(
    namespace: str, name: str, statistic: str, by: Mapping[str, str], *, label: str = "", period: str = ""
) -> builders.CloudWatchMetricsQuery:
    """A metric that AWS sends. Raises UnknownMetricError where it is not listed with those dimensions."""
    listed = LISTED.get((namespace, name))
    if listed is None or set(listed.dimensions) != set(by):
        raise UnknownMetricError(f"{namespace} {name} by {', '.join(by)} is not in the list")
    return _query(namespace, name, statistic, by, label, period)


def _query(
    namespace: str, name: str, statistic: str, by: Mapping[str, str], label: str, period: str
) -> builders.CloudWatchMetricsQuery:
    every = [each for each, value in by.items() if value == ANY]
    query = (
        builders.CloudWatchMetricsQuery()
        .query_mode(CloudWatchQueryMode.METRICS)
        .metric_query_type(MetricQueryType.SEARCH)
        .metric_editor_mode(MetricEditorMode.BUILDER)
        .region("$region")
        .namespace(namespace)
        .metric_name(name)
        .dimensions(dict(by))
        .match_exact(True)
        .statistic(statistic)
        .period(period)
        .expression("")
        .id("")
    )
    shown = label or " ".join(f"${{PROP('Dim.{each}')}}" for each in every)
    return query.label(shown) if shown else query


def each_function(metric: str, statistic: str) -> list[builders.CloudWatchMetricsQuery]:
    """A metric of Lambda, a line for each function."""
    return [
        aws("AWS/Lambda", metric, statistic, {"FunctionName": f"${{stack}}-{function}"}, label=function)
        for function in FUNCTIONS
    ]

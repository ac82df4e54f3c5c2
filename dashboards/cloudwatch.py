"""CloudWatch queries of the metrics that exist: those of core.ports.metric_catalogue, and those of AWS_METRICS."""

from collections.abc import Mapping
from typing import NamedTuple

from grafana_foundation_sdk.builders import cloudwatch as builders
from grafana_foundation_sdk.models.cloudwatch import CloudWatchQueryMode, MetricEditorMode, MetricQueryType

from core.ports.metric_catalogue import METRICS_BY_NAME, Unit

#: The dashboard's variable for METRICS_NAMESPACE.
NAMESPACE = "${namespace}"
#: The value of a dimension that stands for all its values.
ANY = "*"
_MILLISECONDS = "Milliseconds"
#: Entries of the functions; the stack's name and a dash precede them.
FUNCTIONS = ("process", "dispatch", "record", "admin", "web")


class AwsMetric(NamedTuple):
    """The dimensions and the unit of a metric that an AWS service sends."""

    dimensions: tuple[str, ...]
    unit: str


#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
AWS_METRICS = {
    ("AWS/Lambda", "Invocations"): AwsMetric(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "Errors"): AwsMetric(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "Throttles"): AwsMetric(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "Duration"): AwsMetric(("FunctionName",), _MILLISECONDS),
    ("AWS/Lambda", "ConcurrentExecutions"): AwsMetric(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "AsyncEventAge"): AwsMetric(("FunctionName",), _MILLISECONDS),
    ("AWS/Lambda", "DestinationDeliveryFailures"): AwsMetric(("FunctionName",), Unit.COUNT),
    ("AWS/Lambda", "OffsetLag"): AwsMetric(("FunctionName",), Unit.COUNT),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): AwsMetric(("QueueName",), Unit.SECONDS),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): AwsMetric(("QueueName",), Unit.COUNT),
    ("AWS/Events", "MatchedEvents"): AwsMetric(("RuleName",), Unit.COUNT),
}
#: Grafana's unit for a unit of CloudWatch.
GRAFANA_UNITS = {
    Unit.COUNT: "short",
    Unit.BYTES: "decbytes",
    Unit.SECONDS: "s",
    _MILLISECONDS: "ms",
    Unit.RATIO: "percentunit",
}


class UnknownMetricError(ValueError):
    """A panel queries a metric that is not sent."""


def product_metric(
    name: str, statistic: str, by: Mapping[str, str] | None = None, *, label: str = "", period: str = ""
) -> builders.CloudWatchMetricsQuery:
    """A metric of core.ports.metric_catalogue. `by` gives each dimension of one set a value, or ANY: a line each.

    `period` is in seconds; empty is Grafana's choice. Raises UnknownMetricError if the query is not declared.
    """
    dimensions = dict(by or {})
    metric = METRICS_BY_NAME.get(name)
    if metric is None:
        raise UnknownMetricError(f"{name} is not declared in core.ports.metric_catalogue")
    declared = next((group for group in metric.sets if {each.name for each in group} == set(dimensions)), None)
    if declared is None:
        raise UnknownMetricError(f"{name} is not declared with the dimensions {', '.join(dimensions) or '(none)'}")
    for dimension in declared:
        if dimensions[dimension.name] not in (ANY, *dimension.values):
            raise UnknownMetricError(f"{name}: {dimension.name} is never {dimensions[dimension.name]!r}")
    return _query(NAMESPACE, name, statistic, dimensions, label, period)


def aws_metric(
    namespace: str, name: str, statistic: str, by: Mapping[str, str], *, label: str = "", period: str = ""
) -> builders.CloudWatchMetricsQuery:
    """A metric of AWS_METRICS. Raises UnknownMetricError if it is not listed with these dimensions."""
    listed = AWS_METRICS.get((namespace, name))
    if listed is None or set(listed.dimensions) != set(by):
        raise UnknownMetricError(f"{namespace} {name} by {', '.join(by)} is not in AWS_METRICS")
    return _query(namespace, name, statistic, by, label, period)


def _query(
    namespace: str, name: str, statistic: str, by: Mapping[str, str], label: str, period: str
) -> builders.CloudWatchMetricsQuery:
    varying = [name for name, value in by.items() if value == ANY]
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
    shown = label or " ".join(f"${{PROP('Dim.{name}')}}" for name in varying)
    return query.label(shown) if shown else query


def each_function(metric: str, statistic: str) -> list[builders.CloudWatchMetricsQuery]:
    """A metric of AWS/Lambda: one query for each function."""
    return [
        aws_metric("AWS/Lambda", metric, statistic, {"FunctionName": f"${{stack}}-{function}"}, label=function)
        for function in FUNCTIONS
    ]

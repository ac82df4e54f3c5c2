"""Sums of CloudWatch's metrics, for `demo` and the tests."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

#: Sums by dimension values (`status=processed`), then by metric.
Sums = dict[str, dict[str, float]]


def sums(cloudwatch: "CloudWatchClient", namespace: str) -> Sums:
    """The sums of the last hour for each combination of dimensions in `namespace`."""
    now = datetime.now(UTC)
    sums_by_dimensions: Sums = defaultdict(dict)
    for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace):
        for metric in page["Metrics"]:
            name = ", ".join(f"{item['Name']}={item['Value']}" for item in metric["Dimensions"])
            points = cloudwatch.get_metric_statistics(
                Namespace=namespace,
                MetricName=metric["MetricName"],
                Dimensions=[{"Name": item["Name"], "Value": item["Value"]} for item in metric["Dimensions"]],
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(minutes=1),
                Period=7200,
                Statistics=["Sum"],
            )["Datapoints"]
            sums_by_dimensions[name][metric["MetricName"]] = sum(point["Sum"] for point in points)
    return dict(sorted(sums_by_dimensions.items()))

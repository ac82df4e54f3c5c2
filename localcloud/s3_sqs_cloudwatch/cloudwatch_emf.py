"""CloudWatch Logs' extraction of metrics: log lines in embedded metric format (EMF) become metrics."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_log = logging.getLogger(__name__)


def put(cloudwatch: "CloudWatchClient", line: str) -> None:
    """Put the metrics of a log line, if it has any. A malformed EMF line is logged."""
    if '"_aws"' not in line:
        return
    try:
        document = json.loads(line)
        for namespace, data in metrics(document):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    except Exception:  # noqa: BLE001 - logged with its trace
        _log.exception("Malformed EMF line: %.200s", line)


def metrics(document: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """The namespaces and MetricData for PutMetricData in an EMF document."""
    envelope = document["_aws"]
    time = datetime.fromtimestamp(envelope["Timestamp"] / 1000, UTC)
    for directive in envelope["CloudWatchMetrics"]:
        data = [
            {
                "MetricName": metric["Name"],
                "Dimensions": [{"Name": name, "Value": str(document[name])} for name in dimensions],
                "Timestamp": time,
                "Value": float(value),
                "Unit": metric.get("Unit", "None"),
            }
            for dimensions in directive.get("Dimensions") or [[]]
            for metric in directive["Metrics"]
            for value in _values(document[metric["Name"]])
        ]
        yield directive["Namespace"], data


def _values(value: Any) -> list[float]:  # noqa: ANN401 - a number or a list of them
    return value if isinstance(value, list) else [value]

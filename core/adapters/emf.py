"""CloudWatch metrics as embedded-metric-format lines: no API call, no latency; the log is the transport.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TextIO

import msgspec

from core.errors import Code
from core.model import Door, Result

Sets = tuple[tuple[str, ...], ...]

#: Each combination of values of a set is billed as a metric of its own, so the sets are few and bounded:
#: the customer is a property of the line, never a dimension.
DIMENSION_SETS = (("source", "route"), ("format",), ("status",))
REFUSAL_SETS = (("source", "code"),)  # both from closed lists
BLOCKED_SETS: Sets = ((),)
#: Name and CloudWatch unit of each metric.
METRICS = {
    "Images": "Count",
    "Renditions": "Count",
    "BytesIn": "Bytes",
    "BytesOut": "Bytes",
    "Duration": "Seconds",
    "CpuTime": "Seconds",
    "PeakMemory": "Bytes",
}


class EmfMetrics:
    """Writes one line for each image that ended, each record that was refused, and each batch that is blocked."""

    def __init__(self, stream: TextIO, namespace: str) -> None:
        self._stream = stream
        self._namespace = namespace

    def emit(self, result: Result) -> None:
        line = {
            "source": result.door,
            "route": result.route,
            "format": result.header.format if result.header else "unknown",
            "status": result.status,
            "code": result.code,
            "customer": result.customer,
            "pipeline": result.pipeline,
            "image_id": result.image_id,
            "run": result.run,
            "Images": 1,
            "Renditions": len(result.renditions),
            "BytesIn": result.source.bytes or 0,
            "BytesOut": sum(rendition.bytes for rendition in result.renditions),
            "Duration": result.usage.seconds,
            "CpuTime": result.usage.cpu_seconds,
            "PeakMemory": result.usage.peak_bytes,
        }
        self._write(result.committed_at, DIMENSION_SETS, METRICS, line)

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        self._write(now, REFUSAL_SETS, {"Refused": "Count"}, {"source": door, "code": code, "Refused": 1})

    def block(self, messages: int, cause: str, now: datetime) -> None:
        self._write(now, BLOCKED_SETS, {"Blocked": "Count"}, {"cause": cause, "Blocked": messages})

    def _write(self, when: datetime, sets: Sets, metrics: Mapping[str, str], values: Mapping[str, object]) -> None:
        declaration = {
            "Namespace": self._namespace,
            "Dimensions": sets,
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in metrics.items()],
        }
        line = {"_aws": {"Timestamp": int(when.timestamp() * 1000), "CloudWatchMetrics": [declaration]}, **values}
        self._stream.write(msgspec.json.encode(line).decode() + "\n")  # one write: lines of threads never mix
        self._stream.flush()

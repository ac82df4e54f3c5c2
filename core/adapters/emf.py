"""CloudWatch metrics as lines in the embedded metric format (EMF): the log is the transport, so no API is called.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, TextIO

import msgspec

from core.domain.errors import Code
from core.domain.model import Door, Result, Route
from core.ports.metric_catalogue import (
    METRICS_BY_NAME,
    Cause,
    Metric,
    ReconcilerOutcome,
    listed_properties,
    values_of_result,
)


class EmfMetrics:
    """Writes one line for each event. core.ports.metric_catalogue declares the metrics, dimensions and properties."""

    def __init__(self, stream: TextIO, namespace: str) -> None:
        self._stream = stream
        self._namespace = namespace

    def emit(self, result: Result) -> None:
        dimensions = {
            "source": result.door,
            "route": result.route,
            "format": result.header.format if result.header else "",
            "status": result.status,
            **({"code": result.code} if result.code else {}),
        }
        log_fields = {
            "customer": result.customer,
            "pipeline": result.pipeline,
            "image_id": result.image_id,
            "run": result.run,
        }
        self._write(result.committed_at, values_of_result(result), dimensions, log_fields)

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        self._write(now, {"Refused": 1}, {"source": door, "code": code})

    def block(self, messages: int, cause: str, now: datetime) -> None:
        self._write(now, {"Blocked": messages}, {}, {"why": cause})

    def hand_over(self, route: Route, code: Code | None, now: datetime) -> None:
        self._write(now, {"HandedOver": 1}, {"route": route, "cause": Cause.of(code)})

    def submit(self, tier: str, images: int, jobs: int, now: datetime) -> None:
        self._write(now, {"Submitted": images, "BatchJobs": jobs}, {"tier": tier})

    def reconcile(self, handed_over: int, abandoned: int, failed: int, now: datetime) -> None:
        """One line for each outcome that occurred, since each is billed as a metric; else a zero, as a heartbeat."""
        sources = {
            ReconcilerOutcome.HANDED_OVER: handed_over,
            ReconcilerOutcome.ABANDONED: abandoned,
            ReconcilerOutcome.FAILED: failed,
        }
        occurred = {outcome: count for outcome, count in sources.items() if count}
        for outcome, count in occurred.items():
            self._write(now, {"Reconciled": count}, {"outcome": outcome})
        if not occurred:
            self._write(now, {"Reconciled": 0}, {}, total=True)

    def _write(
        self,
        time: datetime,
        values: Mapping[str, float],
        dimensions: Mapping[str, str],
        log_fields: Mapping[str, Any] | None = None,
        *,
        total: bool = False,
    ) -> None:
        """`values` by metric, `dimensions` by name; `log_fields` are for readers of the log and belong to no metric.

        `total`: the metrics have no dimension.
        """
        metrics = sorted((METRICS_BY_NAME[name] for name in values), key=_dimension_sets)
        directives = [
            {
                "Namespace": self._namespace,
                "Dimensions": [()] if total else sets,
                "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in same_sets],
            }
            for sets, same_sets in groupby(metrics, key=_dimension_sets)
        ]
        line = {
            "_aws": {"Timestamp": int(time.timestamp() * 1000), "CloudWatchMetrics": directives},
            **({} if total else listed_properties(values, dimensions)),
            **{
                name: _encodable(value) if isinstance(value, str) else value
                for name, value in (log_fields or {}).items()
            },
            **values,
        }
        self._stream.write(msgspec.json.encode(line).decode() + "\n")  # one write: lines of threads never mix
        self._stream.flush()


def _encodable(text: str) -> str:
    """The text with lone surrogates escaped: UTF-8 cannot encode them. JSON escapes line breaks by itself."""
    return text.encode(errors="backslashreplace").decode()


def _dimension_sets(metric: Metric) -> tuple[tuple[str, ...], ...]:
    return metric.dimension_sets

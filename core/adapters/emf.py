"""CloudWatch metrics as embedded-metric-format lines: no API call, no latency; the log is the transport.

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
    """Writes one line for each thing that happened. What a line may say is declared in core.ports.metric_catalogue."""

    def __init__(self, stream: TextIO, namespace: str) -> None:
        self._stream = stream
        self._namespace = namespace

    def emit(self, result: Result) -> None:
        said = {
            "source": result.door,
            "route": result.route,
            "format": result.header.format if result.header else "",
            "status": result.status,
            **({"code": result.code} if result.code else {}),
        }
        told = {
            "customer": result.customer,
            "pipeline": result.pipeline,
            "image_id": result.image_id,
            "run": result.run,
        }
        self._write(result.committed_at, values_of_result(result), said, told)

    def refuse(self, door: Door, code: Code, now: datetime) -> None:
        self._write(now, {"Refused": 1}, {"source": door, "code": code})

    def block(self, messages: int, cause: str, now: datetime) -> None:
        self._write(now, {"Blocked": messages}, {}, {"why": cause})

    def hand_over(self, route: Route, code: Code | None, now: datetime) -> None:
        self._write(now, {"HandedOver": 1}, {"route": route, "cause": Cause.of(code)})

    def submit(self, tier: str, images: int, jobs: int, now: datetime) -> None:
        self._write(now, {"Submitted": images, "BatchJobs": jobs}, {"tier": tier})

    def reconcile(self, handed_over: int, abandoned: int, failed: int, now: datetime) -> None:
        """The sum, which says that it runs; by outcome only what there was, since each is a metric that is billed."""
        found = {
            ReconcilerOutcome.HANDED_OVER: handed_over,
            ReconcilerOutcome.ABANDONED: abandoned,
            ReconcilerOutcome.FAILED: failed,
        }
        told = {outcome: sources for outcome, sources in found.items() if sources}
        for outcome, sources in told.items():
            self._write(now, {"Reconciled": sources}, {"outcome": outcome})
        if not told:
            self._write(now, {"Reconciled": 0}, {}, total=True)

    def _write(
        self,
        when: datetime,
        values: Mapping[str, float],
        said: Mapping[str, str],
        told: Mapping[str, Any] | None = None,
        *,
        total: bool = False,
    ) -> None:
        """`values` by metric, `said` by dimension; `told` is for who reads the log. `total`: without any dimension."""
        metrics = sorted((METRICS_BY_NAME[name] for name in values), key=_sets)
        directives = [
            {
                "Namespace": self._namespace,
                "Dimensions": [()] if total else sets,
                "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in alike],
            }
            for sets, alike in groupby(metrics, key=_sets)
        ]
        line = {
            "_aws": {"Timestamp": int(when.timestamp() * 1000), "CloudWatchMetrics": directives},
            **({} if total else listed_properties(values, said)),
            **{name: _whole(value) if isinstance(value, str) else value for name, value in (told or {}).items()},
            **values,
        }
        self._stream.write(msgspec.json.encode(line).decode() + "\n")  # one write: lines of threads never mix
        self._stream.flush()


def _whole(text: str) -> str:
    """JSON breaks no line; what it cannot hold is half of a character."""
    return text.encode(errors="backslashreplace").decode()


def _sets(metric: Metric) -> tuple[tuple[str, ...], ...]:
    return metric.dimension_sets

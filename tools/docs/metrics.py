"""The tables of metrics, dimensions and their monthly price in docs/reference/metrics.md."""

import io
from datetime import UTC, datetime
from itertools import chain

from core.adapters.emf import EmfMetrics
from core.domain.model import Door, Estimate, ImageHeader, ObjectRef, Result, Route, Source, Status, Usage
from core.ports import metric_catalogue
from core.routing import prices
from tools.docs.section import Section

_HEAD = (
    "| metric | unit | dimensions | what it counts or measures | at most |\n| --- | --- | --- | --- | --: |",
    "| dimension | of | values | what it says |\n| --- | --- | --- | --- |",
    "| | dollars a month |\n| --- | --: |",
)
_MILLION = 1_000_000


def render() -> str:
    """Three tables: the metrics, the dimensions, the price."""
    price = prices.load()
    metrics = [_HEAD[0], *map(_metric, metric_catalogue.METRICS), f"| | | | | **{metric_catalogue.MAX_BILLED}** |"]
    dimensions = [_HEAD[1], *_dimensions()]
    log_gb, month_usd = _line_bytes() * _MILLION / 1e9, metric_catalogue.month_usd(price)
    bill = [
        f"Prices of {price.region}, {price.date}, {price.sources[-1]}:",
        "",
        _HEAD[2],
        f"| all {metric_catalogue.MAX_BILLED} metrics, each sent in every hour of the month | {month_usd:.2f} |",
        f"| the lines of a million images, {log_gb:.2f} GB of log | {log_gb * price.cloudwatch.log_gb:.2f} |",
    ]
    return "\n".join([*metrics, "", *dimensions, "", *bill])


def _metric(metric: metric_catalogue.Metric) -> str:
    sets = "; ".join(", ".join(f"`{name}`" for name in names) or "none" for names in metric.dimension_sets)
    return f"| `{metric.name}` | {metric.unit} | {sets} | {metric.meaning} | {metric.max_billed} |"


def _dimensions() -> list[str]:
    used: dict[metric_catalogue.Dimension, list[str]] = {}
    for metric in metric_catalogue.METRICS:
        for dimension in chain.from_iterable(metric.sets):
            names = used.setdefault(dimension, [])
            if metric.name not in names:
                names.append(metric.name)
    return [
        f"| `{dimension.name}` | {', '.join(names)} | {', '.join(dimension.values)} | {dimension.meaning} |"
        for dimension, names in used.items()
    ]


def _line_bytes() -> int:
    """Bytes that CloudWatch Logs bills for one image: its line, and 26 bytes that AWS adds to each event.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
    """
    now = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)
    sample = Result(
        image_id="0b8f6f3e-6f7e-5f0a-9c57-0d2f6f1d8f3b",
        run=0,
        token="",
        customer="a-customer-of-ours",
        pipeline="thumbnail",
        door=Door.UPLOAD,
        route=Route.LAMBDA,
        reason="",
        status=Status.PROCESSED,
        source=Source(object=ObjectRef(bucket="b", key="k"), name="n", bytes=3_456_789),
        header=ImageHeader(format="jpeg", width=4000, height=3000, channels=3, depth=8),
        usage=Usage(seconds=0.123456789, cpu_seconds=0.123456789, peak_bytes=234_567_890),
        estimate=Estimate(cpu_seconds=1, cpu_seconds_upper=1.3, parallel=0, peak_bytes=2**28, peak_bytes_upper=2**29),
        received_at=now,
        committed_at=now,
        version="",
    )
    stream = io.StringIO()
    EmfMetrics(stream, "PicturePerfect").emit(sample)
    return len(stream.getvalue().encode()) + 26


SECTION = Section("reference/metrics.md", "metrics", render)

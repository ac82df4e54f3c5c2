"""The table of metrics and their bill, as docs/reference/metrics.md shows them. `python -m tools.docs.metrics` writes it."""

import io
from datetime import UTC, datetime
from pathlib import Path

from core.adapters.emf import EmfMetrics
from core.domain.model import Door, Estimate, ImageHeader, ObjectRef, Result, Route, Source, Status, Usage
from core.ports import metric_catalogue
from core.routing import prices
from core.routing.prices import Prices

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
_BEGIN, _END = "<!-- metrics: begin -->", "<!-- metrics: end -->"
_HEAD = (
    "| metric | unit | dimensions | what it counts or measures | at most |\n| --- | --- | --- | --- | --: |",
    "| dimension | of | values | what it says |\n| --- | --- | --- | --- |",
    "| | dollars a month |\n| --- | --: |",
)
_MILLION = 1_000_000


def in_document(document: str) -> str:
    """The document, with what is declared between its marks."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{markdown(prices.load())}\n{_END}{after}"


def markdown(price: Prices) -> str:
    """Three tables: the metrics, the dimensions, the bill."""
    declared = [_HEAD[0], *map(_metric, metric_catalogue.METRICS), f"| | | | | **{metric_catalogue.MAX_BILLED}** |"]
    lists = [_HEAD[1], *_dimensions()]
    lines, month = _line_bytes() * _MILLION / 1e9, metric_catalogue.month_usd(price)
    dated = f"Prices of {price.region}, {price.date}, {price.sources[-1]}"
    bill = [
        f"{dated}:",
        "",
        _HEAD[2],
        f"| all {metric_catalogue.MAX_BILLED} metrics, each sent in every hour of the month | {month:.2f} |",
        f"| the lines of a million images, {lines:.2f} GB of log | {lines * price.cloudwatch.log_gb:.2f} |",
    ]
    return "\n".join([*declared, "", *lists, "", *bill])


def _metric(metric: metric_catalogue.Metric) -> str:
    sets = "; ".join(", ".join(f"`{name}`" for name in names) or "none" for names in metric.dimension_sets)
    return f"| `{metric.name}` | {metric.unit} | {sets} | {metric.meaning} | {metric.max_billed} |"


def _dimensions() -> list[str]:
    used: dict[metric_catalogue.Dimension, list[str]] = {}
    for metric in metric_catalogue.METRICS:
        for dimension in (each for one in metric.sets for each in one):
            names = used.setdefault(dimension, [])
            if metric.name not in names:
                names.append(metric.name)
    return [
        f"| `{dimension.name}` | {', '.join(names)} | {', '.join(dimension.values)} | {dimension.meaning} |"
        for dimension, names in used.items()
    ]


def _line_bytes() -> int:
    """What one image adds to the log: a line as CloudWatch Logs bills it, 26 bytes of its own included."""
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


if __name__ == "__main__":
    DOCUMENT.write_text(in_document(DOCUMENT.read_text("utf-8")), "utf-8")

"""Rows of *Operations* on the product's own metrics: throughput, failures, routes and estimates."""

from dashboards import layout, panels
from dashboards.cloudwatch import ANY, aws_metric, product_metric
from dashboards.names import CLOUDWATCH
from dashboards.panels import Limits
from infra.alerts import definitions


def image_rows() -> tuple[layout.Row, ...]:
    """The rows, from the top."""
    return (_throughput(), _failures(), _routes())


def _throughput() -> layout.Row:
    return layout.row(
        "Throughput",
        panels.bars(
            CLOUDWATCH,
            "Images by door and route",
            "Images that ended. If a door falls silent while its senders work, see its event source. If the route "
            "batch has more than usual, see *Routes and estimates*.",
            [product_metric("Images", "Sum", {"source": ANY, "route": ANY})],
            unit="short",
        ),
        panels.bars(
            CLOUDWATCH,
            "Images by format",
            "Format of the sources; `other`: the header could not be read. A change of formats can explain a change of "
            "durations and cost.",
            [product_metric("Images", "Sum", {"format": ANY})],
            unit="short",
        ),
        panels.lines(
            CLOUDWATCH,
            "Bytes in by door, and bytes out",
            "Size of the sources and of all renditions. If more goes out than comes in, a pipeline enlarges images "
            "or makes too many renditions.",
            [
                product_metric("BytesIn", "Sum", {"source": ANY}, label="in ${PROP('Dim.source')}"),
                product_metric("BytesOut", "Sum", label="out"),
            ],
            unit="decbytes",
        ),
        panels.bars(
            CLOUDWATCH,
            "Renditions",
            "Files made. Each is one put to S3, stored for the retention.",
            [product_metric("Renditions", "Sum", label="renditions")],
            unit="short",
        ),
    )


def _failures() -> layout.Row:
    return layout.row(
        "Failures",
        panels.bars(
            CLOUDWATCH,
            "Failures by code",
            "Codes of the images that ended failed. docs/reference/codes.md says what to do for each code; "
            "*Business* shows whether one customer causes them.",
            [product_metric("Failed", "Sum", {"code": ANY})],
            unit="short",
        ),
        panels.bars(
            CLOUDWATCH,
            "Refused records and uploads",
            "Kafka records, and objects under incoming/, that became no image. Documents under refused/ give the "
            "reasons: fix the sender, then send them again.",
            [
                product_metric(
                    "Refused", "Sum", {"source": ANY, "code": ANY}, label="${PROP('Dim.source')} ${PROP('Dim.code')}"
                )
            ],
            unit="short",
            span=6,
        ),
        panels.bars(
            CLOUDWATCH,
            "Reconciled, by outcome",
            "Sources without a result that the reconciler found. `abandoned`: the image ended failed.",
            [product_metric("Reconciled", "Sum", {"outcome": ANY})],
            unit="short",
            span=6,
        ),
    )


def _routes() -> layout.Row:
    return layout.row(
        "Routes and estimates",
        panels.bars(
            CLOUDWATCH,
            "Handed over, by cause",
            "Images sent to a larger place. `estimate`: before they were run, as intended. The other causes: after a "
            "run that was paid for nothing; above a few in a hundred, run `pictureperfect calibrate` on this "
            "architecture.",
            [product_metric("HandedOver", "Sum", {"route": ANY, "cause": ANY})],
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Actual use by upper estimate",
            "Time and memory of images, divided by their upper estimates, which decide the route. A worst above 100 "
            "%: the estimate was wrong. A median below 10 %: too many images go to Batch.",
            [
                product_metric("CpuTimeRatio", "p50", {"route": ANY}, label="time, median, ${PROP('Dim.route')}"),
                product_metric("CpuTimeRatio", "Maximum", {"route": ANY}, label="time, worst, ${PROP('Dim.route')}"),
                product_metric("PeakMemoryRatio", "p50", {"route": ANY}, label="memory, median, ${PROP('Dim.route')}"),
                product_metric(
                    "PeakMemoryRatio", "Maximum", {"route": ANY}, label="memory, worst, ${PROP('Dim.route')}"
                ),
            ],
            unit="percentunit",
            span=8,
            limits=Limits(0.9, 1),
            top=1.2,
        ),
        panels.bars(
            CLOUDWATCH,
            "Submitted to Batch, by tier",
            "Images and jobs, by tier: vCPUs x GB of the job. Many jobs with few images: images come one by "
            "one, and each job is billed for at least a minute.",
            [
                product_metric("Submitted", "Sum", {"tier": ANY}, label="images ${PROP('Dim.tier')}"),
                product_metric("BatchJobs", "Sum", {"tier": ANY}, label="jobs ${PROP('Dim.tier')}"),
            ],
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "From arrival to commit",
            "The sender's wait: p95 and median. The route lambda takes seconds; if it rises, see *Concurrency* and "
            "*Age of upload events*.",
            [
                product_metric("Latency", "p95", {"route": ANY}),
                product_metric("Latency", "p50", {"route": ANY}, label="median ${PROP('Dim.route')}"),
            ],
            unit="s",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Duration in the worker, p95",
            "Wall-clock time of processing, by door and route. If one door is slower, its images are larger.",
            [product_metric("Duration", "p95", {"source": ANY, "route": ANY})],
            unit="s",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Batch jobs that failed",
            "Each of their images goes to a larger tier or ends failed with a code. See the job's statusReason in the "
            "Batch console.",
            [
                aws_metric(
                    "AWS/Events", "MatchedEvents", "Sum", {"RuleName": "${stack}-batch-job-failed"}, label="failed jobs"
                )
            ],
            unit="short",
            span=8,
            limits=Limits(1, definitions.BATCH_FAILURES.alarm.threshold),
        ),
        panels.lines(
            CLOUDWATCH,
            "CPU time of an image",
            "All threads; most of the cost. A step up after a deployment: a more expensive pipeline, or a slower "
            "library.",
            [
                product_metric("CpuTime", "p50", {"route": ANY}, label="median ${PROP('Dim.route')}"),
                product_metric("CpuTime", "p95", {"route": ANY}, label="p95 ${PROP('Dim.route')}"),
            ],
            unit="s",
        ),
        panels.lines(
            CLOUDWATCH,
            "Peak memory of the worker",
            "Resident memory. Close to the function's memory, images are handed over with `out_of_memory`: raise "
            "processing.memory_mb.",
            [
                product_metric("PeakMemory", "p95", {"route": ANY}, label="p95 ${PROP('Dim.route')}"),
                product_metric("PeakMemory", "Maximum", {"route": ANY}, label="worst ${PROP('Dim.route')}"),
            ],
            unit="decbytes",
        ),
    )

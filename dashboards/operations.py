"""*Operations*: is all of it moving, and where not? Out of CloudWatch, minutes old."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from dashboards import names, panels
from dashboards.cloudwatch import ANY, aws, each_function, ours
from dashboards.names import CLOUDWATCH
from dashboards.panels import Limits
from dashboards.variables import region, textbox

QUEUES = ("records", "overflow")
#: Each look at the page is billed: docs/how-to/dashboards.md.
REFRESH = "5m"


def build() -> dashboard.Dashboard:
    """The dashboard; the variables `stack` and `namespace` are those of `infra/settings.toml` and METRICS_NAMESPACE."""
    board = (
        dashboard.Dashboard("Picture Perfect: Operations")
        .uid(names.OPERATIONS)
        .description("Is all of it moving, and where not? From CloudWatch; each figure is minutes old.")
        .tags([names.TAG])
        .timezone("browser")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh(REFRESH)
        .with_variable(dashboard.DatasourceVariable("cloudwatch").label("CloudWatch").type(names.CLOUDWATCH_TYPE))
        .with_variable(region())
        .with_variable(textbox("stack", "Stack", "picture-perfect", "`name` in infra/settings.toml"))
        .with_variable(textbox("namespace", "Namespace", "PicturePerfect", "METRICS_NAMESPACE of the functions"))
        .link(panels.link("Business", names.BUSINESS, "Who sends what, and at what cost"))
        .link(panels.link("One image", names.IMAGE, "The life of an id"))
    )
    return panels.fill(board, (_glance(), _throughput(), _failures(), _routes(), _waiting(), _functions()))


def _glance() -> panels.Row:
    minutes = "of what is looked at"
    return panels.row(
        "At a glance",
        panels.figure(
            CLOUDWATCH,
            "Processed",
            f"Images that ended processed, {minutes}. None while images come in: look at *Waiting* below.",
            ours("Images", "Sum", {"status": "processed"}),
            unit="short",
        ),
        panels.figure(
            CLOUDWATCH,
            "Failed",
            f"Images that ended failed, {minutes}. *Failures by code* says why, docs/reference/codes.md what to do for each "
            "code.",
            ours("Images", "Sum", {"status": "failed"}),
            unit="short",
            limits=Limits(1, 20),
        ),
        panels.figure(
            CLOUDWATCH,
            "Blocked messages",
            "A bad deployment or setting: the function cannot even start, and its messages wait. See the log of "
            "process; roll back or mend it within HOLD_HOURS, then nothing was lost.",
            ours("Blocked", "Sum"),
            unit="short",
            limits=Limits(1, 1),
        ),
        panels.figure(
            CLOUDWATCH,
            "Taken up by the reconciler",
            "Sources that waited for hours, and nobody had said how they ended. Each is a sign of a lost event: "
            "look at the logs of process and dispatch for its id. A dash means that the reconciler does not run.",
            ours("Reconciled", "Sum"),
            unit="short",
            limits=Limits(1, 20),
        ),
        panels.figure(
            CLOUDWATCH,
            "Oldest commit not recorded",
            "Images are committed, but not yet in the database: nothing is lost, the numbers are late. See the log of "
            "record, and whether the database is up.",
            aws("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", {"QueueName": "${stack}-records"}),
            unit="s",
            calc="lastNotNull",
            limits=Limits(300, 3600),
        ),
        panels.figure(
            CLOUDWATCH,
            "Oldest image waiting for Batch",
            "How long the first message of the overflow queue waits. Over minutes: see the log of dispatch; then "
            "the job queue, whether it is enabled and has capacity.",
            aws("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", {"QueueName": "${stack}-overflow"}),
            unit="s",
            calc="lastNotNull",
            limits=Limits(600, 3600),
        ),
    )


def _throughput() -> panels.Row:
    return panels.row(
        "Throughput",
        panels.bars(
            CLOUDWATCH,
            "Images by door and route",
            "How many ended, by the door that they came in by and where they were worked on. A door that falls "
            "silent while its senders work: look at its event source. More on the route batch than usual: *Routes "
            "and estimates*.",
            [ours("Images", "Sum", {"source": ANY, "route": ANY})],
            unit="short",
        ),
        panels.bars(
            CLOUDWATCH,
            "Images by format",
            "What customers send. A format that suddenly leads may explain a change of durations and of cost; "
            "`other` is what had no readable header.",
            [ours("Images", "Sum", {"format": ANY})],
            unit="short",
        ),
        panels.lines(
            CLOUDWATCH,
            "Bytes in by door, and bytes out",
            "Sizes of sources and of all renditions. More out than in: some pipeline enlarges, or has too many "
            "renditions.",
            [
                ours("BytesIn", "Sum", {"source": ANY}, label="in ${PROP('Dim.source')}"),
                ours("BytesOut", "Sum", label="out"),
            ],
            unit="decbytes",
        ),
        panels.bars(
            CLOUDWATCH,
            "Renditions",
            "Files made. Each is a put to S3, and kept for the retention.",
            [ours("Renditions", "Sum", label="renditions")],
            unit="short",
        ),
    )


def _failures() -> panels.Row:
    return panels.row(
        "Failures",
        panels.bars(
            CLOUDWATCH,
            "Failures by code",
            "Why images ended failed. docs/reference/codes.md says for each code what happened and what to do. One "
            "customer's bad uploader shows in *Business*.",
            [ours("Failed", "Sum", {"code": ANY})],
            unit="short",
        ),
        panels.bars(
            CLOUDWATCH,
            "Refused where nobody hears an answer",
            "Records of Kafka, and objects under incoming/, that became no image. Each is kept, its reason under "
            "refused/: mend what sends it, and send it again.",
            [ours("Refused", "Sum", {"source": ANY, "code": ANY}, label="${PROP('Dim.source')} ${PROP('Dim.code')}")],
            unit="short",
            span=6,
        ),
        panels.bars(
            CLOUDWATCH,
            "What the reconciler did",
            "Each round, by what became of the sources that nobody spoke for. `abandoned` has failed for good.",
            [ours("Reconciled", "Sum", {"outcome": ANY})],
            unit="short",
            span=6,
        ),
    )


def _routes() -> panels.Row:
    return panels.row(
        "Routes and estimates",
        panels.bars(
            CLOUDWATCH,
            "Handed over, by cause",
            "Images sent on to where there is more room. `estimate` is as meant; the others were tried in vain, "
            "and paid for twice. More than a few in a hundred: calibrate on this architecture (`pictureperfect "
            "calibrate`).",
            [ours("HandedOver", "Sum", {"route": ANY, "cause": ANY})],
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Truth by upper estimate",
            "How much of its upper estimate an image took, in time and in memory: the median, and the worst. The "
            "upper estimate decides the route. A worst above 100 % was a wrong guess; a median below 10 % sends "
            "too much to Batch.",
            [
                ours("CpuTimeRatio", "p50", {"route": ANY}, label="time, median, ${PROP('Dim.route')}"),
                ours("CpuTimeRatio", "Maximum", {"route": ANY}, label="time, worst, ${PROP('Dim.route')}"),
                ours("PeakMemoryRatio", "p50", {"route": ANY}, label="memory, median, ${PROP('Dim.route')}"),
                ours("PeakMemoryRatio", "Maximum", {"route": ANY}, label="memory, worst, ${PROP('Dim.route')}"),
            ],
            unit="percentunit",
            span=8,
            limits=Limits(0.9, 1),
            top=1.2,
        ),
        panels.bars(
            CLOUDWATCH,
            "Submitted to Batch, by size",
            "Images and jobs, by the size of the job in vCPUs x GB. Many jobs of few images: they come one by one, and "
            "each is billed for a minute at least.",
            [
                ours("Submitted", "Sum", {"tier": ANY}, label="images ${PROP('Dim.tier')}"),
                ours("BatchJobs", "Sum", {"tier": ANY}, label="jobs ${PROP('Dim.tier')}"),
            ],
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "From arrival to commit",
            "What the sender waits: 95 of 100 images were faster. On the route lambda it is seconds; if it rises, "
            "look at *Concurrency* and *How long uploads waited*.",
            [
                ours("Latency", "p95", {"route": ANY}),
                ours("Latency", "p50", {"route": ANY}, label="median ${PROP('Dim.route')}"),
            ],
            unit="s",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Duration in the worker, p95",
            "Wall clock of the pixels, by door and route. If one door alone is slow, its images are larger than "
            "the others'.",
            [ours("Duration", "p95", {"source": ANY, "route": ANY})],
            unit="s",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Batch jobs that failed",
            "Each image of them goes to a larger size or ends failed, with its code. The job's statusReason in the "
            "console of Batch says why.",
            [aws("AWS/Events", "MatchedEvents", "Sum", {"RuleName": "${stack}-batch-job-failed"}, label="failed jobs")],
            unit="short",
            span=8,
            limits=Limits(1, 5),
        ),
        panels.lines(
            CLOUDWATCH,
            "CPU time of an image",
            "All threads; this is what the money goes for. A step up after a deployment: a dearer pipeline, or a "
            "slower library.",
            [
                ours("CpuTime", "p50", {"route": ANY}, label="median ${PROP('Dim.route')}"),
                ours("CpuTime", "p95", {"route": ANY}, label="p95 ${PROP('Dim.route')}"),
            ],
            unit="s",
        ),
        panels.lines(
            CLOUDWATCH,
            "Peak memory of the worker",
            "Resident memory, the worst of each piece of time. Close to the function's memory: images will be "
            "handed over with `out_of_memory`; raise processing.memory_mb.",
            [
                ours("PeakMemory", "p95", {"route": ANY}, label="p95 ${PROP('Dim.route')}"),
                ours("PeakMemory", "Maximum", {"route": ANY}, label="worst ${PROP('Dim.route')}"),
            ],
            unit="decbytes",
        ),
    )


def _waiting() -> panels.Row:
    return panels.row(
        "Waiting",
        panels.lines(
            CLOUDWATCH,
            "Messages in the queues",
            "records: commits not yet in the database; overflow: images on their way to Batch. A line that only rises: "
            "the function behind it is down.",
            [
                aws(
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "Maximum",
                    {"QueueName": f"${{stack}}-{queue}"},
                    label=queue,
                )
                for queue in QUEUES
            ],
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Given up: dead letters",
            "Anything here needs a person: read a message, mend its cause, then redrive the dead-letter queue. It "
            "keeps them 14 days.",
            [
                aws(
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "Maximum",
                    {"QueueName": f"${{stack}}-{queue}-dead-letters"},
                    label=queue,
                )
                for queue in QUEUES
            ],
            unit="short",
            span=8,
            limits=Limits(1, 1),
        ),
        panels.lines(
            CLOUDWATCH,
            "Kafka: records not yet read",
            "The stream is read more slowly than it is written. Look at *Throttles* and at the partitions: no more "
            "functions run at once than there are partitions. Empty without a stream.",
            [aws("AWS/Lambda", "OffsetLag", "Maximum", {"FunctionName": "${stack}-process"}, label="records")],
            unit="short",
            span=8,
            limits=Limits(1_000, 10_000),
        ),
        panels.lines(
            CLOUDWATCH,
            "How long uploads waited for the function",
            "From the upload's event to its invocation. Over minutes: no concurrency is left. After 6 hours Lambda "
            "gives the event up, and it goes to Batch.",
            [aws("AWS/Lambda", "AsyncEventAge", "Maximum", {"FunctionName": "${stack}-process"}, label="oldest event")],
            unit="ms",
            span=8,
            limits=Limits(60_000, 3_600_000),
        ),
        panels.lines(
            CLOUDWATCH,
            "Concurrency",
            "How many of each function run at once. A flat top of process is its reserved concurrency, or the "
            "account's quota: raise it if uploads wait.",
            each_function("ConcurrentExecutions", "Maximum"),
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Failures that were not kept",
            "An event failed, and Lambda could not put it under aws/lambda/ in the bucket: see the policies of the "
            "bucket and of the role of process. Uploads are taken up by the reconciler; direct callers send again.",
            [
                aws(
                    "AWS/Lambda",
                    "DestinationDeliveryFailures",
                    "Sum",
                    {"FunctionName": "${stack}-process"},
                    label="events",
                )
            ],
            unit="short",
            span=8,
            limits=Limits(1, 1),
        ),
    )


def _functions() -> panels.Row:
    return panels.row(
        "Functions",
        panels.lines(
            CLOUDWATCH,
            "Errors",
            "Invocations that raised. Their events are kept and come again, or go to Batch; the function's log "
            "says what it was.",
            each_function("Errors", "Sum"),
            unit="short",
            span=8,
            limits=Limits(1, 5),
        ),
        panels.lines(
            CLOUDWATCH,
            "Throttles",
            "Invocations that had to wait for concurrency. Of process: raise processing.reserved_concurrency or the "
            "account's quota. Of dispatch and record they are meant, and harmless.",
            each_function("Throttles", "Sum"),
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Duration, p95",
            "Of whole invocations. process is ended at processing.timeout_seconds; near it, images are handed over.",
            each_function("Duration", "p95"),
            unit="ms",
            span=8,
        ),
        panels.bars(
            CLOUDWATCH,
            "Invocations",
            "Each is billed. Many more of process than there are images: something delivers again and again.",
            each_function("Invocations", "Sum"),
            unit="short",
            span=24,
            height=6,
        ),
    )

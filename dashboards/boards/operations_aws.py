"""Rows of *Operations* on the metrics that AWS sends: queues, concurrency and functions."""

from dashboards import layout, panels
from dashboards.cloudwatch import aws_metric, each_function
from dashboards.names import CLOUDWATCH
from dashboards.panels import Limits
from infra.alerts import definitions

_QUEUES = ("records", "overflow")


def queue_and_function_rows() -> tuple[layout.Row, ...]:
    """The rows, from the top."""
    return (_waiting(), _functions())


def _waiting() -> layout.Row:
    return layout.row(
        "Waiting",
        panels.lines(
            CLOUDWATCH,
            "Messages in the queues",
            "records: commits that are not yet in the database; overflow: images for Batch. If a line only rises, the "
            "function that reads the queue is down.",
            [
                aws_metric(
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "Maximum",
                    {"QueueName": f"${{stack}}-{queue}"},
                    label=queue,
                )
                for queue in _QUEUES
            ],
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Dead letters",
            "Messages that were received too often. Read a message, fix its cause, then redrive the dead-letter "
            "queue. It keeps messages for 14 days.",
            [
                aws_metric(
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "Maximum",
                    {"QueueName": f"${{stack}}-{queue}-dead-letters"},
                    label=queue,
                )
                for queue in _QUEUES
            ],
            unit="short",
            span=8,
            limits=Limits(1, definitions.DEAD_LETTERS.alarms[0].threshold),
        ),
        panels.lines(
            CLOUDWATCH,
            "Kafka: records not yet read",
            "If it rises, Kafka is written faster than it is read: see *Throttles*, and the number of partitions, "
            "since at most one function runs for each. Empty without Kafka.",
            [aws_metric("AWS/Lambda", "OffsetLag", "Maximum", {"FunctionName": "${stack}-process"}, label="records")],
            unit="short",
            span=8,
            limits=Limits(1_000, definitions.KAFKA_LAG.alarm.threshold),
        ),
        panels.lines(
            CLOUDWATCH,
            "Age of upload events",
            "From the upload's event to the invocation of process. Above minutes: no concurrency is free. After 6 "
            "hours Lambda no longer retries the event, and its image goes to Batch.",
            [
                aws_metric(
                    "AWS/Lambda", "AsyncEventAge", "Maximum", {"FunctionName": "${stack}-process"}, label="oldest event"
                )
            ],
            unit="ms",
            span=8,
            limits=Limits(60_000, 3_600_000),
        ),
        panels.lines(
            CLOUDWATCH,
            "Concurrency",
            "Concurrent executions of each function. A flat top of process is its reserved concurrency, or the "
            "account's quota: raise it if uploads wait.",
            each_function("ConcurrentExecutions", "Maximum"),
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Failed events that were not kept",
            "Events that Lambda could not write to its failure destination, aws/lambda/ in the bucket. See the "
            "bucket's policy and the role of process. The reconciler finds uploads; direct callers must send again.",
            [
                aws_metric(
                    "AWS/Lambda",
                    "DestinationDeliveryFailures",
                    "Sum",
                    {"FunctionName": "${stack}-process"},
                    label="events",
                )
            ],
            unit="short",
            span=8,
            limits=Limits(1, definitions.FAILURES_NOT_KEPT.alarm.threshold),
        ),
    )


def _functions() -> layout.Row:
    return layout.row(
        "Functions",
        panels.lines(
            CLOUDWATCH,
            "Errors",
            "Invocations that raised an error. Their events are retried, or go to Batch; see the function's log.",
            each_function("Errors", "Sum"),
            unit="short",
            span=8,
            limits=Limits(1, definitions.ERRORS["process"].alarm.threshold),
        ),
        panels.lines(
            CLOUDWATCH,
            "Throttles",
            "Invocations that found no free concurrency. Of process: raise processing.reserved_concurrency or the "
            "account's quota. Of dispatch and record they are intended and harmless.",
            each_function("Throttles", "Sum"),
            unit="short",
            span=8,
        ),
        panels.lines(
            CLOUDWATCH,
            "Duration, p95",
            "Duration of whole invocations. Near processing.timeout_seconds, process hands its images over.",
            each_function("Duration", "p95"),
            unit="ms",
            span=8,
        ),
        panels.bars(
            CLOUDWATCH,
            "Invocations",
            "Each is billed. If process has many more invocations than images, a sender delivers the same events "
            "again.",
            each_function("Invocations", "Sum"),
            unit="short",
            span=24,
            height=6,
        ),
    )

"""*Operations*: throughput, failures, routes, queues and functions, from CloudWatch."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from dashboards import layout, names, panels
from dashboards.boards.operations_aws import queue_and_function_rows
from dashboards.boards.operations_images import image_rows
from dashboards.cloudwatch import aws_metric, product_metric
from dashboards.names import CLOUDWATCH
from dashboards.panels import Limits
from dashboards.variables import region, textbox
from infra.alerts import definitions

#: CloudWatch bills each query: docs/how-to/dashboards.md.
REFRESH = "5m"


def build() -> dashboard.Dashboard:
    """The dashboard. Its variables `stack` and `namespace` are `name` in infra/settings.toml and METRICS_NAMESPACE."""
    board = (
        dashboard.Dashboard("Picture Perfect: Operations")
        .uid(names.OPERATIONS)
        .description("Throughput, failures, routes, queues and functions. From CloudWatch, minutes old.")
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
        .link(layout.link("Business", names.BUSINESS, "Volume, cost and savings"))
        .link(layout.link("One image", names.IMAGE, "The history of one image"))
    )
    return layout.fill(board, (_glance(), *image_rows(), *queue_and_function_rows()))


def _glance() -> layout.Row:
    return layout.row(
        "At a glance",
        panels.figure(
            CLOUDWATCH,
            "Processed",
            "Images that ended processed in the time range. If it is 0 while images come in, see the row *Waiting*.",
            product_metric("Images", "Sum", {"status": "processed"}),
            unit="short",
        ),
        panels.figure(
            CLOUDWATCH,
            "Failed",
            "Images that ended failed in the time range. *Failures by code* gives the codes; docs/reference/codes.md "
            "says what to do for each.",
            product_metric("Images", "Sum", {"status": "failed"}),
            unit="short",
            limits=Limits(1, definitions.FAILED.alarm.threshold),
        ),
        panels.figure(
            CLOUDWATCH,
            "Blocked messages",
            "The function process cannot start, so its messages wait. See its log, and roll back or fix the deployment "
            "within functions.hold_hours; no image is lost.",
            product_metric("Blocked", "Sum"),
            unit="short",
            limits=Limits(1, definitions.BLOCKED.alarm.threshold),
        ),
        panels.figure(
            CLOUDWATCH,
            "Found by the reconciler",
            "Sources that had waited for hours without a result: an event was lost. Look for the image id in the "
            "logs of process and dispatch. A dash: the reconciler does not run.",
            product_metric("Reconciled", "Sum"),
            unit="short",
            limits=Limits(1, 20),
        ),
        panels.figure(
            CLOUDWATCH,
            "Oldest commit not recorded",
            "Images are committed, but not yet in the database; none is lost. See the log of record, and whether the "
            "database is up.",
            aws_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", {"QueueName": "${stack}-records"}),
            unit="s",
            calc="lastNotNull",
            limits=Limits(300, definitions.RECORDS_OLD.alarm.threshold),
        ),
        panels.figure(
            CLOUDWATCH,
            "Oldest image waiting for Batch",
            "Age of the oldest message of the overflow queue. Above minutes: see the log of dispatch, and whether "
            "the Batch job queue is enabled and has capacity.",
            aws_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", {"QueueName": "${stack}-overflow"}),
            unit="s",
            calc="lastNotNull",
            limits=Limits(600, definitions.OVERFLOW_OLD.alarm.threshold),
        ),
    )

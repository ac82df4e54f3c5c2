"""*One image*: the history of one image by its id, from the ledger and the logs."""

from typing import Any

from grafana_foundation_sdk.builders import cloudwatch, dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.cloudwatch import CloudWatchQueryMode
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption, VariableRefresh

from dashboards import layout, names, panels
from dashboards.boards.customer import IMAGE_LINK
from dashboards.boards.ledger import WAIT_LIMITS
from dashboards.names import CLOUDWATCH, POSTGRES
from dashboards.panels import Column, Limits
from dashboards.postgres import Sql, load_sql
from dashboards.variables import region, textbox

#: Shares of the upper estimate.
_ESTIMATE_LIMITS = Limits(0.9, 1)
#: Log groups of process, dispatch and the Batch jobs.
LOGS = ("/aws/lambda/${stack}-process", "/aws/lambda/${stack}-dispatch", "/aws/batch/${stack}")


def build() -> dashboard.Dashboard:
    """The dashboard. It does not refresh, since an image that ended does not change."""
    board = (
        dashboard.Dashboard("Picture Perfect: One image")
        .uid(names.IMAGE)
        .description("The history of one image: its events, result, cost, files and log lines.")
        .tags([names.TAG])
        .timezone("browser")
        .editable()
        .time("now-7d", "now")
        .refresh("")
        .with_variable(dashboard.DatasourceVariable("postgres").label("PostgreSQL").type(names.POSTGRES_TYPE))
        .with_variable(dashboard.DatasourceVariable("cloudwatch").label("CloudWatch").type(names.CLOUDWATCH_TYPE))
        .with_variable(
            dashboard.TextBoxVariable("image")
            .label("Image id")
            .description("The image_id of a response, a result or a log line")
            .default_value("")
            .current(VariableOption(text="", value=""))
        )
        .with_variable(_id_variable())
        .with_variable(region())
        .with_variable(textbox("stack", "Stack", "picture-perfect", "`name` in infra/settings.toml"))
        .link(layout.link("One customer", names.CUSTOMER, "The figures and the images of one customer"))
        .link(layout.link("Operations", names.OPERATIONS, "Throughput, queues and functions"))
    )
    return layout.fill(board, (_glance(), _history(), _files(), _logs()))


def _id_variable() -> dashboard.QueryVariable:
    """The image id to search the logs for, from the text that a person typed or a link holds."""
    return (
        dashboard.QueryVariable("id")
        .description("The image id, as logs spell it")
        .datasource(POSTGRES)
        .query(load_sql("image_id"))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .hide(VariableHide.HIDE_VARIABLE)
    )


def _figure(
    title: str,
    meaning: str,
    value: str,
    unit: str,
    *,
    view: str = "image_facts",
    limits: Limits | None = None,
    decimals: int | None = None,
) -> Builder[Any]:
    """One value of the image: `value` in SQL, from `view`."""
    query = Sql("image_value", {"value": value, "view": view})
    return panels.figure(
        POSTGRES, title, meaning, query, unit=unit, span=4, limits=limits, calc="lastNotNull", decimals=decimals
    )


def _glance() -> layout.Row:
    return layout.row(
        "At a glance",
        _figure(
            "Wait",
            "From arrival to commit. Dashes in all panels: the image has not ended, or the id is wrong; see the logs "
            "below.",
            "latency_seconds AS wait",
            "s",
            limits=WAIT_LIMITS,
        ),
        _figure("Processing time", "Wall-clock time in the worker.", "seconds", "s", decimals=3),
        _figure(
            "Time by upper estimate",
            "CPU time divided by its upper estimate. Above 100 % the estimate was wrong.",
            "cpu_seconds / nullif(estimated_cpu_seconds_upper, 0) AS share",
            "percentunit",
            limits=_ESTIMATE_LIMITS,
        ),
        _figure(
            "Memory by upper estimate",
            "Peak memory divided by its upper estimate. Above 100 % the estimate was wrong.",
            "peak_bytes / nullif(estimated_peak_bytes_upper, 0)::float8 AS share",
            "percentunit",
            limits=_ESTIMATE_LIMITS,
        ),
        _figure(
            "Cost",
            "Compute, requests and storage, at the prices of the day.",
            "total AS dollars",
            "currencyUSD",
            view="dollars",
            decimals=6,
        ),
        _figure("Bytes saved", "Size of the source, less the largest rendition.", "bytes_saved AS saved", "decbytes"),
    )


def _history() -> layout.Row:
    return layout.row(
        "History",
        panels.rows(
            POSTGRES,
            "Events",
            "From arrival to erasure. If it was committed long after it was received, it waited for Batch or for a "
            "retry; the logs below show which.",
            Sql("image_events"),
            [Column("when", width=190)],
            span=10,
            height=7,
        ),
        panels.rows(
            POSTGRES,
            "Properties",
            "From the header of the source, and from the run.",
            Sql("image_properties"),
            [
                Column(
                    "customer",
                    link=f"/d/{names.CUSTOMER}?var-customer=${{__value.raw:percentencode}}",
                    link_title="This customer",
                ),
                Column("bytes in", "decbytes"),
                Column("vCPUs", decimals=2),
            ],
            span=14,
            height=7,
        ),
        panels.rows(
            POSTGRES,
            "Metrics",
            "The metrics that were sent to CloudWatch. The ledger keeps them for ever.",
            Sql("image_metrics"),
            [Column("value", decimals=3)],
            span=10,
            height=9,
        ),
        panels.rows(
            POSTGRES,
            "Cost by kind",
            "Dollars at the prices of the day; docs/explanation/costs.md computes an example by hand.",
            Sql("image_cost"),
            [Column("dollars", "currencyUSD", decimals=8)],
            span=14,
            height=9,
        ),
    )


def _files() -> layout.Row:
    return layout.row(
        "Files",
        panels.rows(
            POSTGRES,
            "Renditions",
            "The files until they expire; none for a failed or erased image. Click a URL to open the file.",
            Sql("image_renditions"),
            [Column("bytes", "decbytes"), Column("url", link="${__value.raw}", link_title="Open", width=420)],
            span=14,
            height=8,
        ),
        panels.rows(
            POSTGRES,
            "Similar images",
            "Images of the same customer, with the number of differing bits of the 64-bit perceptual hashes.",
            Sql("image_similar"),
            [Column("image", link=IMAGE_LINK, link_title="This image", width=310)],
            span=10,
            height=8,
        ),
    )


def _logs() -> layout.Row:
    """Collapsed, since Logs Insights bills each query by the bytes that it reads."""
    query = (
        cloudwatch.CloudWatchLogsQuery()
        .query_mode(CloudWatchQueryMode.LOGS)
        .region("$region")
        .id("")
        .log_group_names(list(LOGS))
        .expression(
            "fields @timestamp, @log, @message | filter @message like '${id:percentencode}' "
            "| sort @timestamp asc | limit 200"
        )
    )
    return layout.row(
        "Logs",
        panels.log_lines(
            CLOUDWATCH,
            "Log lines",
            "Lines of process, dispatch and the Batch jobs with this id, in the time range. CloudWatch bills $0.005 "
            "for each GB that it reads: keep the time range short.",
            query,
        ),
        collapsed=True,
    )

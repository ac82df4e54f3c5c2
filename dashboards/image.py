"""*One image*: the life of an id, out of the ledger; and what the logs say of it."""

from typing import Any

from grafana_foundation_sdk.builders import cloudwatch, dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.cloudwatch import CloudWatchQueryMode
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption, VariableRefresh

from dashboards import names, panels
from dashboards.customer import IMAGE_LINK
from dashboards.names import CLOUDWATCH, POSTGRES
from dashboards.panels import Column, Limits
from dashboards.sql import Sql
from dashboards.variables import region, textbox

_UUID = r"^\s*([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\s*$"
_TYPED = f"substring(${{image:sqlstring}} FROM '{_UUID}')"
#: The id that was typed; where it is none, nothing is found, and no panel fails.
THIS = f"image_id = {_TYPED}::uuid"
#: Where process, dispatch and the Batch jobs write.
LOGS = ("/aws/lambda/${stack}-process", "/aws/lambda/${stack}-dispatch", "/aws/batch/${stack}")


def build() -> dashboard.Dashboard:
    """The dashboard; it does not refresh, since what has ended does not change."""
    board = (
        dashboard.Dashboard("Picture Perfect: One image")
        .uid(names.IMAGE)
        .description("The life of an id: how it came, what became of it, what it took, what it cost, where it lies.")
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
            .description("As every answer, result and log line has it")
            .default_value("")
            .current(VariableOption(text="", value=""))
        )
        .with_variable(_id())
        .with_variable(region())
        .with_variable(textbox("stack", "Stack", "picture-perfect", "`name` in infra/settings.toml"))
        .link(panels.link("One customer", names.CUSTOMER, "All images of a customer"))
        .link(panels.link("Operations", names.OPERATIONS, "Is all of it moving, and where not?"))
    )
    return panels.fill(board, (_glance(), _life(), _files(), _logs()))


def _id() -> dashboard.QueryVariable:
    """What logs are searched for, which know no types: an id, whatever was typed or came by a link."""
    return (
        dashboard.QueryVariable("id")
        .description("The id that was typed, as logs have it")
        .datasource(POSTGRES)
        .query(f"SELECT coalesce(lower({_TYPED}), 'no-image-id') AS id")
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .hide(VariableHide.HIDE_VARIABLE)
    )


def _one(
    title: str,
    meaning: str,
    what: str,
    unit: str,
    *,
    view: str = "image_facts",
    limits: Limits | None = None,
    decimals: int | None = None,
) -> Builder[Any]:
    query = Sql(f"SELECT {what} FROM {view} WHERE {THIS}")
    return panels.figure(
        POSTGRES, title, meaning, query, unit=unit, span=4, limits=limits, calc="lastNotNull", decimals=decimals
    )


def _glance() -> panels.Row:
    return panels.row(
        "At a glance",
        _one(
            "Wait",
            "From its arrival to its commit. A dash everywhere: it has not ended, or it is no id; look at the logs "
            "below.",
            "latency_seconds AS wait",
            "s",
            limits=Limits(60, 900),
        ),
        _one("In the worker", "Wall clock of its pixels.", "seconds", "s", decimals=3),
        _one(
            "Time by upper estimate",
            "CPU time by the most that was thought possible. Above 100 %: the estimate was wrong.",
            "cpu_seconds / nullif(estimated_cpu_seconds_upper, 0) AS share",
            "percentunit",
            limits=Limits(0.9, 1),
        ),
        _one(
            "Memory by upper estimate",
            "Peak memory by the most that was thought possible. Above 100 %: the estimate was wrong.",
            "peak_bytes / nullif(estimated_peak_bytes_upper, 0)::float8 AS share",
            "percentunit",
            limits=Limits(0.9, 1),
        ),
        _one(
            "Cost",
            "Compute, requests and storage, at the prices of its day.",
            "total AS dollars",
            "currencyUSD",
            view="dollars",
            decimals=6,
        ),
        _one("Bytes saved", "Source less its largest rendition.", "bytes_saved AS saved", "decbytes"),
    )


def _life() -> panels.Row:
    return panels.row(
        "Its life",
        panels.rows(
            POSTGRES,
            "What happened, when",
            "From its arrival to its erasure. Committed long after it was received: it waited, for Batch or for a "
            "retry; the logs below say which.",
            Sql(
                f"""
                SELECT at AS "when", what FROM image_facts, LATERAL (VALUES
                           (received_at, 'received by the door ' || source || ' for ' || customer),
                           (committed_at, 'committed ' || status || coalesce(': ' || code, '') || ', run ' || run
                                          || ', on the route ' || route || coalesce(' ' || tier, '')),
                           (erased_at, 'asked to be erased'),
                           (CASE WHEN isfinite(expires_at) THEN expires_at END, 'renditions expire')
                       ) events (at, what)
                 WHERE {THIS} AND at IS NOT NULL ORDER BY at
                """
            ),
            [Column("when", width=190)],
            span=10,
            height=7,
        ),
        panels.rows(
            POSTGRES,
            "What it is",
            "As its header said, and as it was run. The customer's page has the others.",
            Sql(
                f"""
                SELECT customer, pipeline, format, width, height, channels, depth, frames, bytes_in AS "bytes in",
                       outputs AS renditions, machine, memory_mb AS "MB", vcpus AS "vCPUs", version
                  FROM image_facts WHERE {THIS}
                """
            ),
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
            "What was counted of it",
            "The metrics that CloudWatch was told, kept for ever.",
            Sql(f"SELECT name, value, unit FROM metrics WHERE {THIS} ORDER BY name"),
            [Column("value", decimals=3)],
            span=10,
            height=9,
        ),
        panels.rows(
            POSTGRES,
            "What it cost",
            "Dollars at the prices of its day; docs/explanation/costs.md works one out by hand.",
            Sql(
                f"""
                SELECT what, usd AS dollars FROM dollars, LATERAL (VALUES
                           (1, 'compute', compute), (2, 'requests', requests), (3, 'storage', storage),
                           (4, 'total', total)
                       ) parts (place, what, usd)
                 WHERE {THIS} ORDER BY place
                """
            ),
            [Column("dollars", "currencyUSD", decimals=8)],
            span=14,
            height=9,
        ),
    )


def _files() -> panels.Row:
    return panels.row(
        "Its files",
        panels.rows(
            POSTGRES,
            "Renditions",
            "Where they lie until they expire; none for a failed or erased image. A click opens the file.",
            Sql(
                f"""
                SELECT rendition, format, width, height, frames, bytes, url, expires_at AS expires
                  FROM urls WHERE {THIS} ORDER BY rendition, format
                """
            ),
            [Column("bytes", "decbytes"), Column("url", link="${__value.raw}", link_title="Open", width=420)],
            span=14,
            height=8,
        ),
        panels.rows(
            POSTGRES,
            "Pictures that look like it",
            "Of the same customer: of 64 bits of their perceptual hashes, so many differ.",
            Sql(
                f"""
                SELECT other_id::text AS image, distance, other_committed_at AS committed
                  FROM near_duplicates WHERE {THIS} ORDER BY distance, other_id LIMIT 20
                """
            ),
            [Column("image", link=IMAGE_LINK, link_title="The life of this image", width=310)],
            span=10,
            height=8,
        ),
    )


def _logs() -> panels.Row:
    """Logs Insights bills what it reads: asked for when it is opened."""
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
    return panels.row(
        "Its logs",
        panels.log_lines(
            CLOUDWATCH,
            "What was said of it",
            "Every line of process, dispatch and the Batch jobs with its id, in the time that is looked at: handed "
            "over, submitted, tried again, committed. CloudWatch bills $0.005 for each GB that it reads: keep the "
            "time short.",
            query,
        ),
        collapsed=True,
    )

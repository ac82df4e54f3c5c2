"""*Business*: volume, cost and savings by customer and pipeline, from sums of days and months."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh, VariableSort

from dashboards import layout, names, panels
from dashboards.boards import ledger
from dashboards.boards.ledger import ALL_CUSTOMERS, FAILED_LIMITS
from dashboards.names import POSTGRES
from dashboards.panels import Column, Limits
from dashboards.postgres import Sql, load_sql, series

#: The sums are of whole days.
REFRESH = "15m"
CUSTOMER_LINK = f"/d/{names.CUSTOMER}?var-customer=${{__value.raw:percentencode}}&${{__url_time_range}}"
_CUSTOMER = Column("customer", link=CUSTOMER_LINK, link_title="This customer")


def build() -> dashboard.Dashboard:
    """The dashboard. Whole days and months, UTC."""
    board = (
        dashboard.Dashboard("Picture Perfect: Business")
        .uid(names.BUSINESS)
        .description("Volume, cost and savings, by customer and pipeline. From the ledger; whole days, UTC.")
        .tags([names.TAG])
        .timezone("utc")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-90d", "now")
        .refresh(REFRESH)
        .with_variable(dashboard.DatasourceVariable("postgres").label("PostgreSQL").type(names.POSTGRES_TYPE))
        .with_variable(
            dashboard.QueryVariable("pipeline")
            .label("Pipeline")
            .description("Filters the row *Pipelines*")
            .datasource(POSTGRES)
            .query(load_sql("pipeline_names"))
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(True)
            .include_all(True)
        )
        .link(layout.link("Operations", names.OPERATIONS, "Throughput, queues and functions"))
        .link(layout.link("One customer", names.CUSTOMER, "The figures and the images of one customer"))
    )
    return layout.fill(board, (_glance(), _trends(), _customers(), _formats_and_failures(), _pipelines()))


def _glance() -> layout.Row:
    return layout.row(
        "At a glance",
        ledger.total(ALL_CUSTOMERS, "Images"),
        panels.figure(
            POSTGRES,
            "Customers",
            "Customers that sent an image in the months of the time range. *Top movers* lists those that stopped.",
            Sql("customer_count"),
            unit="short",
            span=3,
            calc="lastNotNull",
        ),
        *(
            ledger.total(ALL_CUSTOMERS, title)
            for title in ("Failed", "Renditions", "Bytes saved", "Cost", "Cost of a thousand")
        ),
        ledger.wait(ALL_CUSTOMERS),
    )


def _trends() -> layout.Row:
    return layout.row(
        "Trends",
        ledger.images_by_day(
            ALL_CUSTOMERS,
            "Images by day and door",
            "If a door falls silent, ask its senders, or see *Operations*.",
            "source",
        ),
        ledger.cost_by_day(ALL_CUSTOMERS),
        ledger.bytes_by_day(ALL_CUSTOMERS, span=8),
        panels.lines(
            POSTGRES,
            "Share that failed, by day",
            "For a day that stands out, select it: *Failures by code* then gives its codes.",
            [series("failed_share_by_day")],
            unit="percentunit",
            span=8,
            limits=FAILED_LIMITS,
        ),
        panels.lines(
            POSTGRES,
            "Wait by day, p50 and p95",
            "From arrival to commit. The route batch takes minutes, since a container is started; the route lambda, "
            "seconds.",
            [series("wait_by_day")],
            unit="s",
            span=8,
        ),
    )


def _customers() -> layout.Row:
    return layout.row(
        "Customers",
        panels.rows(
            POSTGRES,
            "Largest customers",
            "The 100 customers with the most images in the months of the time range. Click a name for the customer's "
            "dashboard. If many images failed, tell the customer the codes that it shows.",
            Sql("largest_customers"),
            [
                _CUSTOMER,
                Column("images", "short", gauge=True),
                Column("failed", "percentunit", decimals=1, limits=FAILED_LIMITS),
                Column("bytes in", "decbytes"),
                Column("bytes saved", "decbytes"),
                Column("dollars", "currencyUSD", decimals=2),
                Column("dollars a thousand", "currencyUSD", decimals=3),
            ],
            span=14,
            height=12,
        ),
        panels.rows(
            POSTGRES,
            "Top movers",
            "The largest changes from one month to the last whole month. An `after` of 0: the customer stopped; a "
            "`before` of 0: the customer is new.",
            Sql("top_movers"),
            [
                _CUSTOMER,
                Column("before", "short"),
                Column("after", "short"),
                Column("change", "short"),
                Column("dollars", "currencyUSD", decimals=2),
            ],
            span=10,
            height=12,
        ),
    )


def _formats_and_failures() -> layout.Row:
    return layout.row(
        "Formats and failures",
        panels.shares(
            POSTGRES,
            "Images by format",
            "Format of the sources; `other`: the header could not be read.",
            Sql("images_by_format"),
            unit="short",
            span=6,
        ),
        ledger.images_by_door_and_route(ALL_CUSTOMERS),
        panels.rows(
            POSTGRES,
            "Failures by code",
            "Codes of the images that ended failed, with their share of all images. docs/reference/codes.md says "
            "what to do for each code.",
            Sql("failures_by_code"),
            [Column("images", "short", gauge=True), Column("share", "percentunit", decimals=3)],
            span=12,
            height=8,
        ),
    )


def _pipelines() -> layout.Row:
    return layout.row(
        "Pipelines",
        panels.rows(
            POSTGRES,
            "Pipelines",
            "The most expensive pipeline first. docs/explanation/costs.md has the cost of each operation.",
            Sql("pipelines"),
            [
                Column("images", "short", gauge=True),
                Column("failed", "percentunit", decimals=1, limits=FAILED_LIMITS),
                Column("renditions", "short"),
                Column("CPU of one", "s", decimals=3),
                Column("dollars", "currencyUSD", decimals=2),
                Column("dollars a thousand", "currencyUSD", decimals=3),
            ],
            span=12,
            height=8,
        ),
        panels.lines(
            POSTGRES,
            "CPU time by estimate",
            "CPU time of the images of a day, divided by the estimate from their headers. Far from 100 %: run "
            "`pictureperfect calibrate` on the architecture of the functions.",
            [series("cpu_by_estimate")],
            unit="percentunit",
            span=6,
        ),
        panels.lines(
            POSTGRES,
            "Above the upper estimate",
            "Share of images that took more time or memory than their upper estimate: the function may have run them "
            "for nothing. Above 1 %: run `pictureperfect calibrate`.",
            [series("above_upper_estimate")],
            unit="percentunit",
            span=6,
            limits=Limits(0.01, 0.05),
        ),
    )

"""*One customer*: the figures of *Business* for one customer, and the customer's images."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh, VariableSort

from dashboards import layout, names, panels
from dashboards.boards import ledger
from dashboards.boards.ledger import ONE_CUSTOMER, WAIT_LIMITS
from dashboards.names import POSTGRES
from dashboards.panels import Column
from dashboards.postgres import Sql, load_sql, series

IMAGE_LINK = f"/d/{names.IMAGE}?var-image=${{__value.raw}}"
_IMAGE = Column("image", link=IMAGE_LINK, link_title="This image", width=310)


def build() -> dashboard.Dashboard:
    """The dashboard. It does not refresh, since its tables read images and not sums."""
    board = (
        dashboard.Dashboard("Picture Perfect: One customer")
        .uid(names.CUSTOMER)
        .description("Images, results and cost of one customer. From the ledger; whole days, UTC.")
        .tags([names.TAG])
        .timezone("utc")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-90d", "now")
        .refresh("")
        .with_variable(dashboard.DatasourceVariable("postgres").label("PostgreSQL").type(names.POSTGRES_TYPE))
        .with_variable(
            dashboard.QueryVariable("customer")
            .label("Customer")
            .description("Customers that sent an image in the months of the time range")
            .datasource(POSTGRES)
            .query(load_sql("customer_names"))
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(False)
            .include_all(False)
        )
        .link(layout.link("Business", names.BUSINESS, "All customers"))
        .link(layout.link("One image", names.IMAGE, "The history of one image"))
    )
    return layout.fill(board, (_glance(), _trends(), _months(), _images(), _review()))


def _glance() -> layout.Row:
    return layout.row(
        "${customer}",
        *(
            ledger.total(ONE_CUSTOMER, title)
            for title in ("Images", "Failed", "Renditions", "Bytes in", "Bytes saved", "Cost")
        ),
        ledger.total(ONE_CUSTOMER, "Cost of a thousand", decimals=3),
        ledger.wait(ONE_CUSTOMER),
    )


def _trends() -> layout.Row:
    return layout.row(
        "Trends",
        ledger.images_by_day(
            ONE_CUSTOMER,
            "Images by day and format",
            "If the images stop, ask the customer.",
            "format",
        ),
        ledger.cost_by_day(ONE_CUSTOMER),
        ledger.bytes_by_day(ONE_CUSTOMER, span=12),
        panels.bars(
            POSTGRES,
            "Failed by day",
            "Images that ended failed. *Latest failures* below lists them with their codes.",
            [series("customer_failed_by_day")],
            unit="short",
        ),
    )


def _months() -> layout.Row:
    return layout.row(
        "By month",
        ledger.images_by_door_and_route(ONE_CUSTOMER),
        panels.shares(
            POSTGRES,
            "Images by pipeline",
            "Images of the months in the time range.",
            Sql("customer_images_by_pipeline"),
            unit="short",
            span=6,
        ),
        panels.rows(
            POSTGRES,
            "Failures by code",
            "Codes of the images that ended failed, of the months in the time range. docs/reference/codes.md says "
            "what to do for each code.",
            Sql("customer_failures_by_code"),
            [Column("images", "short", gauge=True)],
            span=6,
            height=8,
        ),
        panels.rows(
            POSTGRES,
            "Wait by month",
            "Seconds from arrival to commit, p50 and p95.",
            Sql("customer_wait_by_month"),
            [
                Column("month", "time:YYYY-MM"),
                Column("images", "short"),
                Column("p50", "s", decimals=1),
                Column("p95", "s", decimals=1, limits=WAIT_LIMITS),
            ],
            span=6,
            height=8,
        ),
    )


def _images() -> layout.Row:
    return layout.row(
        "Images",
        panels.rows(
            POSTGRES,
            "Latest images",
            "The last 100 images in the time range. Click an id for the history of the image.",
            Sql("customer_latest_images"),
            [
                _IMAGE,
                Column("committed", width=170),
                Column("bytes in", "decbytes"),
                Column("bytes saved", "decbytes"),
                Column("wait", "s", decimals=1, limits=WAIT_LIMITS),
            ],
            height=12,
        ),
    )


def _review() -> layout.Row:
    """Collapsed, since its queries read all images of the customer."""
    return layout.row(
        "Review",
        panels.rows(
            POSTGRES,
            "Latest failures",
            "The last 50 images that ended failed, with their codes.",
            Sql("customer_latest_failures"),
            [_IMAGE],
            span=12,
        ),
        panels.rows(
            POSTGRES,
            "Most expensive images",
            "The 50 images with the highest cost, with their route.",
            Sql("customer_most_expensive"),
            [_IMAGE, Column("dollars", "currencyUSD", decimals=6)],
            span=12,
        ),
        panels.rows(
            POSTGRES,
            "Blurry uploads",
            "Images with less than a tenth of the customer's median sharpness in the pipeline: ask for the original.",
            Sql("customer_blurry_uploads"),
            [_IMAGE, Column("sharpness", decimals=1), Column("share", "percentunit", decimals=1)],
            span=12,
        ),
        panels.rows(
            POSTGRES,
            "Near-duplicates",
            "Pairs of images in the time range that look alike, with the number of differing bits of their 64-bit "
            "perceptual hashes. The customer may have sent, and paid for, an image twice.",
            Sql("customer_near_duplicates"),
            [_IMAGE, Column("other", link=IMAGE_LINK, link_title="The other image", width=310)],
            span=12,
        ),
        collapsed=True,
    )

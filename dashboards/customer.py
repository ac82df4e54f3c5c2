"""*One customer*: what *Business* says of all, of one; and its images, each a click from its own page."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh, VariableSort

from dashboards import names, panels
from dashboards.business import DAYS, MONTHS, THOUSAND
from dashboards.names import POSTGRES
from dashboards.panels import Column, Limits
from dashboards.sql import Sql, series

MINE = "customer = ${customer:sqlstring}"
#: For the views that read images: their index is by customer and time.
WHEN = f"{MINE} AND $__timeFilter(committed_at)"
IMAGE_LINK = f"/d/{names.IMAGE}?var-image=${{__value.raw}}"
_FAILED_SHARE = "sum(failed)::float8 / nullif(sum(images), 0)"
_IMAGE = Column("image", link=IMAGE_LINK, link_title="The life of this image", width=310)


def build() -> dashboard.Dashboard:
    """The dashboard. It does not refresh: its tables read images, not sums."""
    board = (
        dashboard.Dashboard("Picture Perfect: One customer")
        .uid(names.CUSTOMER)
        .description("What one customer sent, what became of it, and what it cost. From the ledger; whole days, UTC.")
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
            .description("Who sent something in the months of the time that is looked at")
            .datasource(POSTGRES)
            .query(f"SELECT DISTINCT customer FROM customer_months WHERE {MONTHS} ORDER BY customer")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(False)
            .include_all(False)
        )
        .link(panels.link("Business", names.BUSINESS, "All customers"))
        .link(panels.link("One image", names.IMAGE, "The life of an id"))
    )
    return panels.fill(board, (_glance(), _trends(), _ways(), _images(), _looks()))


def _total(
    title: str, meaning: str, what: str, unit: str, limits: Limits | None = None, decimals: int | None = None
) -> Builder[Any]:
    query = Sql(f"SELECT {what} FROM customer_days WHERE {MINE} AND {DAYS}")
    return panels.figure(
        POSTGRES, title, meaning, query, unit=unit, span=3, limits=limits, calc="lastNotNull", decimals=decimals
    )


def _glance() -> panels.Row:
    period = "in the time that is looked at"
    return panels.row(
        "${customer}",
        _total("Images", f"Images that ended {period}, each once.", "sum(images) AS images", "short"),
        _total(
            "Failed",
            "Share of them that ended failed. *Failures by code* says why: tell the customer.",
            f"{_FAILED_SHARE} AS failed",
            "percentunit",
            Limits(0.02, 0.1),
        ),
        _total("Renditions", "Files made of them.", "sum(outputs) AS renditions", "short"),
        _total("Bytes in", "Of the sources, as they came.", 'sum(bytes_in) AS "bytes in"', "decbytes"),
        _total(
            "Bytes saved",
            "Sources less each image's largest rendition: what whoever fetches that one is spared, each time.",
            "sum(bytes_saved) AS saved",
            "decbytes",
        ),
        _total(
            "Cost", "Compute, requests and storage, at the prices of each day.", "sum(usd) AS dollars", "currencyUSD"
        ),
        _total(
            "Cost of a thousand",
            "To set against *Business*: far above it, this customer's images are larger, or its pipelines dearer.",
            f"{THOUSAND} AS dollars",
            "currencyUSD",
            decimals=3,
        ),
        panels.figure(
            POSTGRES,
            "Wait, p95",
            "From arrival to commit, in the months of the time that is looked at: 95 of 100 images were faster; within "
            "26 %, out of buckets.",
            Sql(
                f"""
                SELECT histogram_percentile(0.95, array_agg(bucket), array_agg(images)) AS seconds
                  FROM customer_histogram_months WHERE name = 'Latency' AND {MINE} AND {MONTHS}
                """
            ),
            unit="s",
            span=3,
            calc="lastNotNull",
            limits=Limits(60, 900),
        ),
    )


def _trends() -> panels.Row:
    return panels.row(
        "Trends",
        panels.bars(
            POSTGRES,
            "Images by day and format",
            "How much this customer sends, and of what. A sudden end: ask.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), format AS metric, sum(images) AS images
                      FROM customer_days WHERE {MINE} AND {DAYS} GROUP BY 1, 2 ORDER BY 1, 2
                    """
                )
            ],
            unit="short",
        ),
        panels.bars(
            POSTGRES,
            "Cost by day",
            "Dollars by kind: the pixels, S3's requests, and storage for as long as it is kept.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), sum(compute_usd) AS compute, sum(requests_usd) AS requests,
                           sum(storage_usd) AS storage
                      FROM customer_days WHERE {MINE} AND {DAYS} GROUP BY 1 ORDER BY 1
                    """
                )
            ],
            unit="currencyUSD",
        ),
        panels.lines(
            POSTGRES,
            "Bytes by day",
            "In: sources. Out: all renditions. Saved: sources less each one's largest rendition.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), sum(bytes_in) AS "in", sum(bytes_out) AS "out",
                           sum(bytes_saved) AS saved
                      FROM customer_days WHERE {MINE} AND {DAYS} GROUP BY 1 ORDER BY 1
                    """
                )
            ],
            unit="decbytes",
            signed=True,
        ),
        panels.bars(
            POSTGRES,
            "Failed by day",
            "A day with many: its images are below, with their codes.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), sum(failed) AS failed
                      FROM customer_days WHERE {MINE} AND {DAYS} GROUP BY 1 ORDER BY 1
                    """
                )
            ],
            unit="short",
        ),
    )


def _ways() -> panels.Row:
    months = f"{MINE} AND {MONTHS}"
    return panels.row(
        "By month",
        panels.shares(
            POSTGRES,
            "Images by door and route",
            "In the months of the time that is looked at: how they came in, and where they were worked on.",
            Sql(
                f"""
                SELECT source || ', ' || route AS way, sum(images) AS images FROM customer_months_by_source
                 WHERE {months} GROUP BY 1 ORDER BY 2 DESC, 1
                """
            ),
            unit="short",
            span=6,
        ),
        panels.shares(
            POSTGRES,
            "Images by pipeline",
            "In the months of the time that is looked at.",
            Sql(
                f"""
                SELECT pipeline, sum(images) AS images FROM customer_months_by_pipeline
                 WHERE {months} GROUP BY 1 ORDER BY 2 DESC, 1
                """
            ),
            unit="short",
            span=6,
        ),
        panels.rows(
            POSTGRES,
            "Failures by code",
            "In the months of the time that is looked at. docs/reference/codes.md says for each code what to do.",
            Sql(
                f"""
                SELECT code, sum(images) AS images FROM customer_months_by_code
                 WHERE {months} AND code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1
                """
            ),
            [Column("images", "short", gauge=True)],
            span=6,
            height=8,
        ),
        panels.rows(
            POSTGRES,
            "Wait by month",
            "Seconds from arrival to commit: half of the images, and 95 of 100, were faster.",
            Sql(
                f"""
                SELECT month, route, images, p50, p95 FROM customer_latency_months
                 WHERE {months} ORDER BY month DESC, route
                """
            ),
            [
                Column("month", "time:YYYY-MM"),
                Column("images", "short"),
                Column("p50", "s", decimals=1),
                Column("p95", "s", decimals=1, limits=Limits(60, 900)),
            ],
            span=6,
            height=8,
        ),
    )


def _images() -> panels.Row:
    return panels.row(
        "Images",
        panels.rows(
            POSTGRES,
            "Latest images",
            "The last hundred in the time that is looked at. A click on an id leads to the life of that image.",
            Sql(
                f"""
                SELECT committed_at AS committed, image_id::text AS image, pipeline, source, route, format,
                       width, height, bytes_in AS "bytes in", outputs AS renditions, bytes_saved AS "bytes saved",
                       latency_seconds AS wait, status, code
                  FROM image_facts WHERE {WHEN} ORDER BY committed_at DESC, image_id DESC LIMIT 100
                """
            ),
            [
                _IMAGE,
                Column("committed", width=170),
                Column("bytes in", "decbytes"),
                Column("bytes saved", "decbytes"),
                Column("wait", "s", decimals=1, limits=Limits(60, 900)),
            ],
            height=12,
        ),
    )


def _looks() -> panels.Row:
    """What reads all of the customer's images: asked for when it is opened."""
    return panels.row(
        "Worth a look",
        panels.rows(
            POSTGRES,
            "The last that failed",
            "With the code that says why.",
            Sql(
                f"""
                SELECT committed_at AS committed, image_id::text AS image, pipeline, source, format, code
                  FROM image_facts WHERE {WHEN} AND status = 'failed'
                 ORDER BY committed_at DESC, image_id DESC LIMIT 50
                """
            ),
            [_IMAGE],
            span=12,
        ),
        panels.rows(
            POSTGRES,
            "The dearest",
            "What an image cost, and on which route.",
            Sql(
                f"""
                SELECT time AS committed, image_id::text AS image, pipeline, route, tier, format, total AS dollars
                  FROM dollars WHERE {MINE} AND $__timeFilter(time)
                 ORDER BY total DESC NULLS LAST, image_id LIMIT 50
                """
            ),
            [_IMAGE, Column("dollars", "currencyUSD", decimals=6)],
            span=12,
        ),
        panels.rows(
            POSTGRES,
            "Blurry uploads",
            "Far less sharp than what this customer usually sends through that pipeline: ask for the original.",
            Sql(
                f"""
                SELECT committed_at AS committed, image_id::text AS image, pipeline, sharpness, share
                  FROM blurry_uploads WHERE {WHEN} ORDER BY share, image_id LIMIT 50
                """
            ),
            [_IMAGE, Column("sharpness", decimals=1), Column("share", "percentunit", decimals=1)],
            span=12,
        ),
        panels.rows(
            POSTGRES,
            "Near-duplicates",
            "Pairs of pictures of this time that look alike: of 64 bits, so many differ. They may be sent, and paid "
            "for, twice.",
            Sql(
                f"""
                SELECT committed_at AS committed, image_id::text AS image, other_id::text AS other, distance
                  FROM near_duplicates WHERE {WHEN} AND $__timeFilter(other_committed_at) AND image_id < other_id
                 ORDER BY distance, committed_at DESC, image_id LIMIT 50
                """
            ),
            [_IMAGE, Column("other", link=IMAGE_LINK, link_title="The life of the other", width=310)],
            span=12,
        ),
        collapsed=True,
    )

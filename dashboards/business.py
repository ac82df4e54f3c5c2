"""*Business*: who sends what, what it costs, what it saves. Out of the sums, which no number of images slows."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh, VariableSort

from dashboards import names, panels
from dashboards.names import POSTGRES
from dashboards.panels import Column, Limits
from dashboards.sql import Sql, series

#: Sums of days: fresher is not needed.
REFRESH = "15m"
#: The months that the time looked at touches.
MONTHS = "month BETWEEN date_trunc('month', $__timeFrom()::timestamp)::date AND $__timeTo()::timestamp::date"
DAYS = "$__timeFilter(day)"
CUSTOMER_LINK = f"/d/{names.CUSTOMER}?var-customer=${{__value.raw:percentencode}}&${{__url_time_range}}"
THOUSAND = "1000 * sum(usd) / nullif(sum(images), 0)"
_FAILED_SHARE = "sum(failed)::float8 / nullif(sum(images), 0)"


def build() -> dashboard.Dashboard:
    """The dashboard. Whole days and months, UTC."""
    board = (
        dashboard.Dashboard("Picture Perfect: Business")
        .uid(names.BUSINESS)
        .description("Who sends what, what it costs and what it saves. From the ledger; whole days, UTC.")
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
            .description("Of the panels about pipelines and estimates alone")
            .datasource(POSTGRES)
            .query(f"SELECT DISTINCT pipeline FROM days_by_pipeline WHERE {DAYS} ORDER BY pipeline")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(True)
            .include_all(True)
        )
        .link(panels.link("Operations", names.OPERATIONS, "Is all of it moving, and where not?"))
        .link(panels.link("One customer", names.CUSTOMER, "The same of one customer, and its images"))
    )
    return panels.fill(board, (_glance(), _trends(), _customers(), _kinds(), _pipelines()))


def _total(title: str, meaning: str, what: str, unit: str, limits: Limits | None = None) -> Builder[Any]:
    query = Sql(f"SELECT {what} FROM days_by_source WHERE {DAYS}")
    return panels.figure(POSTGRES, title, meaning, query, unit=unit, span=3, limits=limits, calc="lastNotNull")


def _glance() -> panels.Row:
    period = "in the time that is looked at"
    return panels.row(
        "At a glance",
        _total(
            "Images", f"Images that ended {period}, each once. What is billed by.", "sum(images) AS images", "short"
        ),
        panels.figure(
            POSTGRES,
            "Customers",
            "Customers that sent something in the months of the time that is looked at. *Top movers* names who left.",
            Sql(f"SELECT count(DISTINCT customer) AS customers FROM customer_months WHERE {MONTHS}"),
            unit="short",
            span=3,
            calc="lastNotNull",
        ),
        _total(
            "Failed",
            f"Share of the images {period} that ended failed. *Failures by code* says why, *Largest customers* "
            "whose they are.",
            f"{_FAILED_SHARE} AS failed",
            "percentunit",
            Limits(0.02, 0.1),
        ),
        _total("Renditions", f"Files made {period}.", "sum(outputs) AS renditions", "short"),
        _total(
            "Bytes saved",
            "Sources less each image's largest rendition: what whoever fetches that one is spared, each time.",
            "sum(bytes_saved) AS saved",
            "decbytes",
        ),
        _total(
            "Cost",
            f"Compute, requests and storage of the images {period}, at the prices of their day (docs/reference/ledger.md "
            "says what is not in it). The bill of AWS is the truth.",
            "sum(usd) AS dollars",
            "currencyUSD",
        ),
        _total(
            "Cost of a thousand",
            "The same by thousand images. If it rises, *Pipelines* says which, *Cost by day* of what kind.",
            f"{THOUSAND} AS dollars",
            "currencyUSD",
        ),
        panels.figure(
            POSTGRES,
            "Wait, p95",
            "From arrival to commit: 95 of 100 images were faster, on whatever route; within 26 %, out of buckets.",
            Sql(
                f"""
                SELECT histogram_percentile(0.95, array_agg(bucket), array_agg(images)) AS seconds
                  FROM histogram_days WHERE name = 'Latency' AND {DAYS}
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
            "Images by day and door",
            "How much comes, and by which door. A door that falls silent: ask its senders, or look at *Operations*.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), source AS metric, sum(images) AS images
                      FROM days_by_source WHERE {DAYS} GROUP BY 1, 2 ORDER BY 1, 2
                    """
                )
            ],
            unit="short",
        ),
        panels.bars(
            POSTGRES,
            "Cost by day",
            "Dollars by kind. compute: the pixels; requests: S3's puts and gets; storage: sources and renditions "
            "for as long as they are kept. Much storage: shorten the retention.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), sum(compute_usd) AS compute, sum(requests_usd) AS requests,
                           sum(storage_usd) AS storage
                      FROM days_by_source WHERE {DAYS} GROUP BY 1 ORDER BY 1
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
                      FROM days_by_source WHERE {DAYS} GROUP BY 1 ORDER BY 1
                    """
                )
            ],
            unit="decbytes",
            span=8,
            signed=True,
        ),
        panels.lines(
            POSTGRES,
            "Share that failed, by day",
            "A day that stands out: *Failures by code* with that day selected says why.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), {_FAILED_SHARE} AS failed
                      FROM days_by_source WHERE {DAYS} GROUP BY 1 ORDER BY 1
                    """
                )
            ],
            unit="percentunit",
            span=8,
            limits=Limits(0.02, 0.1),
        ),
        panels.lines(
            POSTGRES,
            "Wait by day, p50 and p95",
            "From arrival to commit. The route batch takes minutes, since a container is started; lambda seconds.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), route AS metric, max(p50) AS p50, max(p95) AS p95
                      FROM latency_days WHERE {DAYS} GROUP BY 1, 2 ORDER BY 1, 2
                    """
                )
            ],
            unit="s",
            span=8,
        ),
    )


def _customers() -> panels.Row:
    return panels.row(
        "Customers",
        panels.rows(
            POSTGRES,
            "Largest customers",
            "The hundred that sent most in the months of the time that is looked at. A click on a name leads to that "
            "customer's page. Much that failed: tell them, with the codes from there.",
            Sql(
                f"""
                SELECT customer, sum(images) AS images, {_FAILED_SHARE} AS failed, sum(bytes_in) AS "bytes in",
                       sum(bytes_saved) AS "bytes saved", sum(usd) AS dollars, {THOUSAND} AS "dollars a thousand"
                  FROM customer_months WHERE {MONTHS}
                 GROUP BY customer ORDER BY sum(images) DESC, customer LIMIT 100
                """
            ),
            [
                Column("customer", link=CUSTOMER_LINK, link_title="This customer"),
                Column("images", "short", gauge=True),
                Column("failed", "percentunit", decimals=1, limits=Limits(0.02, 0.1)),
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
            "The last whole month against the one before: who sent most more, or most less. Nothing after: they left; "
            "nothing before: they are new.",
            Sql(
                """
                WITH months AS (
                    SELECT (date_trunc('month', $__timeTo()::timestamp) - interval '1 month')::date AS last,
                           (date_trunc('month', $__timeTo()::timestamp) - interval '2 months')::date AS before
                )
                SELECT customer, coalesce(sum(images) FILTER (WHERE month = before), 0) AS before,
                       coalesce(sum(images) FILTER (WHERE month = last), 0) AS after,
                       coalesce(sum(images) FILTER (WHERE month = last), 0)
                       - coalesce(sum(images) FILTER (WHERE month = before), 0) AS change,
                       coalesce(sum(usd) FILTER (WHERE month = last), 0)
                       - coalesce(sum(usd) FILTER (WHERE month = before), 0) AS dollars
                  FROM customer_months, months WHERE month IN (last, before)
                 GROUP BY customer ORDER BY abs(coalesce(sum(images) FILTER (WHERE month = last), 0)
                       - coalesce(sum(images) FILTER (WHERE month = before), 0)) DESC, customer LIMIT 25
                """
            ),
            [
                Column("customer", link=CUSTOMER_LINK, link_title="This customer"),
                Column("before", "short"),
                Column("after", "short"),
                Column("change", "short"),
                Column("dollars", "currencyUSD", decimals=2),
            ],
            span=10,
            height=12,
        ),
    )


def _kinds() -> panels.Row:
    return panels.row(
        "What comes, and what fails",
        panels.shares(
            POSTGRES,
            "Images by format",
            "Of the sources; `other` is what had no readable header.",
            Sql(f"SELECT format, sum(images) AS images FROM days_by_format WHERE {DAYS} GROUP BY 1 ORDER BY 2 DESC, 1"),
            unit="short",
            span=6,
        ),
        panels.shares(
            POSTGRES,
            "Images by door and route",
            "How they came in, and where they were worked on.",
            Sql(
                f"""
                SELECT source || ', ' || route AS way, sum(images) AS images FROM days_by_source WHERE {DAYS}
                 GROUP BY 1 ORDER BY 2 DESC, 1
                """
            ),
            unit="short",
            span=6,
        ),
        panels.rows(
            POSTGRES,
            "Failures by code",
            "Why images ended failed, and what share of all that is. docs/reference/codes.md says for each code what to do.",
            Sql(
                f"""
                SELECT code, sum(images) AS images,
                       sum(images)::float8 / nullif((SELECT sum(images) FROM days_by_code WHERE {DAYS}), 0) AS share
                  FROM days_by_code WHERE {DAYS} AND code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1
                """
            ),
            [Column("images", "short", gauge=True), Column("share", "percentunit", decimals=3)],
            span=12,
            height=8,
        ),
    )


def _pipelines() -> panels.Row:
    # An array, since of no pipelines Grafana makes nothing: in `IN ()` that would be an error.
    chosen = f"{DAYS} AND pipeline = ANY (ARRAY[${{pipeline:sqlstring}}]::text[])"
    return panels.row(
        "Pipelines",
        panels.rows(
            POSTGRES,
            "Pipelines",
            "What each makes, and what a thousand of its images cost. The dearest is the first to look at: "
            "docs/explanation/costs.md has what each operation takes.",
            Sql(
                f"""
                SELECT pipeline, sum(images) AS images, {_FAILED_SHARE} AS failed, sum(outputs) AS renditions,
                       sum(cpu_seconds) / nullif(sum(images), 0) AS "CPU of one", sum(usd) AS dollars,
                       {THOUSAND} AS "dollars a thousand"
                  FROM days_by_pipeline WHERE {chosen} GROUP BY pipeline ORDER BY sum(usd) DESC NULLS LAST, pipeline
                """
            ),
            [
                Column("images", "short", gauge=True),
                Column("failed", "percentunit", decimals=1, limits=Limits(0.02, 0.1)),
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
            "Truth by estimate",
            "CPU time that images took, by what was estimated from their header, all images of a day together. Far "
            "from 100 %: calibrate anew (`pictureperfect calibrate`) on the architecture that the functions run on.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'), pipeline AS metric,
                           (sum(cpu_seconds) / nullif(sum(estimated_cpu_seconds), 0))::float8 AS truth
                      FROM estimate_days WHERE {chosen} GROUP BY 1, 2 ORDER BY 1, 2
                    """
                )
            ],
            unit="percentunit",
            span=6,
        ),
        panels.lines(
            POSTGRES,
            "Beyond the upper estimate",
            "Share of images that took more time or memory than was thought possible: each may have been tried in "
            "vain. Over a hundredth: calibrate anew.",
            [
                series(
                    f"""
                    SELECT $__timeGroupAlias(day, '1d'),
                           sum(beyond_time)::float8 / nullif(sum(images), 0) AS "CPU time",
                           sum(beyond_memory)::float8 / nullif(sum(images), 0) AS memory
                      FROM estimate_days WHERE {chosen} GROUP BY 1 ORDER BY 1
                    """
                )
            ],
            unit="percentunit",
            span=6,
            limits=Limits(0.01, 0.05),
        ),
    )

"""Rows of panels, and links between the dashboards."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardLinkType


class Row(NamedTuple):
    """Panels under a heading. Grafana queries the panels of a collapsed row once it is opened."""

    title: str
    panels: tuple[Builder[Any], ...]
    collapsed: bool = False


def row(title: str, *panels: Builder[Any], collapsed: bool = False) -> Row:
    """A row of these panels."""
    return Row(title, panels, collapsed)


def fill(board: dashboard.Dashboard, rows: Iterable[Row]) -> dashboard.Dashboard:
    """Add the rows to the dashboard, from the top."""
    for each in rows:
        heading = dashboard.Row(each.title)
        if each.collapsed:  # it contains its panels; those of an open row follow it
            for panel in each.panels:
                heading = heading.with_panel(panel)
            board = board.with_row(heading)
            continue
        board = board.with_row(heading)
        for panel in each.panels:
            board = board.with_panel(panel)
    return board


def link(title: str, uid: str, tooltip: str) -> dashboard.DashboardLink:
    """A link to another dashboard at the top of the page; it keeps the time range."""
    return (
        dashboard.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .icon("dashboard")
        .tooltip(tooltip)
        .url(f"/d/{uid}")
        .keep_time(True)
        .include_vars(False)
        .as_dropdown(False)
        .target_blank(False)
        .tags([])
    )

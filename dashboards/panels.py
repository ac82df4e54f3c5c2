"""Builders of panels and rows. Each panel has a title, a unit, and a description: its meaning, and the remedy."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, logs, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BigValueColorMode,
    BigValueGraphMode,
    FieldTextAlignment,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LogsSortOrder,
    SortOrder,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from dashboards import names

Query = Builder[Dataquery]
_Panel = TypeVar("_Panel")
#: Grafana's grid has 24 columns.
WIDE = 24


class Limits(NamedTuple):
    """From `warning` a value is orange, from `serious` it is red."""

    warning: float
    serious: float


class Column(NamedTuple):
    """The format of a table's column. `link`: a URL with `${__value…}`; `gauge`: adds a bar; `width`: pixels."""

    name: str
    unit: str = ""
    link: str = ""
    link_title: str = ""
    decimals: int | None = None
    gauge: bool = False
    width: int = 0
    limits: Limits | None = None


def figure(
    source: DataSourceRef,
    title: str,
    meaning: str,
    query: Query,
    *,
    unit: str,
    span: int = 4,
    limits: Limits | None = None,
    calc: str = "sum",
    decimals: int | None = None,
    height: int = 4,
) -> stat.Panel:
    """One number. `calc` is Grafana's reducer of the values."""
    panel = (
        _with_header(stat.Panel(), source, title, meaning, span, height)
        .unit(unit)
        .no_value("-")
        .thresholds(_thresholds(limits))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA if source is names.CLOUDWATCH else BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs([calc]).fields("").values(False))
        .with_target(_numbered(query, 0))
    )
    return panel if decimals is None else panel.decimals(decimals)


def lines(
    source: DataSourceRef,
    title: str,
    meaning: str,
    queries: Sequence[Query],
    *,
    unit: str,
    span: int = 12,
    limits: Limits | None = None,
    top: float | None = None,
    signed: bool = False,
    height: int = 8,
) -> timeseries.Panel:
    """Lines over time. `limits` are dashed lines, `top` is the least upper end, `signed` values may be negative."""
    panel = _time_series(source, title, meaning, queries, unit, span, height).line_width(2).fill_opacity(6)
    panel = panel if signed else panel.min(0)
    panel = panel.show_points(VisibilityMode.AUTO).span_nulls(False)
    if top is not None:
        panel = panel.axis_soft_max(top)
    if limits is None:
        return panel
    style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(_thresholds(limits)).thresholds_style(style)


def bars(
    source: DataSourceRef,
    title: str,
    meaning: str,
    queries: Sequence[Query],
    *,
    unit: str,
    span: int = 12,
    height: int = 8,
) -> timeseries.Panel:
    """Counts over time as stacked bars."""
    return (
        _time_series(source, title, meaning, queries, unit, span, height)
        .min(0)
        .draw_style(GraphDrawStyle.BARS)
        .line_width(0)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    )


def shares(
    source: DataSourceRef, title: str, meaning: str, query: Query, *, unit: str, span: int = 8, height: int = 8
) -> bargauge.Panel:
    """A horizontal bar for each row."""
    return (
        _with_header(bargauge.Panel(), source, title, meaning, span, height)
        .unit(unit)
        .no_value("-")
        .min(0)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_BL_PU))
        .display_mode(BarGaugeDisplayMode.GRADIENT)
        .name_placement(BarGaugeNamePlacement.LEFT)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(True))
        .with_target(_numbered(query, 0))
    )


def rows(
    source: DataSourceRef,
    title: str,
    meaning: str,
    query: Query,
    columns: Sequence[Column],
    *,
    span: int = 24,
    height: int = 10,
) -> table.Panel:
    """A table. Columns that are not in `columns` keep Grafana's format."""
    panel = (
        _with_header(table.Panel(), source, title, meaning, span, height)
        .no_value("-")
        .cell_height(TableCellHeight.SM)
        .align(FieldTextAlignment.AUTO)
        .inspect(False)
        .with_target(_numbered(query, 0))
    )
    for column in columns:
        panel = panel.override_by_name(column.name, _properties(column))
    return panel


def log_lines(source: DataSourceRef, title: str, meaning: str, query: Query) -> logs.Panel:
    """Log lines, the earliest on top."""
    return (
        _with_header(logs.Panel(), source, title, meaning, WIDE, 12)
        .show_time(True)
        .wrap_log_message(True)
        .sort_order(LogsSortOrder.ASCENDING)
        .with_target(_numbered(query, 0))
    )


def _with_header(panel: _Panel, source: DataSourceRef, title: str, meaning: str, span: int, height: int) -> _Panel:
    """The same builder, with the properties that every panel has; the SDK's builders share no type that has them."""
    builder: Any = panel
    builder.title(title).description(meaning).datasource(source).span(span).height(height)
    return panel


def _time_series(
    source: DataSourceRef, title: str, meaning: str, queries: Sequence[Query], unit: str, span: int, height: int
) -> timeseries.Panel:
    panel = (
        _with_header(timeseries.Panel(), source, title, meaning, span, height)
        .unit(unit)
        .no_value("-")
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs([])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    for number, query in enumerate(queries):
        panel = panel.with_target(_numbered(query, number))
    return panel


class _BuiltQuery(Builder[Dataquery]):
    """The SDK takes builders only."""

    def __init__(self, built: Dataquery) -> None:
        self._built = built

    def build(self) -> Dataquery:
        return self._built


def _numbered(query: Query, number: int) -> Query:
    """The query with its refId: A, B, …."""
    built: Any = query.build()
    built.ref_id = chr(ord("A") + number)
    return _BuiltQuery(built)


def _thresholds(limits: Limits | None) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green" if limits else "text")]
    if limits:
        steps += [Threshold(value=limits.warning, color="orange"), Threshold(value=limits.serious, color="red")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _properties(column: Column) -> list[DynamicConfigValue]:
    properties: dict[str, Any] = {}
    if column.unit:
        properties["unit"] = column.unit
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.width:
        properties["custom.width"] = column.width
    if column.link:
        properties["links"] = [
            {"title": column.link_title, "url": column.link, "targetBlank": column.link.startswith("$")}
        ]
    if column.gauge:
        properties["custom.cellOptions"] = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
        properties["min"] = 0
    if column.limits:
        properties["thresholds"] = _thresholds(column.limits).build()
        properties["custom.cellOptions"] = {"type": "color-text"}
    return [DynamicConfigValue(id_val=name, value=value) for name, value in properties.items()]

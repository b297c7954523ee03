"""Panels as these dashboards have them: each says what it means and what to do, and looks like its like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import bargauge, dashboard, prometheus, statetimeline, timeseries
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models import dashboard as dashboard_model

from grafana.colours import CRITICAL, FINE, LINES, NEUTRAL, WARNING

Size: TypeAlias = tuple[int, int]
"""Width, of 24, and height."""
Steps: TypeAlias = Sequence[tuple[float | None, str]]
"""From which value on which colour; None is everything below."""
Words: TypeAlias = Mapping[int, tuple[str, str]]
"""What a value says, and in which colour."""
P = TypeVar("P", timeseries.Panel, stats.Panel, bargauge.Panel, statetimeline.Panel)

DATASOURCE = dashboard_model.DataSourceRef(type_val="prometheus", uid="${datasource}")
PLAIN: Steps = ((None, NEUTRAL),)
NONE_IS_FINE: Steps = ((None, FINE), (1, CRITICAL))
NONE_IS_BAD: Steps = ((None, CRITICAL), (1, FINE))
OF_LIMIT: Steps = ((None, FINE), (0.67, WARNING), (1, CRITICAL))
_A_DAY_IN_POINTS = 144  # one every ten minutes: what a panel shows of a day costs no more than that

_A_NUMBER_IN_POINTS = 48  # how finely $__interval divides the time range for a single number


@dataclass(frozen=True)
class Query:
    """An expression, and how its series are called."""

    expr: str
    legend: str = "__auto"


def query(asked: Query, ref: str, *, instant: bool) -> prometheus.Dataquery:
    """Write a panel's query."""
    written = prometheus.Dataquery().expr(asked.expr).legend_format(asked.legend).ref_id(ref)
    return written.instant() if instant else written.range()


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Write colours by value."""
    config = dashboard.ThresholdsConfig().mode(dashboard_model.ThresholdsMode.ABSOLUTE)
    return config.steps([dashboard_model.Threshold(value, colour) for value, colour in steps])


def mappings(words: Words) -> list[Any]:
    """Write words for values."""
    results = {
        str(value): dashboard_model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [dashboard_model.ValueMap(options=results)] if results else []


def _fill(  # noqa: PLR0913 - what every panel has
    panel: P, title: str, description: str, queries: Sequence[Query], size: Size, *, instant: bool
) -> P:
    width, height = size
    filled = panel.title(title).description(description).datasource(DATASOURCE).span(width).height(height)
    for ref, asked in zip("ABCDEFGHIJ", queries, strict=False):
        filled = filled.with_target(query(asked, ref, instant=instant))
    return filled


def stat(  # noqa: PLR0913 - a panel has this many sides, and each call names them
    title: str,
    description: str,
    expr: str,
    unit: str,
    *,
    size: Size = (4, 4),
    steps: Steps = PLAIN,
    words: Words | None = None,
    none: str = "no data",
    decimals: int | None = None,
) -> stats.Panel:
    """Show one number, on a coloured ground where the colour says something."""
    coloured = steps is not PLAIN or words
    panel = _fill(stats.Panel(), title, description, [Query(expr)], size, instant=True).unit(unit)
    panel = panel.thresholds(thresholds(steps)).mappings(mappings(words or {})).no_value(none)
    panel = panel.graph_mode(model.BigValueGraphMode.NONE).text_mode(model.BigValueTextMode.VALUE)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields(""))
    panel = panel.max_data_points(_A_NUMBER_IN_POINTS)
    mode = model.BigValueColorMode.BACKGROUND_SOLID if coloured else model.BigValueColorMode.NONE
    return (panel if decimals is None else panel.decimals(decimals)).color_mode(mode)


def lines(  # noqa: PLR0913 - as above
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    size: Size = (12, 9),
    steps: Steps | None = None,
    top: float | None = None,
) -> timeseries.Panel:
    """Draw lines; a series whose name begins with "limit" is dashed, one with "forecast" dotted.

    With `steps` a line's colour is what its last value says, and the steps are drawn. Otherwise a query has a colour,
    and where it is the only one its series are shades of it.
    """
    panel = _drawn(title, description, queries, unit, size).fill_opacity(0).line_width(2)
    panel = panel if top is None else panel.axis_soft_max(top)
    shades = dashboard.FieldColor().mode(dashboard_model.FieldColorModeId.SHADES).fixed_color(FINE)
    panel = panel.color_scheme(shades)
    if len(queries) > 1 and steps is None:
        for ref, colour in zip("ABC", LINES, strict=False):
            panel = panel.override_by_query(ref, [_colour(colour)])
    panel = panel.override_by_regexp("/^limit.*/", _dashed("dash", [8, 6], CRITICAL))
    panel = panel.override_by_regexp("/^limit.*warning/", _dashed("dash", [8, 6], WARNING))
    panel = panel.override_by_regexp("/^forecast.*/", _dashed("dot", [2, 6], NEUTRAL))
    if steps is None:
        return panel
    style = GraphThresholdsStyleConfig().mode(model.GraphThresholdsStyleMode.DASHED)
    by_last = dashboard.FieldColor().mode(dashboard_model.FieldColorModeId.THRESHOLDS)
    by_last = by_last.series_by(dashboard_model.FieldColorSeriesByMode.LAST)
    return panel.thresholds(thresholds(steps)).thresholds_style(style).color_scheme(by_last)


def bars(  # noqa: PLR0913 - as above
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str = "short",
    *,
    size: Size = (12, 9),
    every: str = "1h",
    colour: str = FINE,
) -> timeseries.Panel:
    """Draw a bar for each hour, or `every`; several queries are stacked."""
    panel = _drawn(title, description, queries, unit, size).draw_style(model.GraphDrawStyle.BARS)
    panel = panel.fill_opacity(80).line_width(0).interval(every).decimals(0)
    fixed = dashboard.FieldColor().mode(dashboard_model.FieldColorModeId.FIXED).fixed_color(colour)
    stacking = StackingConfig().mode(model.StackingMode.NORMAL).group("A")
    return panel.stacking(stacking).color_scheme(fixed)


def _dashed(fill: str, dash: list[float], colour: str) -> list[dashboard_model.DynamicConfigValue]:
    return [
        dashboard_model.DynamicConfigValue("custom.lineStyle", {"fill": fill, "dash": dash}),
        dashboard_model.DynamicConfigValue("custom.fillOpacity", 0),
        _colour(colour),
    ]


def _colour(colour: str) -> dashboard_model.DynamicConfigValue:
    return dashboard_model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def _drawn(title: str, description: str, queries: Sequence[Query], unit: str, size: Size) -> timeseries.Panel:
    panel = _fill(timeseries.Panel(), title, description, queries, size, instant=False).unit(unit).min(0)
    tooltip = VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING)
    legend = VizLegendOptions().show_legend(show_legend=True).placement(model.LegendPlacement.BOTTOM)
    legend = legend.display_mode(model.LegendDisplayMode.LIST).calcs(["lastNotNull"])
    panel = panel.max_data_points(_A_DAY_IN_POINTS).show_points(model.VisibilityMode.NEVER).no_value("no data")
    return panel.tooltip(tooltip).legend(legend)


def gauges(  # noqa: PLR0913 - as above
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    size: Size = (6, 8),
    steps: Steps = ((None, FINE),),
    top: float | None = None,
    none: str = "no data",
) -> bargauge.Panel:
    """Draw a horizontal bar for each query."""
    panel = _fill(bargauge.Panel(), title, description, queries, size, instant=True).unit(unit).min(0)
    panel = panel if top is None else panel.max(top)
    panel = panel.orientation(model.VizOrientation.HORIZONTAL).display_mode(model.BarGaugeDisplayMode.BASIC)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields(""))
    return panel.thresholds(thresholds(steps)).no_value(none).max_data_points(_A_DAY_IN_POINTS)


def states(
    title: str, description: str, queries: Sequence[Query], words: Words, *, size: Size = (12, 5)
) -> statetimeline.Panel:
    """Draw what was when, in words."""
    panel = _fill(statetimeline.Panel(), title, description, queries, size, instant=False).unit("none")
    panel = panel.mappings(mappings(words)).show_value(model.VisibilityMode.AUTO).merge_values(merge_values=True)
    legend = VizLegendOptions().show_legend(show_legend=True).placement(model.LegendPlacement.BOTTOM)
    legend = legend.display_mode(model.LegendDisplayMode.LIST)
    return panel.legend(legend).no_value("no data").max_data_points(_A_DAY_IN_POINTS)


def firing(description: str, labels: str = "", *, size: Size = (8, 9)) -> dashboard.Panel:
    """List the alerts that fire or are about to, of Prometheus and of Grafana; `labels` is a selector."""
    width, height = size
    options = {
        "alertInstanceLabelFilter": labels,
        "alertName": "Leadterra",
        "dashboardAlerts": False,
        "groupBy": [],
        "groupMode": "default",
        "maxItems": 20,
        "sortOrder": 3,
        "stateFilter": {"error": True, "firing": True, "noData": False, "normal": False, "pending": True},
        "viewMode": "list",
    }
    panel = dashboard.Panel().type("alertlist").title("Alerts").description(description).options(options)
    return panel.span(width).height(height)

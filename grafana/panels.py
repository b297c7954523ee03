"""Panels as these dashboards have them: each says what it means and what to do, and looks like its like."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import dashboard, prometheus, statetimeline, timeseries
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models import dashboard as dashboard_model

from grafana.colours import CRITICAL, FINE, LINES, NEUTRAL, QUIET, WARNING
from grafana.promql import a_week_before

Size: TypeAlias = tuple[int, int]
"""Width, of 24, and height."""
Steps: TypeAlias = Sequence[tuple[float | None, str]]
"""From which value on which colour; None is everything below."""
Words: TypeAlias = Mapping[int, tuple[str, str]]
"""What a value says, and in which colour."""
Value = dashboard_model.DynamicConfigValue
Part: TypeAlias = Iterator[dashboard.Row | Builder[dashboard_model.Panel]]
"""A row's head and its panels."""
P = TypeVar("P", timeseries.Panel, stats.Panel, statetimeline.Panel)

DATASOURCE = dashboard_model.DataSourceRef(type_val="prometheus", uid="${datasource}")
NONE_IS_FINE: Steps = ((None, QUIET), (1, CRITICAL))
NONE_IS_BAD: Steps = ((None, CRITICAL), (1, QUIET))
FEW_ARE_FINE: Steps = ((None, QUIET), (1, WARNING))
OF_LIMIT: Steps = ((None, QUIET), (0.8, WARNING), (1, CRITICAL))
POINTS = 144
"""Of a panel at most, one every ten minutes of a day: what a panel shows of a day costs no more than that."""
_POINTS_OF_A_NUMBER = 48  # how finely $__interval divides the time range for a single number

SENDING = "sending time"
_WEEK_BEFORE = "a week before"


@dataclass(frozen=True)
class Query:
    """An expression, how its series are called, and how they look where that is not as the panel's others."""

    expr: str
    legend: str = "__auto"
    unit: str = ""
    decimals: int | None = None
    steps: Steps = ()
    words: Words | None = None

    def properties(self) -> list[Value]:
        """Write how its series look."""
        wanted: dict[str, Any] = {"unit": self.unit} if self.unit else {}
        if self.decimals is not None:
            wanted["decimals"] = self.decimals
        if self.steps or self.words:  # without steps what is not known would be green
            steps = [{"value": value, "color": colour} for value, colour in self.steps or ((None, QUIET),)]
            wanted["thresholds"] = {"mode": "absolute", "steps": steps}
        if self.words:
            wanted["mappings"] = mappings(self.words)
        return [Value(name, value) for name, value in wanted.items()]


def week_before(expr: str) -> Query:
    """Ask for what an expression was a week before, to be drawn lightly."""
    return Query(a_week_before(expr), _WEEK_BEFORE)


def query(asked: Query, ref: str, *, instant: bool) -> prometheus.Dataquery:
    """Write a panel's query."""
    written = prometheus.Dataquery().expr(asked.expr).legend_format(asked.legend).ref_id(ref)
    return written.instant() if instant else written.range()


def mappings(words: Words) -> list[Any]:
    """Write words for values."""
    results = {
        str(value): dashboard_model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [dashboard_model.ValueMap(options=results)]


def _fill(  # noqa: PLR0913 - what every panel has
    panel: P, title: str, description: str, queries: Sequence[Query], size: Size, *, instant: bool
) -> P:
    width, height = size
    filled = panel.title(title).description(description).datasource(DATASOURCE).span(width).height(height)
    for ref, asked in zip("ABCDEFGHIJ", queries, strict=False):
        filled = filled.with_target(query(asked, ref, instant=instant))
        if properties := asked.properties():
            filled = filled.override_by_query(ref, properties)
    return filled


def tiles(  # noqa: PLR0913 - a panel has this many sides, and each call names them
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    size: Size = (24, 4),
    unit: str = "locale",
    names_only: bool = False,
    none: str = "no data",
    stacked: bool = False,
) -> stats.Panel:
    """Show numbers side by side or `stacked`, each with its name; only one with steps or words has a colour behind it.

    With `names_only` the name, which a label gives, is all that is said.
    """
    panel = _fill(stats.Panel(), title, description, queries, size, instant=True).unit(unit).no_value(none)
    quiet = dashboard.ThresholdsConfig().mode(dashboard_model.ThresholdsMode.ABSOLUTE)
    quiet = quiet.steps([dashboard_model.Threshold(None, QUIET)])
    panel = panel.thresholds(quiet).graph_mode(model.BigValueGraphMode.NONE)
    mode = model.BigValueTextMode.NAME if names_only else model.BigValueTextMode.VALUE_AND_NAME
    panel = panel.text_mode(mode).color_mode(model.BigValueColorMode.BACKGROUND_SOLID).wide_layout(wide_layout=False)
    panel = panel.text(VizTextDisplayOptions().title_size(20 if names_only else 13).value_size(26))
    panel = panel.justify_mode(model.BigValueJustifyMode.CENTER)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields(""))
    panel = panel.orientation(model.VizOrientation.HORIZONTAL if stacked else model.VizOrientation.AUTO)
    return panel.max_data_points(_POINTS_OF_A_NUMBER)


def lines(  # noqa: PLR0913 - as above
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    size: Size = (12, 8),
    none: str = "no data",
    legend: VizLegendOptions | None = None,
) -> timeseries.Panel:
    """Draw lines, each query in a colour of its own; names with "limit", "floor" or "surely" in front look like it."""
    panel = _drawn(title, description, queries, unit, size).no_value(none).fill_opacity(0).line_width(2)
    for ref, colour in zip("ABCDE", LINES, strict=False):
        panel = panel.override_by_query(ref, [_colour(colour)])
    panel = panel.override_by_regexp("/^limit.*/", _dashed(CRITICAL))
    panel = panel.override_by_regexp("/^limit.*warning/", _dashed(WARNING))
    panel = panel.override_by_regexp("/^floor/", _dashed(NEUTRAL))
    edge = [Value("custom.lineWidth", 0), _colour(FINE)]
    panel = panel.override_by_name("surely at least", edge)
    panel = panel.override_by_name(
        "surely at most", [*edge, Value("custom.fillBelowTo", "surely at least"), Value("custom.fillOpacity", 20)]
    )
    return panel.legend(legend) if legend else panel


def bars(  # noqa: PLR0913 - as above
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str = "locale",
    *,
    size: Size = (12, 8),
    every: str = "1h",
    none: str = "no data",
) -> timeseries.Panel:
    """Draw a bar for each hour, or `every`, or more where the time range is long; several series are stacked.

    Behind them is the sending time, and a line is what was a week before.
    """
    panel = _drawn(title, description, queries, unit, size).draw_style(model.GraphDrawStyle.BARS).no_value(none)
    panel = panel.fill_opacity(80).line_width(0).interval(every).color_scheme(_fixed(FINE))
    panel = panel.stacking(StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
    for pattern, colour in _CAUSES.items():
        panel = panel.override_by_regexp(pattern, [_colour(colour)])
    line = {"drawStyle": "line", "lineInterpolation": "stepBefore", "stacking": {"mode": "none", "group": "A"}}
    before = line | {"lineWidth": 1, "fillOpacity": 0}
    panel = panel.override_by_name(_WEEK_BEFORE, [*_custom(before), _colour(NEUTRAL)])
    behind = line | {"lineInterpolation": "stepAfter", "fillOpacity": 12, "axisPlacement": "hidden"}
    shade = [*_custom(behind), _colour(NEUTRAL), Value("unit", "percentunit"), Value("max", 1)]
    return panel.override_by_name(SENDING, shade)


def rates(title: str, description: str, asked: Query, unit: str) -> timeseries.Panel:
    """Draw rates by cause, stacked; the legend has them all, the highest first."""
    panel = bars(title, description, [asked], unit, every="1m").draw_style(model.GraphDrawStyle.LINE)
    return panel.legend(by_value())


_CAUSES = {  # codes and reasons by what they are about
    "/^(200|success)$/": NEUTRAL,
    "/^(401|403|authentication_failed|workspace_not_found)$/": LINES[0],  # the key
    "/^(400|404|invalid_request|campaign_not_found)$/": LINES[3],  # the campaign
    "/^(429|rate_limited)$/": LINES[2],  # the pace
    "/^(5..|server_error|invalid_response|unexpected_status)$/": LINES[1],  # the API
    "/^(timeout|connection_failed)$/": LINES[4],  # the network
}


def _custom(options: Mapping[str, object]) -> list[Value]:
    return [Value(f"custom.{name}", value) for name, value in options.items()]


def _dashed(colour: str) -> list[Value]:
    return [*_custom({"lineStyle": {"fill": "dash", "dash": [8, 6]}, "lineWidth": 2}), _colour(colour)]


def _colour(colour: str) -> Value:
    return Value("color", {"mode": "fixed", "fixedColor": colour})


def _fixed(colour: str) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(dashboard_model.FieldColorModeId.FIXED).fixed_color(colour)


def _drawn(title: str, description: str, queries: Sequence[Query], unit: str, size: Size) -> timeseries.Panel:
    panel = _fill(timeseries.Panel(), title, description, queries, size, instant=False).unit(unit).min(0)
    tooltip = VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING)
    panel = panel.max_data_points(POINTS).show_points(model.VisibilityMode.NEVER)
    return panel.tooltip(tooltip).legend(_legend(model.LegendDisplayMode.LIST))


def _legend(mode: model.LegendDisplayMode) -> VizLegendOptions:
    return VizLegendOptions().show_legend(show_legend=True).display_mode(mode).placement(model.LegendPlacement.BOTTOM)


def by_value() -> VizLegendOptions:
    """Write a legend with one row a series, the highest first: for series that nobody knows beforehand."""
    return (
        _legend(model.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"]).sort_by("Last *").sort_desc(sort_desc=True)
    )


def states(title: str, description: str, queries: Sequence[Query], words: Words, *, size: Size) -> statetimeline.Panel:
    """Draw what was when, in words."""
    panel = _fill(statetimeline.Panel(), title, description, queries, size, instant=False).unit("none")
    panel = panel.mappings(mappings(words)).show_value(model.VisibilityMode.NEVER).merge_values(merge_values=True)
    panel = panel.legend(_legend(model.LegendDisplayMode.LIST)).no_value("no data").fill_opacity(85).row_height(0.7)
    return panel.line_width(0).max_data_points(POINTS)


def firing(description: str, labels: str = "", *, size: Size, by: Sequence[str] = ()) -> dashboard.Panel:
    """List the alerts that fire or are about to, of Prometheus and of Grafana; `labels` is a selector."""
    width, height = size
    options = {
        "alertInstanceLabelFilter": labels,
        "alertName": "Leadterra",
        "dashboardAlerts": False,
        "groupBy": list(by),
        "groupMode": "custom" if by else "default",
        "maxItems": 20,
        "showInstances": False,
        "sortOrder": 3,
        "stateFilter": {"error": True, "firing": True, "noData": False, "normal": False, "pending": True},
        "viewMode": "list",
    }
    panel = dashboard.Panel().type("alertlist").title("Alerts").description(description).options(options)
    return panel.span(width).height(height)

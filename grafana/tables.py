"""Tables: one row a campaign, or whatever its queries have in common, and one column a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.common import TableFooterOptions, TableSortByFieldState
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panels import DATASOURCE, Query, Size, Steps, Words, mappings, query

_REFS = "ABCDEFGHIJKLMN"


@dataclass(frozen=True)
class Column:
    """A column: a query's values, or with `label` one of its labels."""

    name: str
    expr: str = ""
    unit: str = "short"
    label: str = ""
    steps: Steps = ()
    words: Words | None = None
    decimals: int | None = None
    link: tuple[str, str] | None = None
    """Title and address."""
    width: int | None = None

    def properties(self) -> list[model.DynamicConfigValue]:
        """Write how its cells look."""
        wanted: dict[str, Any] = {"unit": self.unit} if self.expr else {}
        if self.steps:
            steps = [{"value": value, "color": colour} for value, colour in self.steps]
            wanted["thresholds"] = {"mode": "absolute", "steps": steps}
            wanted["color"] = {"mode": "thresholds"}
            wanted["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
        if self.words:
            wanted["mappings"] = mappings(self.words)
            wanted["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
        if self.decimals is not None:
            wanted["decimals"] = self.decimals
        if self.link:
            wanted["links"] = [{"title": self.link[0], "url": self.link[1]}]
        if self.width:
            wanted["custom.width"] = self.width
        return [model.DynamicConfigValue(name, value) for name, value in wanted.items()]


def rows(  # noqa: PLR0913 - a panel has this many sides, and each call names them
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    size: Size = (24, 12),
    sort: str = "",
    expr: str = "",
    none: str = "no data",
) -> table.Panel:
    """Show a table, sorted by the column `sort`, the highest first; `expr` is for one whose columns are all labels."""
    width, height = size
    panel = table.Panel().title(title).description(description).datasource(DATASOURCE).span(width).height(height)
    asked = [column.expr for column in columns if column.expr] or [expr]
    for ref, each in zip(_REFS, asked, strict=False):
        panel = panel.with_target(query(Query(each), ref, instant=True).format(PromQueryFormat.TABLE))
    panel = panel.with_transformation(model.DataTransformerConfig("merge", options={}))
    panel = panel.with_transformation(model.DataTransformerConfig("organize", options=_order(columns, len(asked))))
    for column in columns:
        panel = panel.override_by_name(column.name, column.properties())
    if sort:
        panel = panel.sort_by([TableSortByFieldState().display_name(sort).desc(desc=True)])
    footer = TableFooterOptions().show(show=False).reducer(["sum"]).enable_pagination(enable_pagination=True)
    return panel.unit("short").no_value(none).filterable(filterable=True).footer(footer).max_data_points(144)


def _order(columns: Sequence[Column], queries: int) -> dict[str, Any]:
    """Name and order the columns; what no column is made of is left out."""
    refs = iter(_REFS)
    fields = {column.label or (f"Value #{next(refs)}" if queries > 1 else "Value"): column.name for column in columns}
    hidden = dict.fromkeys({"Time", "Value"} - fields.keys(), True)
    return {
        "excludeByName": dict(sorted(hidden.items())),
        "indexByName": {field: index for index, field in enumerate(fields)},
        "renameByName": fields,
    }

"""Tables: one row a campaign, or whatever its queries have in common, and one column a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.common import TableFooterOptions, TableSortByFieldState
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panels import DATASOURCE, Query, Size, Steps, Words, query

_REFS = "ABCDEFGHIJKLMN"


@dataclass(frozen=True)
class Column:
    """A column: a query's values, or with `label` one of its labels."""

    name: str
    expr: str = ""
    unit: str = "locale"
    label: str = ""
    steps: Steps = ()
    words: Words | None = None
    decimals: int | None = None
    link: tuple[str, str] | None = None
    """Title and address."""
    width: int | None = None
    """In pixels; without one a column shares what is left."""
    hidden: bool = False
    """Of a label that only links need, or of a query that always has an answer: Grafana names columns by their queries
    only where more than one has an answer, and in the first hours of a campaign only one of the others may."""

    def properties(self) -> list[model.DynamicConfigValue]:
        """Write how its cells look."""
        looks = Query("", "", self.unit if self.expr else "", self.decimals, self.steps, self.words)
        wanted: dict[str, Any] = {"noValue": "-"}
        if self.steps or self.words:
            wanted["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
        if self.link:
            wanted["links"] = [{"title": self.link[0], "url": self.link[1]}]
        wanted |= {"custom.width": self.width} if self.width else {"custom.minWidth": 130}
        if self.label and not self.hidden:
            wanted["custom.filterable"] = True
        if self.hidden:  # the first as Grafana 10 and 11 know it, the second as later ones do
            wanted |= {"custom.hidden": True, "custom.hideFrom": {"viz": True, "legend": False, "tooltip": False}}
        own = [model.DynamicConfigValue(name, value) for name, value in wanted.items()]
        return [*looks.properties(), *own]


def rows(  # noqa: PLR0913 - a panel has this many sides, and each call names them
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    size: Size,
    sort: str = "",
    expr: str = "",
    none: str = "no data",
    pages: bool = False,
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
    footer = TableFooterOptions().show(show=False).reducer(["sum"]).enable_pagination(enable_pagination=pages)
    return panel.unit("locale").no_value(none).footer(footer).max_data_points(_POINTS)


_POINTS = 48  # how finely $__interval divides the time range


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

"""What all dashboards share: variables, annotations, links, and the form in which they are written."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana import figures
from grafana.colours import CRITICAL
from grafana.metrics import EXPORTED
from grafana.panels import DATASOURCE, Part
from prometheus.customize import RUNBOOKS

FLEET, CAMPAIGN, EXPORTER = "leadterra-fleet", "leadterra-campaign", "leadterra-exporter"
TAG = "leadterra"
KEEP = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${filters:queryparam}&${__url_time_range}"
"""The part of a link that keeps the time range and what all dashboards have in common."""

_GRAFANA_10 = {"schemaVersion": 38, "pluginVersion": "10.0.0"}
_ALL = model.VariableOption(selected=True, text=["All"], value=["$__all"])


def runbook(alert: str) -> str:
    """Return the address of an alert's page."""
    return f"{RUNBOOKS}{alert}.md"


def variable(name: str, label: str, metric: str, *matchers: str, one: bool = False) -> dashboard.QueryVariable:
    """Offer a label's values, all of them unless it is to be `one`."""
    if metric not in EXPORTED:
        raise KeyError(metric)
    made = _offered(name, label, f"label_values({metric}{{{', '.join(matchers)}}}, {name})")
    return made if one else made.multi(multi=True).include_all(include_all=True).all_value(".+").current(_ALL)


def campaigns(*matchers: str) -> dashboard.QueryVariable:
    """Offer campaigns by name, and choose by id: a name may stand twice, change, and have any character in it."""
    asked = f"query_result(max by (campaign, campaign_id) ({figures.UP}{{{', '.join(matchers)}}}))"
    return _offered("campaign_id", "Campaign", asked).regex('/campaign="(?<text>.*)",campaign_id="(?<value>.*)"}/')


def _offered(name: str, label: str, asked: str) -> dashboard.QueryVariable:
    made = dashboard.QueryVariable(name).label(label).query(asked).definition(asked).datasource(DATASOURCE)
    made = made.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return made.sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)


def board(  # noqa: PLR0913 - each call names what is not plain
    uid: str, title: str, description: str, since: str, *, metric: str, hidden: bool
) -> dashboard.Dashboard:
    """Begin a dashboard whose targets are those that have `metric`; `hidden` are the choices of target."""
    shown = model.VariableHide.HIDE_VARIABLE if hidden else model.VariableHide.DONT_HIDE
    started = dashboard.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    started = started.time(since, "now").refresh("1m").timezone("browser").tooltip(model.DashboardCursorSync.CROSSHAIR)
    started = started.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    started = started.with_variable(variable("job", "Job", metric).hide(shown))
    started = started.with_variable(variable("instance", "Instance", metric, 'job=~"$job"').hide(shown))
    links = dashboard.DashboardLink("Leadterra").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    started = started.link(links.keep_time(keep_time=True).include_vars(include_vars=True))
    pages = dashboard.DashboardLink("Runbooks").type(model.DashboardLinkType.LINK).icon("doc")
    return started.link(pages.url(runbook("README")).target_blank(target_blank=True))


def filled(begun: dashboard.Dashboard, *parts: Part) -> dashboard.Dashboard:
    """Put rows and panels on a dashboard."""
    for each in chain(*parts):
        begun = begun.with_row(each) if isinstance(each, dashboard.Row) else begun.with_panel(each)
    return begun


def filters() -> dashboard.AdHocVariable:
    """Offer every label, those of the configuration among them, as a filter of all queries."""
    return dashboard.AdHocVariable("filters").label("Filters").datasource(DATASOURCE)


def alerts_as_annotations(expr: str, text: str) -> dashboard.AnnotationQuery:
    """Mark when alerts fired, for those who switch it on: an alert of days covers the graphs."""
    mark = dashboard.AnnotationQuery().name("Alerts").datasource(DATASOURCE).enable(enable=False).icon_color(CRITICAL)
    return mark.expr(expr).step("60s").title_format("{{alertname}}").text_format(text).tag_keys("severity")


def written(finished: dashboard.Dashboard) -> bytes:
    """Write a dashboard's JSON for Grafana 10 and newer, with everything numbered that Grafana would number."""
    made: dict[str, Any] = json.loads(JSONEncoder().encode(finished.build()))
    made["schemaVersion"] = _GRAFANA_10["schemaVersion"]
    made["id"] = None
    _number(made["panels"])
    _trim(made)
    return (json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _number(panels: Sequence[dict[str, Any]]) -> None:
    for number, panel in enumerate(panels, start=1):
        panel["id"] = number
        if panel["type"] != "row":
            panel["pluginVersion"] = _GRAFANA_10["pluginVersion"]


def _trim(made: dict[str, Any]) -> None:
    """Remove what the SDK writes for newer versions or other kinds, and put in what Grafana 10 expects."""
    for link in (*made["links"], *made["annotations"]["list"]):
        link.pop("placement", None)
    for each in made["templating"]["list"]:
        for key in ("auto", "auto_count", "auto_min", "allowCustomValue"):
            each.pop(key, None)
        if each["type"] == "adhoc":
            each["filters"] = []

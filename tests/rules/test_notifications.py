"""What people read of alerts: the templates as Alertmanager's tool renders them."""

import json
from collections.abc import Callable
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from prometheus.customize import RUNBOOKS
from tests.monitoring import TEMPLATES
from tests.process import ROOT
from tests.rules.documents import alerts as all_alerts
from tests.tools import succeed

RATIO = "LeadterraCampaignBounceRatioHigh"
Alert = dict[str, Any]
TIMES = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z"}


def _alert(name: str = "Founders", severity: str = "critical", number: int = 1, **labels: str) -> Alert:
    limit, bounced = {"critical": ("5", 40 + number), "warning": ("3", 20 + number)}.get(severity, ("1", 10))
    about = {"workspace": "acme", "campaign_id": f"camp_{number}", "campaign": name, "job": "leadterra-exporter"}
    return {
        "labels": {"alertname": RATIO, "severity": severity, **about, **labels},
        "annotations": {
            "summary": "A campaign that sends has bounced above its limit.",
            "description": f"Campaign {name} (acme/camp_{number}) has had {bounced} of 400 emails bounce, surely "
            f"above its {severity} limit of {limit}%.",
            "runbook_url": f"{RUNBOOKS}{RATIO}.md",
        },
    }


ONE = _alert("Trade fair list")
FORTY = [
    _alert(f"Region {number:02}", "critical" if number % 10 == 0 else "warning", number) for number in range(1, 41)
]


def _firing(*alerts: Alert, status: str = "firing") -> list[Alert]:
    return [{**alert, **TIMES, "status": status} for alert in alerts]


_resolved = partial(_firing, status="resolved")


@pytest.fixture
def rendered(tmp_path: Path) -> Any:
    """Return a function that renders one of our templates, "title", "text" or "html"."""

    def render(template: str, alerts: list[Alert]) -> str:
        def common(key: str) -> dict[str, str]:
            return dict(set.intersection(*(set(alert[key].items()) for alert in alerts)))

        data = {"alerts": alerts, "commonLabels": common("labels"), "commonAnnotations": common("annotations")}
        (tmp_path / "data.json").write_text(json.dumps(data), "utf-8")
        kind = "html" if template == "html" else "text"
        flags = (f"--template.glob={TEMPLATES}", f"--template.data={tmp_path}/data.json", f"--template.type={kind}")
        text = f'--template.text={{{{ template "leadterra.{template}" . }}}}'
        return succeed("amtool", "template", "render", *flags, text).strip()

    return render


@pytest.mark.parametrize(
    ("alerts", "title"),
    [
        (_firing(_alert()), f"[CRITICAL] {RATIO}: Founders (acme)"),
        (_resolved(_alert()), f"[RESOLVED] {RATIO}: Founders (acme)"),
        (_firing(_alert(severity="info"), _alert(severity="warning")), f"[WARNING] {RATIO}: 2 firing"),
        (_firing(_alert(severity="warning")) + _resolved(_alert()), f"[WARNING] {RATIO}: 1 firing, 1 resolved"),
        (_firing(*FORTY), f"[CRITICAL] {RATIO}: 40 firing"),
        (_resolved(*FORTY), f"[RESOLVED] {RATIO}: 40 resolved"),
        (_firing(_alert(campaign="", workspace="")), f"[CRITICAL] {RATIO}: leadterra-exporter"),
        (_firing(_alert(), _alert(alertname="Other")), "[CRITICAL] Leadterra: 2 firing"),
    ],
)
def test_the_title_says_the_worst_severity_that_fires(rendered: Any, alerts: list[Alert], title: str) -> None:
    assert rendered("title", alerts) == title


def test_the_worst_are_named_first_and_at_most_ten(rendered: Any) -> None:
    lines = rendered("text", _firing(*FORTY)).splitlines()
    named = [line for line in lines if line.startswith("* ")]
    assert [line.split()[1] for line in named] == ["critical:"] * 4 + ["warning:"] * 6
    assert "and 30 more" in lines
    mixed = rendered("text", _firing(*FORTY[:8]) + _resolved(*FORTY[8:13]))
    assert mixed.count("\n* ") == 10
    assert mixed.count("no mail for three days") == 2
    assert "\nand 3 more\n" in mixed
    others = rendered("text", _firing(_alert(severity="page"), _alert(severity="info"), _alert(severity="critical")))
    assert [line.split()[1] for line in others.splitlines() if line.startswith("* ")] == ["critical:", "page:", "info:"]


def test_what_is_well_again_is_told_of_every_alert_without_what_was_wrong(rendered: Any) -> None:
    resolved = rendered("text", _resolved(_alert()))
    assert "Founders (acme): not surely above its bounce limit" in resolved
    assert not [text for text in _alert()["annotations"].values() if text in resolved]
    assert _alert()["annotations"]["description"] not in rendered("html", _resolved(_alert()))
    said = TEMPLATES.with_name("leadterra.tmpl").read_text("utf-8")
    assert not {alert["alert"] for alert in all_alerts() if f'eq $alert "{alert["alert"]}"' not in said}
    assert "no longer firing" in rendered("text", _resolved(_alert(alertname="Other")))


@pytest.mark.parametrize(
    ("alert", "dashboard"),
    [
        (_alert(), "leadterra-campaign?var-workspace=acme&var-campaign_id=camp_1"),
        (_alert(campaign_id="a/b &c"), "leadterra-campaign?var-workspace=acme&var-campaign_id=a%2Fb+%26c"),
        (_alert(campaign_id="c" * 500), "leadterra-fleet?var-workspace=acme"),
        (_alert(alertname="LeadterraWorkspaceBounceSpike", campaign_id=""), "leadterra-fleet?var-workspace=acme"),
        (_alert(campaign_id="c" * 500, workspace="w" * 250), "leadterra-fleet"),
        (_alert(alertname="LeadterraExporterDown", campaign_id=""), "leadterra-exporter"),
        (_alert(alertname="LeadterraCampaignsDropped", campaign_id=""), "leadterra-exporter"),
    ],
)
def test_the_dashboard_is_the_alerts(rendered: Any, alert: Alert, dashboard: str) -> None:
    assert f"\nDashboard: http://localhost:3000/d/{dashboard}\n" in rendered("text", _firing(alert))
    assert f'href="http://localhost:3000/d/{dashboard}"' in unescape(rendered("html", _firing(alert)))
    many = rendered("html", _firing(*FORTY))
    assert 'href="http://localhost:3000/d/leadterra-fleet?var-workspace=acme"' in many
    assert f'href="{RUNBOOKS}{RATIO}.md"' in many


def test_names_are_shown_on_one_line_and_are_no_markup(rendered: Any) -> None:
    alert = _alert('R&D "<!channel>"\r\n* it\'s\u2028\u202e <b>Zoë</b> 🚀')
    shown = 'R&D "\u2039!channel\u203a" * it\'s \u2039b\u203aZoë\u2039/b\u203a 🚀'
    assert rendered("title", _firing(alert)).endswith(f": {shown} (acme)")
    assert f"\n* Campaign {shown} (acme/camp_1) has had 41 of 400" in rendered("text", _firing(alert))
    page = rendered("html", _firing(alert))
    assert f"\n* Campaign {shown} (acme/camp_1) has had 41 of 400" in unescape(page)
    assert "R&amp;D &#34;" in page


@pytest.mark.parametrize("name", ["n", "ä", "é", "漢", "🚀", "<", "&", '"', "\n", "\\E$1"])
def test_forty_alerts_are_at_most_4_kb_whatever_their_names_are(rendered: Any, name: str) -> None:
    alerts = [
        _alert(name * 500, "critical" if number % 2 else "warning", number, workspace=name * 300)
        for number in range(1, 41)
    ]
    for told in (_firing(*alerts), _resolved(*alerts), _firing(*alerts[:9]) + _resolved(*alerts[9:])):
        for template in ("title", "text", "html"):
            message = rendered(template, told).encode()
            assert len(message) <= (4096 if template != "title" else 400)
    assert rendered("text", _firing(*alerts)).count("bounce, surely above its") == 10


@pytest.mark.parametrize("alerts", [[ONE], FORTY], ids=["one", "forty"])
@pytest.mark.parametrize("state", [_firing, _resolved])
def test_the_page_shows_what_is_sent(rendered: Any, state: Callable[..., list[Alert]], alerts: list[Alert]) -> None:
    sent = [rendered(template, state(*alerts)) for template in ("title", "text")]
    shown = "```\n{}\n\n{}\n```\n".format(*sent)
    assert shown in (ROOT / "docs" / "alerts.md").read_text("utf-8"), shown

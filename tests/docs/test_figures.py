"""What the README shows as coming from the exporter does, and series are as many as docs/metrics.md says."""

from pathlib import Path

import pytest
import yaml

from exporter.config import ConfigError, load
from tests.docs.cost import RECORDED, scraped_series
from tests.docs.pages import blocks
from tests.process import running_exporter
from tests.rules.promtool import RULES, series
from tests.tools import succeed

SHOWN = [block.text for block in blocks(Path("README.md"))]


@pytest.mark.slow
def test_the_samples_that_it_shows_are_the_demos() -> None:
    (sample,) = [text for text in SHOWN if text.startswith("# HELP")]
    with running_exporter("demo", "--web.listen-address=127.0.0.1:0") as demo:
        page = demo.wait_for("/metrics", 'leadterra_campaign_emails_bounced{workspace="acme",campaign_id="camp_123"')
    assert not [line for line in sample.splitlines() if line not in page.splitlines()]


def test_the_fault_that_it_shows_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (shown,) = [text.strip() for text in SHOWN if text.startswith("config.yaml:")]
    Path("config.yaml").write_text(
        "workspaces:\n  - name: acme\n    api_key_env: LEADTERRA_API_KEY\n    campaigns:\n      - camp_123\n"
        "    poll:\n      interval: 5 minutes\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(Path("config.yaml"))
    assert str(caught.value) == shown


_DAYS = 2


def test_as_many_series_are_recorded_as_the_page_says(tmp_path: Path) -> None:
    """A campaign that sends, with bounces of long ago and no alert."""
    identity = {"job": "leadterra-exporter", "instance": "a:10421", "workspace": "acme", "campaign_id": "camp_123"}
    rising = {"leadterra_campaign_emails_sent": "480+5", "leadterra_campaign_emails_delivered": "471+5"}
    end = _DAYS * 24 * 12
    inputs = [
        series(name, f"{rising.get(name, f'{value:g}+0')}x{end}", **identity, campaign="VP", **own)
        for name, own, value in scraped_series()
    ]
    count = [{"labels": "{}", "value": RECORDED}]
    told = {"expr": 'count({__name__=~"campaign:.+"})', "eval_time": f"{_DAYS}d", "exp_samples": count}
    tests = [{"interval": "5m", "input_series": inputs, "promql_expr_test": [told]}]
    path = tmp_path / "cost.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": tests}))
    succeed("promtool", "test", "rules", path)

"""What the README shows as coming from the exporter does come from it."""

from pathlib import Path

import pytest

from exporter.config import ConfigError, load
from tests.docs.pages import blocks
from tests.process import running_exporter

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

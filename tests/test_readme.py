"""The README says what is true: its configuration loads, its commands and files exist, its samples are real."""

import re
from pathlib import Path

import pytest

from exporter.config import ConfigError, load
from tests.process import ROOT, running_exporter

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def test_the_smallest_configuration_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTERRA_API_KEY", "sk_test_any")
    (text,) = [text for kind, text in BLOCKS if kind == "yaml" and "workspaces:" in text]
    (tmp_path / "config.yaml").write_text(text)
    config = load(tmp_path / "config.yaml")
    assert [campaign.key for campaign in config.campaigns] == [("acme", "camp_123")]
    assert config.warnings == ()


def test_the_files_that_it_links_to_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 5
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_make_targets_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make ([a-z-]+)", README))
    assert {"demo", "test"} <= targets
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


@pytest.mark.slow
def test_the_samples_that_it_shows_are_the_demos() -> None:
    (sample,) = [text for _, text in BLOCKS if text.startswith("# HELP")]
    with running_exporter("demo", "--web.listen-address=127.0.0.1:0") as demo:
        page = demo.wait_for("/metrics", 'leadterra_campaign_emails_bounced{workspace="acme",campaign_id="camp_123"')
    assert not [line for line in sample.splitlines() if line not in page.splitlines()]


def test_the_fault_that_it_shows_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (shown,) = [text.strip() for _, text in BLOCKS if text.startswith("config.yaml:")]
    Path("config.yaml").write_text(
        "workspaces:\n  - name: acme\n    api_key_env: LEADTERRA_API_KEY\n    campaigns:\n      - camp_123\n"
        "    poll:\n      interval: 5 minutes\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(Path("config.yaml"))
    assert str(caught.value) == shown

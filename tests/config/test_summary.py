"""What `--config.check` says that a configuration will do."""

from pathlib import Path

import pytest

from exporter.config import load, summary

LINE = (
    "{}: {}, polled every {}; needs {} requests a second; figures get {} old, {} while polls fail, and are then no "
    "longer shown"
)
TWO = """\
workspaces:
  - {name: a, api_key_env: A, campaigns: [1a, {id: 2a, poll: {interval: 10m, stale_after: 30m}}]}
  - {name: b, api_key_env: B, api: {base_url: 'https://other.example', timeout: 30s}, campaigns: [1b]}
"""
OVER_BUDGET = """\
api: {requests_per_second: 0.06}
poll: {interval: 20s, stale_after: 2m}
workspaces: [{name: acme, api_key_env: KEY, campaigns: [a, b]}]
"""


@pytest.mark.parametrize(
    ("text", "workspaces"),
    [
        (TWO, ["a|2 campaigns|1m to 10m|0.0183 of 10|10m10s|30m", "b|1 campaign|1m|0.0167 of 10|1m30s|5m"]),
        (
            f"senders: {{interval: 10m}}\n{OVER_BUDGET}",
            ["acme|2 campaigns|20s, senders every 10m|0.103 of 0.06|45s|2m"],
        ),
        (OVER_BUDGET, ["acme|2 campaigns|20s|0.1 of 0.06|44s|2m"]),
        (OVER_BUDGET.replace("2m", "30s"), ["acme|2 campaigns|20s|0.1 of 0.06|30s|30s"]),
    ],
)
def test_what_is_asked_how_often_and_how_old_figures_get(tmp_path: Path, text: str, workspaces: list[str]) -> None:
    (tmp_path / "config.yaml").write_text(text)
    *said, _ = summary(load(tmp_path / "config.yaml"))
    assert said == [LINE.format(*workspace.split("|")) for workspace in workspaces]


def test_addresses_are_not_asked(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(TWO)
    *_, last = summary(load(tmp_path / "config.yaml"))
    assert last.startswith("not checked: whether https://app.leadterra.co, https://other.example answers")

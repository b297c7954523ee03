"""What is said of a configuration that loads: what --config.check tells, the effective one, and the example."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Api, Links, Poll, Sending, Threshold, Thresholds, dump, load, summary
from exporter.config.schema import FILE
from tests.config.conftest import SMALLEST, loaded
from tests.docs.test_names import keys

ODD = r"""
api: {base_url: "http://[::1]:8080/a/b", timeout: 1ms, requests_per_second: 0.1, retries: 0, proxy_url: "http://p:1"}
poll: {interval: 1s500ms, stale_after: 365d}
sending: {days: [sun, mon], hours: [22:00-06:00, 09:00-24:00], timezone: Europe/Berlin}
thresholds: {bounce_ratio: {warning: null, critical: 0.333}, emails_queued: {warning: 1e3}, queue_drain: {warning: 90s}}
senders: {interval: 90s}
links: {campaign: "https://host/{campaign}?a={workspace}"}
workspaces:
- name: "null"
  api_key_file: "/keys/a b'\"\u00e9: #"
  labels: {"yes": "no", _1: "\ud83d\ude80\n- x"}
  campaigns: ["007", {id: "1e3", name: "~", labels: {"null": " a: b "}, sending: {days: sat}}, {id: "%2e:", name: "[x"}]
- name: "\u2028 # x"
  api_key_env: KEY
  api: {requests_per_second: 9999.999, max_concurrency: 1000}
  campaigns_from: ["a*.csv", {url: "https://h/x", refresh: 1h, bearer_token_file: t}]
  campaigns: [your-ideal-customers, find your ideas,
    {id: a, thresholds: {bounce_ratio: {warning: 0, critical: 1}, reply_ratio: null, min_emails_bounced: 0}}]
"""


def test_loading_what_was_dumped_gives_the_same_configuration() -> None:
    """The odd one here; test_any_input.py does the same with whatever can be loaded."""
    config = loaded(ODD)
    assert loaded(dump(config))._replace(warnings=config.warnings) == config


def test_password_of_a_proxy_is_masked() -> None:
    for url, shown in (
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://user:canary@proxy", "http://user:<secret>@proxy"),
        ("http://user:can@ry@proxy", "http://user:<secret>@proxy"),
        ("http://canary@proxy", "http://<secret>@proxy"),
        ("http://http:canary@http:3128/", "http://http:<secret>@http:3128/"),
    ):
        config = loaded(f"api: {{proxy_url: '{url}'}}\n{SMALLEST}")
        assert yaml.safe_load(dump(config))["workspaces"][0]["api"]["proxy_url"] == shown


WRITTEN = """\
senders: null
links: {campaign: null}
workspaces:
- name: acme
  api_key_env: KEY
  api: {base_url: "https://app.leadterra.co", timeout: 10s, max_concurrency: 10, requests_per_second: 10, retries: 2,
    proxy_url: null, ca_file: null}
  labels: {}
  poll: {interval: 1m, stale_after: 5m}
  sending: {days: [mon, tue, wed, thu, fri], hours: ["00:00-24:00"], timezone: UTC}
  thresholds: {bounce_ratio: {warning: 0.03, critical: 0.05}, emails_queued: {warning: null, critical: null},
    queue_stalled: {warning: 2d}, queue_drain: {warning: null}, reply_ratio: {info: null}, min_emails_bounced: 5}
  campaigns: [{id: camp_1, name: camp_1}, {id: camp_2, name: VP Sales, poll: {interval: 5m, stale_after: 15m}}]
"""


def test_dump_names_keys_and_writes_every_default() -> None:
    second = "{id: camp_2, name: VP Sales, poll: {interval: 5m, stale_after: 15m}}"
    config = loaded(f"workspaces: [{{name: acme, api_key_env: KEY, campaigns: [camp_1, {second}]}}]\n")
    assert yaml.safe_load(dump(config)) == yaml.safe_load(WRITTEN)
    assert dump(config).startswith("senders: null\nlinks:\n  campaign: null\nworkspaces:\n- name: acme\n")


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
def test_what_is_asked_how_often_and_how_old_figures_get(text: str, workspaces: list[str]) -> None:
    *said, last = summary(loaded(text))
    assert said == [LINE.format(*workspace.split("|")) for workspace in workspaces]
    if text == TWO:
        assert last.startswith("not checked: whether https://app.leadterra.co, https://other.example answers")


EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def _shown(value: Any, path: str = "") -> Iterator[str]:
    for entry in value if isinstance(value, list) else ():
        yield from _shown(entry, path)
    for key, below in value.items() if isinstance(value, dict) else ():
        yield from (f"{path}.{key}", *_shown(below, f"{path}.{key}"))


def test_no_option_is_missing_and_each_has_a_comment() -> None:
    shown = set(_shown(yaml.safe_load(EXAMPLE.read_text())))
    overrides = tuple(f".workspaces.{key}." for key in ("api", "poll", "sending", "thresholds", "campaigns"))
    required = {f".{key}" for key in keys(FILE) if not f".{key}".startswith((*overrides, ".senders."))}
    required |= {f".workspaces.campaigns.{key}" for key in ("id", "name", "labels", "poll", "thresholds")}
    assert len(required) > 40
    assert required <= shown
    lines = EXAMPLE.read_text().splitlines()
    assert [line for line in lines if line and "#" not in line] == []
    assert max(map(len, lines)) <= 120


def test_what_it_shows_at_the_top_level_are_the_defaults() -> None:
    """A key without overrides in front of it shows that each value is the one that holds without the file."""
    document = yaml.safe_load(EXAMPLE.read_text()) | yaml.safe_load(SMALLEST)
    config = loaded(yaml.safe_dump(document))
    [workspace] = config.workspaces
    [campaign] = workspace.campaigns
    assert (workspace.api, campaign.poll, campaign.sending) == (Api(), Poll(), Sending())
    assert (campaign.thresholds, config.senders, config.links) == (Thresholds(), None, Links())


def test_it_loads_and_means_what_its_comments_say() -> None:
    config = load(EXAMPLE)
    _, second, other = config.campaigns
    assert [campaign.name for campaign in config.campaigns] == ["camp_123", "VP Sales", "camp_789"]
    assert second.labels == (("client", "globex"), ("team", "growth"))
    assert second.thresholds.bounce_ratio == Threshold(warning=0.03, critical=0.08)
    assert other.thresholds.bounce_ratio == Threshold()
    assert other.sending == Sending(hours=((540, 720), (780, 1020)), timezone="America/New_York")
    assert config.workspaces[1].api == Api(requests_per_second=2.0)
    assert all("until there is a key" in warning for warning in config.warnings)

"""The effective configuration: complete, without secrets, and the same again when it is loaded."""

from pathlib import Path

import pytest
import yaml

from exporter.config import Config, dump, load

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
  campaigns: [{id: a, thresholds: {reply_ratio: {info: 0.01}, queue_stalled: null, min_emails_bounced: 0}}]
"""


def _loaded(folder: Path, text: str) -> Config:
    (folder / "config.yaml").write_text(text, "utf-8")
    return load(folder / "config.yaml")


def test_loading_what_was_dumped_gives_the_same_configuration(tmp_path: Path) -> None:
    """The odd one here; test_any_input.py does the same with whatever can be loaded."""
    config = _loaded(tmp_path, ODD)
    assert _loaded(tmp_path, dump(config)) == config


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://user:canary@proxy", "http://user:<secret>@proxy"),
        ("http://user:can@ry@proxy", "http://user:<secret>@proxy"),
        ("http://canary@proxy", "http://<secret>@proxy"),
        ("http://http:canary@http:3128/", "http://http:<secret>@http:3128/"),
    ],
)
def test_password_of_a_proxy_is_masked(tmp_path: Path, url: str, shown: str) -> None:
    config = _loaded(
        tmp_path, f"api: {{proxy_url: '{url}'}}\nworkspaces: [{{name: a, api_key_env: K, campaigns: [c]}}]"
    )
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


def test_dump_names_keys_and_writes_every_default(tmp_path: Path) -> None:
    second = "{id: camp_2, name: VP Sales, poll: {interval: 5m, stale_after: 15m}}"
    config = _loaded(tmp_path, f"workspaces: [{{name: acme, api_key_env: KEY, campaigns: [camp_1, {second}]}}]\n")
    assert yaml.safe_load(dump(config)) == yaml.safe_load(WRITTEN)
    assert dump(config).startswith("senders: null\nlinks:\n  campaign: null\nworkspaces:\n- name: acme\n")

"""The effective configuration: complete, without secrets, and the same again when it is loaded."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Api, Campaign, Config, Poll, Threshold, Thresholds, Workspace, dump, load
from exporter.secret import KeySource

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)


def _seconds(shortest: int, longest: int) -> st.SearchStrategy[float]:
    return st.integers(shortest, longest).map(lambda milliseconds: milliseconds / 1000)


SECONDS = _seconds(1, 10**10)
RATIO = st.none() | st.floats(0, 1)
COUNT = st.none() | st.integers(0, 10**9).map(float)


@st.composite
def limits(draw: st.DrawFn, figure: st.SearchStrategy[float | None]) -> Threshold:
    warning, critical = draw(figure), draw(figure)
    if warning is not None and critical is not None:
        warning, critical = sorted([warning, critical])
    return Threshold(warning=warning, critical=critical)


@st.composite
def polls(draw: st.DrawFn) -> Poll:
    seconds = _seconds(1000, 10**10)
    return Poll(*sorted(draw(st.tuples(seconds, seconds))))


THRESHOLDS = st.builds(
    Thresholds,
    limits(RATIO),
    limits(COUNT),
    st.builds(Threshold, warning=st.none() | SECONDS),
    st.builds(Threshold, info=RATIO),
    st.integers(0, 10**9),
)
APIS = st.builds(
    Api,
    st.sampled_from(["https://app.leadterra.co", "http://[::1]:8080/a/b"]),
    _seconds(1, 3_600_000),
    st.integers(1, 1000),
    st.floats(0.001, 10_000),
    st.integers(0, 10),
    st.none() | st.just("http://proxy:3128"),
)
KEYS = st.builds(KeySource, env=st.just("KEY")) | st.builds(KeySource, file=LINE.map(lambda name: Path("/keys", name)))


@st.composite
def configs(draw: st.DrawFn) -> Config:
    labels = sorted(draw(st.sets(st.sampled_from(["team", "client", "yes", "null", "_1"]))))
    campaign = st.builds(
        Campaign,
        st.just(""),
        LINE.filter(lambda text: text not in {".", ".."}),
        TEXT,
        st.tuples(*(st.tuples(st.just(label), st.just("") | TEXT) for label in labels)),
        polls(),
        THRESHOLDS,
    )
    campaigns = st.lists(campaign, min_size=1, max_size=3, unique_by=lambda campaign: campaign.id)
    workspaces = st.lists(st.builds(Workspace, TEXT, KEYS, APIS, campaigns), min_size=1, max_size=2)
    unique = {workspace.name: workspace for workspace in draw(workspaces)}
    return Config(tuple(_named(workspace) for workspace in unique.values()))


def _named(workspace: Workspace) -> Workspace:
    campaigns = tuple(replace(campaign, workspace=workspace.name) for campaign in workspace.campaigns)
    return replace(workspace, campaigns=campaigns)


@settings(deadline=None)  # a busy machine is no failure
@given(configs())
def test_loading_what_was_dumped_gives_the_same_configuration(config: Config) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(dump(config), encoding="utf-8")
        assert load(file) == config


def _with_proxy(url: str) -> str:
    workspace = Workspace("acme", KeySource(env="KEY"), Api(proxy_url=url), (Campaign("acme", "camp_1", "camp_1"),))
    return str(yaml.safe_load(dump(Config((workspace,))))["workspaces"][0]["api"]["proxy_url"])


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
def test_password_of_a_proxy_is_masked(url: str, shown: str) -> None:
    assert _with_proxy(url) == shown


def test_dump_names_keys_and_writes_every_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "canary")
    file = tmp_path / "config.yaml"
    file.write_text("workspaces: [{name: acme, api_key_env: KEY, campaigns: [camp_1]}]\n")
    assert (
        dump(load(file))
        == """\
workspaces:
- name: acme
  api_key_env: KEY
  api:
    base_url: https://app.leadterra.co
    timeout: 10s
    max_concurrency: 10
    requests_per_second: 10
    retries: 2
    proxy_url: null
    ca_file: null
  campaigns:
  - id: camp_1
    name: camp_1
    labels: {}
    poll:
      interval: 1m
      stale_after: 5m
    thresholds:
      bounce_ratio:
        warning: 0.03
        critical: 0.05
      emails_queued:
        warning: null
        critical: null
      queue_drain:
        warning: 3d
      reply_ratio:
        info: null
      min_emails_sent: 50
"""
    )

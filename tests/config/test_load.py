"""What a configuration file means: merging, durations, labels, keys, warnings."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import certifi
import pytest

from exporter.config import Api, Campaign, Config, Poll, Threshold, Thresholds, checks, durations, load
from exporter.document.item import Item
from exporter.secret import KeySource

SMALLEST = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns: [camp_1]\n"
CAMPAIGNS = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns:\n"
Loading: TypeAlias = Callable[[str], Config]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loading:
    monkeypatch.setenv("KEY", "canary")
    monkeypatch.chdir(tmp_path)

    def write_and_load(text: str) -> Config:
        Path("config.yaml").write_text(text)
        return load(Path("config.yaml"))

    return write_and_load


def test_smallest_file_has_every_default(loaded: Loading) -> None:
    [workspace] = loaded(SMALLEST).workspaces
    assert (workspace.name, workspace.key, workspace.api) == ("acme", KeySource(env="KEY"), Api())
    assert workspace.campaigns == (Campaign("acme", "camp_1", "camp_1", (), Poll(), Thresholds()),)


def test_everything_can_be_set(loaded: Loading) -> None:
    config = loaded(
        f"""\
api:
  base_url: http://sandbox:8080/v2/
  timeout: 1h
  max_concurrency: 3
  requests_per_second: 0.5
  retries: 0
  proxy_url: http://user:password@proxy:3128
  ca_file: {certifi.where()}
poll: {{interval: 90s, stale_after: 1h30m}}
thresholds:
  bounce_ratio: {{warning: 0, critical: 1}}
  emails_queued: {{warning: 500, critical: 1000}}
  queue_drain: {{warning: 1d}}
  reply_ratio: {{info: 0.01}}
  min_emails_sent: 0
"""
        + SMALLEST
    )
    [workspace] = config.workspaces
    proxy, ca_file = "http://user:password@proxy:3128", Path(certifi.where())
    assert workspace.api == Api("http://sandbox:8080/v2", 3600.0, 3, 0.5, 0, proxy, ca_file)
    assert workspace.campaigns[0].poll == Poll(90.0, 5400.0)
    assert workspace.campaigns[0].thresholds == Thresholds(
        Threshold(warning=0.0, critical=1.0),
        Threshold(warning=500.0, critical=1000.0),
        Threshold(warning=86400.0),
        Threshold(info=0.01),
        0,
    )


def test_campaign_goes_over_workspace_over_top_level_key_by_key(loaded: Loading) -> None:
    config = loaded("""\
api: {timeout: 1s, retries: 1}
poll: {interval: 10s, stale_after: 20s}
thresholds: {min_emails_sent: 1, emails_queued: {warning: 1, critical: 9}, queue_drain: {warning: 1h}}
workspaces:
- name: acme
  api_key_env: KEY
  api: {retries: 2}
  poll: {stale_after: 30s}
  thresholds: {min_emails_sent: 2, emails_queued: {warning: 2}}
  campaigns:
  - camp_1
  - {id: camp_2, poll: {interval: 15s}, thresholds: {emails_queued: {critical: 8}, bounce_ratio: {critical: 0.08}}}
- {name: other, api_key_env: KEY, campaigns: [camp_1]}
""")
    first, second = config.workspaces[0].campaigns
    assert config.workspaces[0].api == Api(timeout=1.0, retries=2)
    assert first.poll == Poll(10.0, 30.0)
    assert second.poll == Poll(15.0, 30.0)
    assert first.thresholds == Thresholds(
        emails_queued=Threshold(warning=2.0, critical=9.0), queue_drain=Threshold(warning=3600.0), min_emails_sent=2
    )
    assert second.thresholds == Thresholds(
        bounce_ratio=Threshold(warning=0.03, critical=0.08),
        emails_queued=Threshold(warning=2.0, critical=8.0),
        queue_drain=Threshold(warning=3600.0),
        min_emails_sent=2,
    )
    assert config.workspaces[1].api == Api(timeout=1.0, retries=1)
    assert config.workspaces[1].campaigns[0].poll == Poll(10.0, 20.0)


def test_null_switches_a_limit_of_an_outer_level_off(loaded: Loading) -> None:
    campaign = "  - {id: camp_1, thresholds: {bounce_ratio: {warning: null}, queue_drain: null}}\n"
    thresholds = loaded(CAMPAIGNS + campaign).campaigns[0].thresholds
    assert thresholds == Thresholds(bounce_ratio=Threshold(critical=0.05), queue_drain=Threshold())


def test_every_campaign_carries_every_label_of_the_file(loaded: Loading) -> None:
    config = loaded("""\
workspaces:
- name: acme
  api_key_env: KEY
  labels: {team: growth, tier: "1"}
  campaigns:
  - camp_1
  - {id: camp_2, labels: {client: globex, team: sales}}
- {name: other, api_key_env: KEY, campaigns: [camp_1]}
""")
    assert [campaign.labels for campaign in config.campaigns] == [
        (("client", ""), ("team", "growth"), ("tier", "1")),
        (("client", "globex"), ("team", "sales"), ("tier", "1")),
        (("client", ""), ("team", ""), ("tier", "")),
    ]


def test_the_same_id_may_stand_in_two_workspaces(loaded: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "canary")
    config = loaded(SMALLEST + "- {name: other, api_key_env: OTHER_KEY, campaigns: [camp_1]}\n")
    assert [campaign.key for campaign in config.campaigns] == [("acme", "camp_1"), ("other", "camp_1")]
    assert config.warnings == ()


@pytest.mark.parametrize(
    "campaign_id", ["a/b", '"%2e%2e"', "a b", "größer", '"123"', "2026-01-01", "1e3", "0x1F", "..."]
)
def test_ids_are_opaque(loaded: Loading, campaign_id: str) -> None:
    assert loaded(CAMPAIGNS + f"  - {campaign_id}\n").campaigns[0].id == campaign_id.strip('"')


def test_files_are_relative_to_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "ca.pem").write_bytes(Path(certifi.where()).read_bytes())
    file = tmp_path / "config" / "config.yaml"
    file.write_text("api: {ca_file: ca.pem}\n" + SMALLEST.replace("api_key_env: KEY", "api_key_file: keys/acme"))
    [workspace] = load(file).workspaces
    assert workspace.api.ca_file == file.parent / "ca.pem"
    assert workspace.key == KeySource(file=file.parent / "keys" / "acme")


def test_anchors_aliases_and_merge_keys(loaded: Loading) -> None:
    config = loaded(
        CAMPAIGNS
        + "  - {id: camp_1, poll: &slow {interval: 2m, stale_after: 6m}, labels: &labels {team: a}}\n"
        + "  - {id: camp_2, poll: *slow, labels: {<<: *labels, client: b}}\n"
        + "  - {id: camp_3, poll: {<<: [*slow, {stale_after: 9m}], interval: 3m}}\n"
    )
    assert [campaign.poll for campaign in config.campaigns] == [Poll(120, 360), Poll(120, 360), Poll(180, 360)]
    assert config.campaigns[1].labels == (("client", "b"), ("team", "a"))


def test_many_campaigns_may_share_an_anchor(loaded: Loading) -> None:
    shared = "".join(f"  - {{id: c{n}, <<: *c}}\n" for n in range(3000))
    first = "  - &c {id: c, poll: {interval: 1h, stale_after: 2h}, thresholds: {emails_queued: {warning: 1}}}\n"
    assert len(loaded(CAMPAIGNS + first + shared).campaigns) == 3001


def test_byte_order_mark_is_no_fault(loaded: Loading) -> None:
    assert loaded("\ufeff" + SMALLEST) == loaded(SMALLEST)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("500ms", 0.5),
        ("1w", 604800),
        ("72h", 259200),
        ("1d12h5m3s20ms", 129903.02),
        ("0s", 0),
        ("1y", 31536000),
        ("007s", 7),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert durations.parse(text) == seconds
    assert durations.parse(durations.write(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "0", "5", "m5", "5 m", "5m ", "5M", "1m1h", "1m1m", "-1m", "1.5h", "٣m", "1µs"])
def test_what_is_no_duration(text: str) -> None:
    assert durations.parse(text) is None


def test_half_of_a_surrogate_pair_is_refused() -> None:
    """Only PyYAML without libyaml lets one through."""
    item = Item(Path("config.yaml"), 1, 1, "id", "\ud800", "\ud800")
    for check in (checks.campaign_id, checks.text, checks.any_text):
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            check(item)


def test_key_that_cannot_be_read_is_a_warning(loaded: Loading, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    config = loaded("""\
workspaces:
- {name: a, api_key_env: NO_SUCH_VARIABLE, campaigns: [camp_1]}
- {name: b, api_key_file: missing, campaigns: [camp_1]}
- {name: c, api_key_file: empty, campaigns: [camp_1]}
""")
    rest = "until there is a key, no campaign of this workspace can be polled"
    assert config.warnings == (
        f"config.yaml:2:26: workspaces[0].api_key_env: environment variable NO_SUCH_VARIABLE is not set: {rest}",
        f"config.yaml:3:27: workspaces[1].api_key_file: file {tmp_path}/missing: No such file or directory: {rest}",
        f"config.yaml:4:27: workspaces[2].api_key_file: file {tmp_path}/empty is empty: {rest}",
    )


@pytest.mark.parametrize("name", ["secrets/sk_acme", "my_sk_key", "desk_1"])
def test_a_key_file_may_have_a_name_like_a_key(loaded: Loading, tmp_path: Path, name: str) -> None:
    [workspace] = loaded(SMALLEST.replace("api_key_env: KEY", f"api_key_file: {name}")).workspaces
    assert workspace.key == KeySource(file=tmp_path / name)


def test_key_file_that_everybody_can_read_is_a_warning(loaded: Loading, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("canary")
    text = SMALLEST.replace("api_key_env: KEY", "api_key_file: link")
    (tmp_path / "link").symlink_to(key)
    key.chmod(0o640)
    assert loaded(text).warnings == ()
    key.chmod(0o644)
    [warning] = loaded(text).warnings
    assert warning == (
        f"config.yaml:3:17: workspaces[0].api_key_file: every user of this machine can read file {tmp_path}/link: "
        "take that right away with chmod o-r"
    )


def test_workspaces_that_share_a_key_are_a_warning(loaded: Loading, tmp_path: Path) -> None:
    """Each has a budget of its own, so together they send more than the key may."""
    (tmp_path / "key").write_text("canary")
    (tmp_path / "key").chmod(0o600)
    config = loaded("""\
workspaces:
- {name: a, api_key_env: KEY, campaigns: [camp_1]}
- {name: b, api_key_file: key, campaigns: [camp_1]}
- {name: c, api_key_env: KEY, campaigns: [camp_1]}
- {name: d, api_key_file: ./key, campaigns: [camp_1]}
""")
    rest = (
        "and each may send its whole api.requests_per_second with that key: make them one workspace, or divide the "
        "budget"
    )
    assert config.warnings == (
        f"config.yaml:4:26: workspaces[2].api_key_env: workspaces a and c share the environment variable KEY, {rest}",
        f"config.yaml:5:27: workspaces[3].api_key_file: workspaces b and d share the file {tmp_path}/key, {rest}",
    )


def test_campaigns_beyond_the_budget_are_a_warning(loaded: Loading) -> None:
    campaigns = "".join(f"  - camp_{n}\n" for n in range(61))
    text = "api: {requests_per_second: 1}\n" + CAMPAIGNS + campaigns
    [warning] = loaded(text).warnings
    assert warning == (
        "config.yaml:6:3: workspaces[0].campaigns: 61 campaigns need 1.017 requests a second, the budget is 1: "
        "set poll.interval to 1m1s or api.requests_per_second to 2"
    )
    assert loaded("poll: {interval: 1m1s}\n" + text).warnings == ()
    assert loaded(text.replace("second: 1", "second: 2")).warnings == ()
    assert loaded(text.replace("  - camp_60\n", "")).warnings == (), "exactly the budget"


def test_warnings_are_no_part_of_what_a_configuration_is(loaded: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    before = loaded(SMALLEST)
    monkeypatch.delenv("KEY")
    after = loaded(SMALLEST)
    assert after == before
    assert after.warnings != before.warnings

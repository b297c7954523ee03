"""What a configuration file means: merging, durations, labels, keys, warnings."""

import gc
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import certifi
import pytest

from exporter.config import Api, Campaign, ConfigError, Poll, Senders, Sending, Threshold, Thresholds, load
from exporter.config.model import Workspace
from exporter.config.times import parse_duration, write_duration
from exporter.secret import KeySource
from tests.config.conftest import CAMPAIGNS, SMALLEST, loaded


def test_smallest_file_has_every_default() -> None:
    campaign = Campaign("acme", "camp_1", "camp_1", (), Poll(), Thresholds())
    assert loaded(SMALLEST).workspaces == (Workspace("acme", KeySource(env="KEY"), Api(), (campaign,)),)
    assert loaded("\ufeff" + SMALLEST) == loaded(SMALLEST), "a byte order mark is no fault"


def test_campaign_goes_over_workspace_over_top_level_key_by_key() -> None:
    config = loaded("""\
api: {base_url: http://sandbox:8080/v2/, timeout: 1s, retries: 1}
poll: {interval: 10s, stale_after: 20s}
sending: {timezone: Europe/Berlin}
thresholds: {min_emails_bounced: 1, emails_queued: {warning: 1, critical: 9}, queue_drain: {warning: 1h}}
workspaces:
- name: acme
  api_key_env: KEY
  api: {retries: 2}
  labels: {team: growth, tier: "1"}
  poll: {stale_after: 30s}
  sending: {days: [sun, mon, sun], hours: [22:00-06:00, 09:00-12:00]}
  thresholds: {min_emails_bounced: 2, emails_queued: {warning: 2}}
  campaigns:
  - camp_1
  - id: camp_2
    labels: {client: globex, team: sales}
    poll: {interval: 15s}
    sending: {days: sat, timezone: UTC}
    thresholds: {emails_queued: {critical: 8}, bounce_ratio: {critical: 0.08}}
  - {id: camp_3, thresholds: {bounce_ratio: {warning: null}, queue_stalled: null}}
- {name: other, api_key_env: KEY, campaigns: [camp_1]}
""")
    first, second, third = config.workspaces[0].campaigns
    queued, drain = Threshold(warning=2.0, critical=9.0), Threshold(warning=3600.0)
    thresholds = Thresholds(emails_queued=queued, queue_drain=drain, min_emails_bounced=2)
    api = Api("http://sandbox:8080/v2", timeout=1.0, retries=1)
    assert [each.api for each in config.workspaces] == [api._replace(retries=2), api]
    assert [each.poll for each in (first, second, config.campaigns[-1])] == [Poll(10, 30), Poll(15, 30), Poll(10, 20)]
    assert first.thresholds == thresholds
    bounced, queued = Threshold(warning=0.03, critical=0.08), Threshold(warning=2.0, critical=8.0)
    assert second.thresholds == thresholds._replace(bounce_ratio=bounced, emails_queued=queued)
    off = thresholds._replace(bounce_ratio=Threshold(critical=0.05), queue_stalled=Threshold())
    assert third.thresholds == off, "null switches a limit of an outer level off"
    hours = ((540, 720), (1320, 1800))  # in their order, whatever the file's
    assert first.sending == Sending((0, 6), hours, "Europe/Berlin")
    assert second.sending == Sending((5,), hours, "UTC")
    assert [each.labels for each in (first, second, config.campaigns[-1])] == [  # each has all labels of the file
        (("client", ""), ("team", "growth"), ("tier", "1")),
        (("client", "globex"), ("team", "sales"), ("tier", "1")),
        (("client", ""), ("team", ""), ("tier", "")),
    ]


def test_senders_are_polled_where_they_are_configured() -> None:
    texts = {"null": None, "{interval: null}": None, "{}": Senders(300.0), "{interval: 90s}": Senders(90.0)}
    assert {text: loaded(f"senders: {text}\n{SMALLEST}").senders for text in texts} == texts


def test_a_link_has_the_campaign_filled_in() -> None:
    link = "https://{workspace}.example.com/d?a={workspace}&b={campaign_id}#{campaign}"
    config = loaded(f"links: {{campaign: '{link}'}}\n{CAMPAIGNS}  - {{id: a/b, name: 'VP {{campaign}} & ü'}}\n")
    [campaign] = config.campaigns
    filled = "https://acme.example.com/d?a=acme&b=a%2Fb#VP%20%7Bcampaign%7D%20%26%20%C3%BC"
    assert config.links.of_campaign(campaign) == filled
    assert loaded(f"links: null\n{SMALLEST}").links.of_campaign(campaign) is None


def test_the_same_id_may_stand_in_two_workspaces_and_ids_are_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "canary")
    config = loaded(SMALLEST + "- {name: other, api_key_env: OTHER_KEY, campaigns: [camp_1]}\n")
    assert [campaign.key[::2] for campaign in config.campaigns] == [("acme", "camp_1"), ("other", "camp_1")]
    assert config.warnings == ()
    ids = ["a/b", '"%2e%2e"', "a b", "größer", '"123"', "2026-01-01", "1e3", "..."]
    found = loaded(CAMPAIGNS + "".join(f"  - {id_}\n" for id_ in ids)).campaigns
    assert [campaign.id for campaign in found] == [id_.strip('"') for id_ in ids]


def test_files_are_relative_to_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "ca.pem").write_bytes(Path(certifi.where()).read_bytes())
    file = tmp_path / "config" / "config.yaml"
    file.write_text("api: {ca_file: ca.pem}\n" + SMALLEST.replace("api_key_env: KEY", "api_key_file: keys/acme"))
    [workspace] = load(file).workspaces
    assert workspace.api.ca_file == file.parent / "ca.pem"
    assert workspace.key == KeySource(file=file.parent / "keys" / "acme")


def test_anchors_aliases_and_merge_keys() -> None:
    config = loaded(
        CAMPAIGNS
        + "  - {id: camp_1, poll: &slow {interval: 2m, stale_after: 6m}, labels: &labels {team: a}}\n"
        + "  - {id: camp_2, poll: *slow, labels: {<<: *labels, client: b}}\n"
        + "  - {id: camp_3, poll: {<<: [*slow, {stale_after: 9m}], interval: 3m}}\n"
    )
    assert [campaign.poll for campaign in config.campaigns] == [Poll(120, 360), Poll(120, 360), Poll(180, 360)]
    assert config.campaigns[1].labels == (("client", "b"), ("team", "a"))
    shared = "".join(f"  - {{id: c{n}, <<: *c}}\n" for n in range(3000))
    first = "  - &c {id: c, poll: {interval: 1h, stale_after: 2h}, thresholds: {emails_queued: {warning: 1}}}\n"
    assert len(loaded(CAMPAIGNS + first + shared).campaigns) == 3001


DURATIONS = {"90s": 90, "1h30m": 5400, "1d": 86400, "500ms": 0.5, "1w": 604800, "72h": 259200, "0s": 0, "007s": 7}
DURATIONS |= {"1d12h5m3s20ms": 129903.02, "1y": 31536000}
NO_DURATIONS = ["", "0", "5", "m5", "5 m", "5m ", "5M", "1m1h", "1m1m", "-1m", "1.5h", "٣m", "1µs"]


@pytest.mark.parametrize(("text", "seconds"), [*DURATIONS.items(), *dict.fromkeys(NO_DURATIONS).items()])
def test_duration_is_read(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds
    assert seconds is None or parse_duration(write_duration(seconds)) == seconds


def test_numbers_may_have_an_exponent_and_collection_goes_on_after_loading() -> None:
    for text in ("3e-2", "3E-2", "0.3e-1", "3.0e-2", "+3e-02"):
        config = loaded(f"thresholds: {{bounce_ratio: {{warning: {text}}}}}\n{SMALLEST}")
        assert config.campaigns[0].thresholds.bounce_ratio.warning == 0.03
    with pytest.raises(ConfigError):
        loaded("")
    assert gc.isenabled()


OFFICE = Sending(hours=((540, 720), (780, 1020)), timezone="Europe/Berlin")
NIGHT = Sending(days=(4,), hours=((1320, 1800),), timezone="America/New_York")
BERLIN_NIGHT = Sending(days=tuple(range(7)), hours=((120, 180),), timezone="Europe/Berlin")
ROWS = [
    (Sending(), "2026-11-02T00:00+00:00", True),  # a Monday
    (Sending(), "2026-11-01T23:59+00:00", False),
    (Sending(), "2026-11-06T23:59:59+00:00", True),
    (Sending(), "2026-11-07T00:00+00:00", False),
    (OFFICE, "2026-11-02T08:59:59+01:00", False),
    (OFFICE, "2026-11-02T09:00+01:00", True),
    (OFFICE, "2026-11-02T12:00+01:00", False),
    (OFFICE, "2026-11-02T13:00+01:00", True),
    (OFFICE, "2026-11-02T17:00+01:00", False),
    (OFFICE, "2026-07-06T08:59+02:00", False),  # in summer the same hours by the clock
    (OFFICE, "2026-07-06T09:00+02:00", True),
    (NIGHT, "2026-11-06T21:59-05:00", False),
    (NIGHT, "2026-11-06T22:00-05:00", True),
    (NIGHT, "2026-11-07T05:59-05:00", True),  # Saturday's morning belongs to Friday
    (NIGHT, "2026-11-07T06:00-05:00", False),
    (NIGHT, "2026-11-06T05:00-05:00", False),  # and Friday's to Thursday
    (BERLIN_NIGHT, "2026-03-29T01:59:59+01:00", False),
    (BERLIN_NIGHT, "2026-03-29T03:00+02:00", False),  # this night has no hour from 2 to 3
    (BERLIN_NIGHT, "2026-10-25T02:30+02:00", True),  # and this one has it twice
    (BERLIN_NIGHT, "2026-10-25T02:30+01:00", True),
    (BERLIN_NIGHT, "2026-10-25T03:00+01:00", False),
    (Sending(days=(6,), hours=((1380, 1500),)), "2026-11-02T00:30+00:00", True),
]


@pytest.mark.parametrize(("sending", "at", "expected"), ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_mail_is_expected_by_the_clocks_of_the_place(sending: Sending, at: str, expected: bool) -> None:
    assert sending.is_expected(datetime.fromisoformat(at).timestamp()) is expected


@pytest.mark.parametrize(("begin", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-02", 24)])
def test_a_whole_day_is_as_long_as_the_clocks_make_it(begin: str, hours: int) -> None:
    always = Sending(days=(datetime.fromisoformat(begin).weekday(),), timezone="Europe/Berlin")
    midnight = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert sum(always.is_expected(midnight + minute * 60) for minute in range(-1440, 2 * 1440)) == hours * 60

"""Each problem that a configuration can have, with its exact message, and each warning, whose advice holds."""
# ruff: noqa: E501  # a message stands on one line, as it is printed

import re
from pathlib import Path

import pytest
import yaml

from exporter.config import ConfigError, load
from exporter.secret import KeySource
from tests.config.conftest import CAMPAIGNS, SMALLEST, loaded
from tests.config.problems import FAULTS, FILE


def faults_of(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        loaded(text)
    assert str(raised.value) == "\n".join(str(problem) for problem in raised.value.problems)
    return str(raised.value).split("\n")


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[1][:60])
def test_fault_has_its_place_its_path_and_what_to_write(row: tuple[str, ...], tmp_path: Path) -> None:
    beginning, rest, *expected = row
    assert faults_of(beginning + rest) == [line.replace("{folder}", str(tmp_path)) for line in expected]


def test_what_is_no_file_or_no_text(tmp_path: Path) -> None:
    for path, why in (
        (Path("none.yaml"), "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (Path("/dev/zero"), "is not a file"),
        (Path("x" * 5000), "cannot be read: File name too long"),
    ):
        with pytest.raises(ConfigError, match=why):
            load(path)
    assert faults_of(FILE.encode() + "# größer".encode("latin-1")) == [
        "config.yaml:5:5: is not UTF-8 text: save it as UTF-8"
    ]
    assert faults_of(FILE.encode("utf-16")) == ["config.yaml:1:1: is not UTF-8 text: save it as UTF-8"]
    assert faults_of(FILE + "# \x1b[31m\n") == [
        "config.yaml:5:3: has a character that YAML does not allow, U+001B: remove it"
    ]


def test_all_faults_come_at_once_in_the_order_of_lines() -> None:
    text = """\
poll:
  interval: 5 minutes
  stale_after: 2h
poll: {}
thresholds:
  bounce_ratio: {warning: 3, critical: 0.05}
  min_emails_bounce: 50
workspaces:
- name: acme
  api_key: canary
  labels: {job: growth}
  campaigns:
  - camp_1
  - {id: camp_1, poll: {interval: 3h}}
  - {id: camp_2, thresholds: {bounce_ratio: {critical: 0.01}, emails_queued: {warning: 2, critical: 1}}}
- name: acme
  api_key_file: key
  api_key_env: KEY
  campaigns: []
"""
    assert faults_of(text) == [
        'config.yaml:2:13: poll.interval: "5 minutes" is not a duration: write it like 90s, 5m, 72h or 1d',
        "config.yaml:4:1: poll: the key stands twice, first in line 1: remove one",
        "config.yaml:6:27: thresholds.bounce_ratio.warning: 3 is not a ratio between 0 and 1: for 3 % write 0.03",
        'config.yaml:7:3: thresholds.min_emails_bounce: unknown key: did you mean "min_emails_bounced"?',
        "config.yaml:10:3: workspaces[0].api_key: a secret never stands in this file: write api_key_file or api_key_env",
        "config.yaml:11:12: workspaces[0].labels.job: the exporter or Prometheus has a label of this name: choose another name",
        'config.yaml:14:10: workspaces[0].campaigns[1].id: the campaign "camp_1" stands twice, first in line 13: remove one',
        "config.yaml:14:35: workspaces[0].campaigns[1].poll.interval: stale_after 2h is below interval 3h: set stale_after to 9h or more",
        "config.yaml:15:88: workspaces[0].campaigns[2].thresholds.emails_queued.warning: warning 2 is above critical 1: a warning comes first, set it to 1 or less",
        'config.yaml:16:9: workspaces[1].name: the workspace "acme" stands twice, first in line 9: remove one',
        "config.yaml:18:16: workspaces[1].api_key_env: api_key_file and api_key_env both stand here: keep one",
        "config.yaml:19:14: workspaces[1].campaigns: is an empty list: name at least one campaign",
    ]


def test_a_fault_comes_once_and_causes_no_second_one() -> None:
    text = CAMPAIGNS + "  - {id: camp_1, poll: &slow {interval: 1x}}\n  - {id: camp_2, poll: *slow}\n"
    assert len(faults_of(text)) == 1
    limits = "thresholds: {bounce_ratio: {critical: 0.5%}}\n"
    below = "poll: {interval: 10 minutes}\n  # the default of stale_after is below it\n"
    assert len(faults_of(FILE + limits + below)) == 2
    assert len(faults_of(CAMPAIGNS + "  - 1\n  - 1\n")) == 2, "two ids invalid are not the same id"


@pytest.mark.parametrize("aliases", ["[{}]", "{{<<: [{}]}}"])
def test_aliases_that_multiply_end_soon(aliases: str) -> None:
    levels = [f"a{n}: &a{n} " + aliases.format(", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 15)]
    [problem] = faults_of("a0: &a0 {a: b}\n" + "\n".join(levels))
    assert problem.endswith("aliases repeat this too often, or without end")


def test_key_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
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


def test_key_file_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("canary")
    text = SMALLEST.replace("api_key_env: KEY", "api_key_file: link")
    (tmp_path / "link").symlink_to(key)
    key.chmod(0o640)
    assert loaded(text).warnings == ()
    for name in ("secrets/sk_acme", "my_sk_key", "desk_1"):  # may look like a key
        assert loaded(text.replace("link", name)).workspaces[0].key == KeySource(file=tmp_path / name)
    key.chmod(0o644)
    [warning] = loaded(text).warnings
    assert warning == (
        f"config.yaml:3:17: workspaces[0].api_key_file: every user of this machine can read file {tmp_path}/link: "
        "take that right away with chmod o-r"
    )


def test_campaigns_with_one_name_are_a_warning() -> None:
    campaigns = "  - {id: camp_1, name: Sales}\n  - Sales\n  - {id: camp_2, name: a$2b}\n"
    names = loaded(CAMPAIGNS + campaigns + "  - {id: camp_3, name: a$2b}\n").warnings
    rest = "too: dashboards show them as one"
    assert names == (
        f'config.yaml:6:5: workspaces[0].campaigns[1]: the campaign in line 5 is called "Sales" {rest}',
        f"config.yaml:8:24: workspaces[0].campaigns[3].name: the campaign in line 7 is called (not shown) {rest}",
    )


def test_the_key_in_clear_on_a_network_is_a_warning() -> None:
    warned = ["config.yaml:1:17: api.base_url: with http:// the key travels in clear: write https://"]
    networks = ("app.leadterra.co", "10.0.0.1", "localhost.example", "[fe80::1]")
    for host in (*networks, "localhost:1", "api.localhost", "127.0.0.9", "[::1]:8080"):
        other = "- {name: b, api_key_env: KEY, campaigns: [c]}"
        config = loaded(f"api: {{base_url: 'http://{host}'}}\n{SMALLEST}{other}\n")
        found = [warning for warning in config.warnings if "http" in warning]
        assert found == (warned if host in networks else []), host


ADVICE = re.compile(r"set (\S+?) to (\S+?)(?= |,|$)")
CROWD = "".join(f"  - camp_{n}\n" for n in range(301))
ADVISED = {
    "budget": "api: {requests_per_second: 1}\n" + CAMPAIGNS + CROWD,
    "polls of their own": "api: {requests_per_second: 1}\npoll: {interval: 4m, stale_after: 12m}\n" + CAMPAIGNS + CROWD
    + "  - {id: own, poll: {interval: 1s, stale_after: 3s}}\n",
    "long enough": "poll: {interval: 1s, stale_after: 1h}\napi: {requests_per_second: 1}\n" + CAMPAIGNS + CROWD,
    "below three": "poll: {interval: 2m}\n" + SMALLEST,
    "in a workspace": SMALLEST + "  poll: {stale_after: 2m}\n",
    "of a campaign": CAMPAIGNS + "  - {id: camp_1, poll: {interval: 4m}}\n",
}  # fmt: skip


@pytest.mark.parametrize("text", ADVISED.values(), ids=ADVISED)
def test_whoever_takes_an_advice_is_warned_no_more(text: str) -> None:
    """Each alternative by itself, at the place that the warning names."""
    [warning] = loaded(text).warnings
    for alternative in warning.split(", or "):
        document = yaml.safe_load(text)
        [workspace] = document["workspaces"]
        at = workspace["campaigns"][0] if "campaigns[0]" in warning else workspace
        if "remove poll from its 1 campaigns" in alternative:
            workspace["campaigns"][-1] = "own"
        for key, value in ADVICE.findall(alternative.replace(" and poll", " and set poll")):
            section, _, leaf = f"poll.{key}".rpartition(".")
            at.setdefault(section.removeprefix("poll.") or "poll", {})[leaf] = yaml.safe_load(value)
        assert document != yaml.safe_load(text)
        assert loaded(yaml.safe_dump(document)).warnings == (), alternative


def test_campaigns_beyond_the_budget_and_figures_that_come_and_go_are_a_warning() -> None:
    text = ADVISED["budget"]
    [warning] = loaded(text).warnings
    assert warning == (
        "config.yaml:6:3: workspaces[0].campaigns: 301 campaigns need 5.017 requests a second, the budget is 1: set "
        "poll.interval to 5m1s and poll.stale_after to 15m3s in this workspace, or set api.requests_per_second to 6"
    )
    assert "and remove poll from its 1 campaigns that have one" in loaded(ADVISED["polls of their own"]).warnings[0]
    assert loaded(text.replace("second: 1", "second: 5").replace("  - camp_300\n", "")).warnings == (), "exactly"
    text = CAMPAIGNS + "  - {id: camp_1, poll: &slow {interval: 4m}}\n  - {id: camp_2, poll: *slow}\n"
    [warning] = loaded(text).warnings
    assert warning == (
        "config.yaml:5:24: workspaces[0].campaigns[0].poll: stale_after 5m is below three intervals of 4m, so figures "
        "come and go: set stale_after to 12m or more"
    )

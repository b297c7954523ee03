"""Each problem that a configuration can have, with its exact message."""
# ruff: noqa: E501  # a message stands on one line, as it is printed

from pathlib import Path

import pytest

from exporter.config import ConfigError, load
from tests.config.problems import CAMPAIGN, FAULTS, FILE, KEYLESS


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def faults_of(text: str | bytes) -> list[str]:
    Path("config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as raised:
        load(Path("config.yaml"))
    assert str(raised.value) == "\n".join(str(problem) for problem in raised.value.problems)
    return str(raised.value).split("\n")


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[1][:60])
def test_fault_has_its_place_its_path_and_what_to_write(row: tuple[str, ...], tmp_path: Path) -> None:
    beginning, rest, *expected = row
    assert faults_of(beginning + rest) == [line.replace("{folder}", str(tmp_path)) for line in expected]


def test_file_that_is_missing() -> None:
    with pytest.raises(ConfigError) as raised:
        load(Path("config.yaml"))
    assert str(raised.value) == "config.yaml:1:1: cannot be read: No such file or directory"


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path)
    assert str(raised.value) == f"{tmp_path}:1:1: cannot be read: Is a directory"


def test_bytes_that_are_no_text() -> None:
    assert faults_of(FILE.encode() + "# größer".encode("latin-1")) == ["config.yaml:5:5: is not UTF-8 text"]
    assert faults_of(FILE.encode("utf-16")) == ["config.yaml:1:1: is not UTF-8 text"]


def test_character_that_yaml_does_not_allow() -> None:
    assert faults_of(FILE + "# \x1b[31m\n") == ["config.yaml:5:3: has a character that YAML does not allow"]


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


def test_fault_of_an_anchor_comes_once() -> None:
    text = CAMPAIGN + "  - {id: camp_1, poll: &slow {interval: 1x}}\n  - {id: camp_2, poll: *slow}\n"
    assert len(faults_of(text)) == 1


def test_value_at_fault_causes_no_second_fault() -> None:
    limits = "thresholds: {bounce_ratio: {critical: 0.5%}}\n"
    assert (
        len(faults_of(FILE + limits + "poll: {interval: 10 minutes}\n  # the default of stale_after is below it\n"))
        == 2
    )
    assert len(faults_of(CAMPAIGN + "  - 1\n  - 1\n")) == 2, "two ids invalid are not the same id"


@pytest.mark.parametrize("aliases", ["[{}]", "{{<<: [{}]}}"])
def test_aliases_that_multiply_end_soon(aliases: str) -> None:
    levels = [f"a{n}: &a{n} " + aliases.format(", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 15)]
    [problem] = faults_of("a0: &a0 {a: b}\n" + "\n".join(levels))
    assert problem.endswith("aliases repeat this too often, or without end")


SECRET = "sk_live_canary_4711"  # noqa: S105  # it opens nothing


@pytest.mark.parametrize(
    "rest",
    [
        f"  api_key: {SECRET}\n",
        f"  api_key_env: {SECRET}\n",
        f"  api_key_file: {SECRET}\n",
        f"  api_key_env: [{SECRET}]\n",
        f"  api_key_env: KEY\n  api_key: {SECRET}\n",
        f"  api_key_env: KEY\n  api: {{base_url: 'https://user:{SECRET}@host'}}\n",
        f"  api_key_env: KEY\n  api: {{proxy_url: 'http://user:{SECRET}@proxy:port'}}\n",
        f"  api_key_env: KEY\n  api: {{timeout: {SECRET}}}\n",
        f"  api_key_env: KEY\n  api: {SECRET}\n",
        f"  api_key_env: KEY\n  api: !{SECRET} {{}}\n",
        f"  api_key_env: *{SECRET}\n",
        f"  {SECRET}: KEY\n",
    ],
)
def test_no_message_repeats_a_secret(rest: str) -> None:
    assert SECRET not in "\n".join(faults_of(KEYLESS + rest))

"""Each problem that a configuration can have, with its exact message."""
# ruff: noqa: E501  # a message stands on one line, as it is printed

from pathlib import Path

import pytest

from exporter.config import ConfigError, load

WHOLE = ""
KEYLESS = "workspaces:\n- name: acme\n  campaigns: [camp_1]\n"
WORKSPACE = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns: [camp_1]\n"
FILE = WORKSPACE
CAMPAIGN = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns:\n"

# fmt: off
FAULTS: list[tuple[str, ...]] = [
    (WHOLE, "", "config.yaml:1:1: is empty: it needs at least the key workspaces"),
    (WHOLE, "# nothing but a comment\n", "config.yaml:1:1: is empty: it needs at least the key workspaces"),
    (WHOLE, "---\n", "config.yaml:2:1: null is not a mapping: write its keys below it, like key: value"),
    (WHOLE, "- a\n", "config.yaml:1:1: a list is not a mapping: write its keys below it, like key: value"),
    (WHOLE, "just text\n", 'config.yaml:1:1: "just text" is not a mapping: write its keys below it, like key: value'),
    (WHOLE, "workspaces: [\n", "config.yaml:2:1: cannot be read as YAML: did not find expected node content"),
    (WHOLE, "workspaces:\n\t- name: acme\n", "config.yaml:2:1: cannot be read as YAML: found character that cannot start any token"),
    (WHOLE, "a: b\nc\n", "config.yaml:3:1: cannot be read as YAML: could not find expected ':' (while scanning a simple key, begun in line 2)"),
    (WHOLE, "workspaces: 'acme\n", "config.yaml:2:1: cannot be read as YAML: found unexpected end of stream (while scanning a quoted scalar, begun in line 1)"),
    (WHOLE, "poll: *common\n", "config.yaml:1:7: cannot be read as YAML: found undefined alias"),
    (FILE, "---\npoll: {}\n", "config.yaml:1:1: holds more than one document: write one, without a line --- in its middle"),
    (FILE, "poll: !!python/name:os.system x\n", "config.yaml:5:7: poll: has a YAML tag, which has no meaning here: quote a text that begins with !"),
    (FILE, "poll: {interval: !!binary aaaa}\n", "config.yaml:5:18: poll.interval: has a YAML tag, which has no meaning here: quote a text that begins with !"),
    (FILE, "? [a]\n: b\n", "config.yaml:5:3: a key must be text"),
    (WHOLE, "a: " + "[" * 30 + "\n", "config.yaml:1:22: cannot be read as YAML: it is nested more than 20 levels deep"),
    (FILE, "poll: &poll {interval: *poll}\n", "config.yaml:5:7: aliases repeat this too often, or without end"),
    (FILE, "poll: &poll\n  <<: *poll\n", "config.yaml:5:7: aliases repeat this too often, or without end"),
    (FILE, "poll: {<<: 5m}\n", 'config.yaml:5:12: poll["<<"]: only a mapping can be merged'),
    (FILE, "pol: {interval: 60s}\n", 'config.yaml:5:1: pol: unknown key: did you mean "poll"?'),
    (FILE, "interval: 60s\n", 'config.yaml:5:1: interval: unknown key: did you mean "poll.interval"?'),
    (FILE, "poll: {intervall: 60s}\n", 'config.yaml:5:8: poll.intervall: unknown key: did you mean "interval"?'),
    (FILE, "poll: {every: 60s}\n", "config.yaml:5:8: poll.every: unknown key: known here: interval, stale_after"),
    (FILE, "colour: red\n", "config.yaml:5:1: colour: unknown key: known here: api, poll, thresholds, workspaces"),
    (FILE, '"a key\\nof two lines": 1\n', 'config.yaml:5:1: ["a key\\nof two lines"]: unknown key: known here: api, poll, thresholds, workspaces'),
    (FILE, "poll: {interval: 60s, interval: 90s}\n", "config.yaml:5:23: poll.interval: the key stands twice, first in line 5: remove one"),
    (FILE, "poll: {interval: 60s}\npoll: {interval: 90s}\n", "config.yaml:6:1: poll: the key stands twice, first in line 5: remove one"),
    (WORKSPACE, "  labels: {team: a, team: b}\n", "config.yaml:5:21: workspaces[0].labels.team: the key stands twice, first in line 5: remove one"),
    (WHOLE, "poll: {}\n", "config.yaml:1:1: the key workspaces is missing: write workspaces: and its value"),
    (WHOLE, "workspaces:\n- {}\n", "config.yaml:2:3: workspaces[0]: the key name is missing: write name: and its value", "config.yaml:2:3: workspaces[0]: the key campaigns is missing: write campaigns: and its value", "config.yaml:2:3: workspaces[0]: the key api_key_file or api_key_env is missing: write one of them"),
    (CAMPAIGN, "  - name: VP Sales\n", "config.yaml:5:5: workspaces[0].campaigns[0]: the key id is missing: write id: and its value"),
    (FILE, "api: null\n", "config.yaml:5:6: api: null is not a mapping: write its keys below it, like key: value"),
    (FILE, "poll: 60s\n", 'config.yaml:5:7: poll: "60s" is not a mapping: write its keys below it, like key: value'),
    (FILE, "thresholds: [bounce_ratio]\n", "config.yaml:5:13: thresholds: a list is not a mapping: write its keys below it, like key: value"),
    (FILE, "thresholds: {bounce_ratio: 0.05}\n", "config.yaml:5:28: thresholds.bounce_ratio: 0.05 is not a mapping: write its keys below it, like key: value"),
    (WHOLE, "workspaces: acme\n", 'config.yaml:1:13: workspaces: "acme" is not a list: write each workspace on a line after "- "'),
    (WHOLE, "workspaces: []\n", "config.yaml:1:13: workspaces: is an empty list: name at least one workspace"),
    (WHOLE, "workspaces: [acme]\n", 'config.yaml:1:14: workspaces[0]: "acme" is not a mapping: write its keys below it, like key: value'),
    (CAMPAIGN, "    camp_1\n", 'config.yaml:5:5: workspaces[0].campaigns: "camp_1" is not a list: write each campaign on a line after "- "'),
    (CAMPAIGN, "", 'config.yaml:4:13: workspaces[0].campaigns: null is not a list: write each campaign on a line after "- "'),
    (CAMPAIGN, "    []\n", "config.yaml:5:5: workspaces[0].campaigns: is an empty list: name at least one campaign"),
    (CAMPAIGN, "  - [camp_1]\n", "config.yaml:5:5: workspaces[0].campaigns[0]: a list is not a mapping: write its keys below it, like key: value"),
    (FILE, "poll: {interval: 5 minutes}\n", 'config.yaml:5:18: poll.interval: "5 minutes" is not a duration: write it like 90s, 5m, 72h or 1d'),
    (FILE, "poll: {interval: 60}\n", "config.yaml:5:18: poll.interval: 60 is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "poll: {interval: 0}\n", "config.yaml:5:18: poll.interval: 0 is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "poll: {interval: 1s1m}\n", 'config.yaml:5:18: poll.interval: "1s1m" is not a duration: write it like 90s, 5m, 72h or 1d'),
    (FILE, "poll: {interval: 1.5m}\n", 'config.yaml:5:18: poll.interval: "1.5m" is not a duration: write it like 90s, 5m, 72h or 1d'),
    (FILE, "poll: {interval: -5m}\n", 'config.yaml:5:18: poll.interval: "-5m" is not a duration: write it like 90s, 5m, 72h or 1d'),
    (FILE, 'poll: {interval: ""}\n', 'config.yaml:5:18: poll.interval: "" is not a duration: write it like 90s, 5m, 72h or 1d'),
    (FILE, "poll: {interval: null}\n", "config.yaml:5:18: poll.interval: null is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "poll: {interval: 1:30}\n", 'config.yaml:5:18: poll.interval: "1:30" is not a duration: write it like 90s, 5m, 72h or 1d'),
    (FILE, "poll: {interval: [60s]}\n", "config.yaml:5:18: poll.interval: a list is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "poll: {interval: 500ms}\n", 'config.yaml:5:18: poll.interval: "500ms" is out of range: write a duration from 1s to 365d'),
    (FILE, "api: {timeout: 0s}\n", 'config.yaml:5:16: api.timeout: "0s" is out of range: write a duration from 1ms to 1h'),
    (FILE, "api: {timeout: 2h}\n", 'config.yaml:5:16: api.timeout: "2h" is out of range: write a duration from 1ms to 1h'),
    (FILE, "poll: {stale_after: 99999w}\n", 'config.yaml:5:21: poll.stale_after: "99999w" is out of range: write a duration from 1s to 365d'),
    (FILE, "poll: {interval: a text that is long enough to be a key}\n", "config.yaml:5:18: poll.interval: this text is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "thresholds: {queue_drain: {warning: 72}}\n", "config.yaml:5:37: thresholds.queue_drain.warning: 72 is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "api: {max_concurrency: 0}\n", "config.yaml:5:24: api.max_concurrency: 0 is out of range: write a whole number from 1 to 1000"),
    (FILE, "api: {max_concurrency: yes}\n", "config.yaml:5:24: api.max_concurrency: yes is not a whole number: write one from 1 to 1000"),
    (FILE, "api: {max_concurrency: 2.5}\n", "config.yaml:5:24: api.max_concurrency: 2.5 is not a whole number: write one from 1 to 1000"),
    (FILE, 'api: {retries: "2"}\n', 'config.yaml:5:16: api.retries: "2" is not a whole number: write one from 0 to 10, without quotes'),
    (FILE, "api: {retries: -1}\n", "config.yaml:5:16: api.retries: -1 is out of range: write a whole number from 0 to 10"),
    (FILE, "api: {retries: null}\n", "config.yaml:5:16: api.retries: null is not a whole number: write one from 0 to 10"),
    (FILE, "api: {requests_per_second: 0}\n", "config.yaml:5:28: api.requests_per_second: 0 is out of range: write a number from 0.001 to 10000"),
    (FILE, "api: {requests_per_second: .nan}\n", 'config.yaml:5:28: api.requests_per_second: ".nan" is not a number: write one from 0.001 to 10000, without quotes'),
    (FILE, "api: {requests_per_second: .inf}\n", 'config.yaml:5:28: api.requests_per_second: ".inf" is not a number: write one from 0.001 to 10000, without quotes'),
    (FILE, "api: {requests_per_second: off}\n", "config.yaml:5:28: api.requests_per_second: off is not a number: write one from 0.001 to 10000"),
    (FILE, "thresholds: {min_emails_sent: null}\n", "config.yaml:5:31: thresholds.min_emails_sent: null is not a whole number: write one from 0 to 1000000000"),
    (FILE, "thresholds: {emails_queued: {warning: -1}}\n", "config.yaml:5:39: thresholds.emails_queued.warning: -1 is out of range: write a number from 0 to 1000000000"),
    (FILE, "api: {retries: " + "9" * 5000 + "}\n", "config.yaml:5:16: api.retries: this text is not a whole number: write one from 0 to 10, without quotes"),
    (FILE, "thresholds: {bounce_ratio: {warning: 3, critical: 5}}\n", "config.yaml:5:38: thresholds.bounce_ratio.warning: 3 is not a ratio between 0 and 1: for 3 % write 0.03", "config.yaml:5:51: thresholds.bounce_ratio.critical: 5 is not a ratio between 0 and 1: for 5 % write 0.05"),
    (FILE, "thresholds: {bounce_ratio: {warning: 3%}}\n", 'config.yaml:5:38: thresholds.bounce_ratio.warning: "3%" is not a ratio between 0 and 1: for 3 % write 0.03'),
    (FILE, "thresholds: {bounce_ratio: {warning: 0.5 %}}\n", 'config.yaml:5:38: thresholds.bounce_ratio.warning: "0.5 %" is not a ratio between 0 and 1: for 0.5 % write 0.005'),
    (FILE, "thresholds: {bounce_ratio: {critical: 120}}\n", "config.yaml:5:39: thresholds.bounce_ratio.critical: 120 is out of range: write a number from 0 to 1"),
    (FILE, "thresholds: {reply_ratio: {info: -0.1}}\n", "config.yaml:5:34: thresholds.reply_ratio.info: -0.1 is out of range: write a number from 0 to 1"),
    (FILE, "thresholds: {reply_ratio: {info: three}}\n", 'config.yaml:5:34: thresholds.reply_ratio.info: "three" is not a number: write one from 0 to 1, without quotes'),
    (FILE, "thresholds: {bounce_ratio: {info: 0.01}}\n", "config.yaml:5:29: thresholds.bounce_ratio.info: unknown key: known here: warning, critical"),
    (FILE, "thresholds: {queue_drain: {critical: 72h}}\n", "config.yaml:5:28: thresholds.queue_drain.critical: unknown key: known here: warning"),
    (FILE, "thresholds: {reply_ratio: {warning: 0.01}}\n", "config.yaml:5:28: thresholds.reply_ratio.warning: unknown key: known here: info"),
    (FILE, "thresholds: {bounce_ratio: {warning: 0.06, critical: 0.05}}\n", "config.yaml:5:38: thresholds.bounce_ratio.warning: warning 0.06 is above critical 0.05: a warning comes first, set it to 0.05 or less"),
    (FILE, "thresholds: {bounce_ratio: {warning: 0.06}}\n", "config.yaml:5:38: thresholds.bounce_ratio.warning: warning 0.06 is above critical 0.05: a warning comes first, set it to 0.05 or less"),
    (FILE, "thresholds: {bounce_ratio: {critical: 0.02}}\n", "config.yaml:5:39: thresholds.bounce_ratio.critical: warning 0.03 is above critical 0.02: a warning comes first, set it to 0.02 or less"),
    (CAMPAIGN, "  - id: camp_1\n    thresholds: {emails_queued: {warning: 500}}\n  thresholds: {emails_queued: {critical: 400}}\n", "config.yaml:6:43: workspaces[0].campaigns[0].thresholds.emails_queued.warning: warning 500 is above critical 400: a warning comes first, set it to 400 or less"),
    (FILE, "poll: {interval: 60s, stale_after: 30s}\n", "config.yaml:5:36: poll.stale_after: stale_after 30s is below interval 1m: set stale_after to 1m or more"),
    (FILE, "poll: {interval: 10m}\n", "config.yaml:5:18: poll.interval: stale_after 5m is below interval 10m: set stale_after to 10m or more"),
    (CAMPAIGN, "  - {id: camp_1, poll: {interval: 10m}}\n  poll: {stale_after: 9m}\n", "config.yaml:5:35: workspaces[0].campaigns[0].poll.interval: stale_after 9m is below interval 10m: set stale_after to 10m or more"),
    (KEYLESS, "", "config.yaml:2:3: workspaces[0]: the key api_key_file or api_key_env is missing: write one of them"),
    (KEYLESS, "  api_key_env: KEY\n  api_key_file: key\n", "config.yaml:5:17: workspaces[0].api_key_file: api_key_file and api_key_env both stand here: keep one"),
    (KEYLESS, "  api_key: sk_live_canary\n", "config.yaml:4:3: workspaces[0].api_key: a secret never stands in this file: write api_key_file or api_key_env"),
    (FILE, "api_key: sk_live_canary\n", "config.yaml:5:1: api_key: a secret never stands in this file: write api_key_file or api_key_env"),
    (KEYLESS, "  api_key_env: sk_live_canary\n", "config.yaml:4:16: workspaces[0].api_key_env: looks like the key itself: write the name of the variable that holds it"),
    (KEYLESS, "  api_key_file: sk_live_canary\n", "config.yaml:4:17: workspaces[0].api_key_file: looks like the key itself: write the file that holds it"),
    (KEYLESS, "  api_key_file: Bearer sk_live_canary\n", "config.yaml:4:17: workspaces[0].api_key_file: looks like the key itself: write the file that holds it"),
    (KEYLESS, "  api_key_file: $2y$10$canary\n", "config.yaml:4:17: workspaces[0].api_key_file: looks like the key itself: write the file that holds it"),
    (FILE, "api: {ca_file: sk_live_canary}\n", "config.yaml:5:16: api.ca_file: looks like the key itself: write the file that holds it"),
    (FILE, "poll: {interval: sk_live_canary}\n", "config.yaml:5:18: poll.interval: this text is not a duration: write it like 90s, 5m, 72h or 1d"),
    (FILE, "Bearer sk_live_canary: x\n", "config.yaml:5:1: (not shown): unknown key: known here: api, poll, thresholds, workspaces"),
    (FILE, "'http://user:canary@proxy': x\n", "config.yaml:5:1: (not shown): unknown key: known here: api, poll, thresholds, workspaces"),
    (FILE, "task_id: x\n", "config.yaml:5:1: task_id: unknown key: known here: api, poll, thresholds, workspaces"),
    (CAMPAIGN, "  - sk_live_canary\n  - sk_live_canary\n", "config.yaml:6:5: workspaces[0].campaigns[1]: the campaign (not shown) stands twice, first in line 5: remove one"),
    (KEYLESS, "  api_key_env: my-key\n", "config.yaml:4:16: workspaces[0].api_key_env: is not the name of an environment variable: write one like LEADTERRA_API_KEY"),
    (KEYLESS, "  api_key_env: null\n", "config.yaml:4:16: workspaces[0].api_key_env: null is not text"),
    (KEYLESS, '  api_key_file: "a\\0b"\n', "config.yaml:4:17: workspaces[0].api_key_file: has a control character, such as a line break: remove it"),
    (CAMPAIGN, '  - ""\n', "config.yaml:5:5: workspaces[0].campaigns[0]: must not be empty"),
    (CAMPAIGN, "  - .\n", 'config.yaml:5:5: workspaces[0].campaigns[0]: "." cannot be asked for: an address drops such a part'),
    (CAMPAIGN, "  - id: ..\n", 'config.yaml:5:9: workspaces[0].campaigns[0].id: ".." cannot be asked for: an address drops such a part'),
    (CAMPAIGN, '  - "a\\tb"\n', "config.yaml:5:5: workspaces[0].campaigns[0]: has a control character, such as a line break: remove it"),
    (CAMPAIGN, "  - 123\n", 'config.yaml:5:5: workspaces[0].campaigns[0]: 123 is not text: put it in quotes, "123"'),
    (CAMPAIGN, "  - id: yes\n", 'config.yaml:5:9: workspaces[0].campaigns[0].id: yes is not text: put it in quotes, "yes"'),
    (CAMPAIGN, "  - null\n", "config.yaml:5:5: workspaces[0].campaigns[0]: null is not a mapping: write its keys below it, like key: value"),
    (CAMPAIGN, "  - {id: camp_1, name: 2026}\n", 'config.yaml:5:24: workspaces[0].campaigns[0].name: 2026 is not text: put it in quotes, "2026"'),
    (CAMPAIGN, "  - {id: camp_1, name: ' '}\n", "config.yaml:5:24: workspaces[0].campaigns[0].name: must not be empty"),
    (CAMPAIGN, "  - camp_1\n  - id: camp_1\n", 'config.yaml:6:9: workspaces[0].campaigns[1].id: the campaign "camp_1" stands twice, first in line 5: remove one'),
    (WHOLE, "workspaces:\n- &acme {name: acme, api_key_env: KEY, campaigns: [camp_1]}\n- {<<: *acme, campaigns: [camp_2]}\n", 'config.yaml:2:16: workspaces[1].name: the workspace "acme" stands twice, first in line 2: remove one'),
    (WHOLE, "workspaces:\n- {name: 1, api_key_env: KEY, campaigns: [camp_1]}\n", 'config.yaml:2:10: workspaces[0].name: 1 is not text: put it in quotes, "1"'),
    (WORKSPACE, "  labels: {my-team: a}\n", "config.yaml:5:12: workspaces[0].labels.my-team: is not a label name: write letters, digits and _, a digit not first"),
    (WORKSPACE, "  labels: {1st: a}\n", "config.yaml:5:12: workspaces[0].labels.1st: is not a label name: write letters, digits and _, a digit not first"),
    (WORKSPACE, '  labels: {"": a}\n', 'config.yaml:5:12: workspaces[0].labels[""]: is not a label name: write letters, digits and _, a digit not first'),
    (WORKSPACE, "  labels: {__team: a}\n", "config.yaml:5:12: workspaces[0].labels.__team: names with __ in front are Prometheus' own: choose another name"),
    (WORKSPACE, "  labels: {campaign: a, le: b}\n", "config.yaml:5:12: workspaces[0].labels.campaign: the exporter or Prometheus has a label of this name: choose another name", "config.yaml:5:25: workspaces[0].labels.le: the exporter or Prometheus has a label of this name: choose another name"),
    (CAMPAIGN, "  - {id: camp_1, labels: {job: a}}\n", "config.yaml:5:27: workspaces[0].campaigns[0].labels.job: the exporter or Prometheus has a label of this name: choose another name"),
    (WORKSPACE, "  labels: {team: 7}\n", 'config.yaml:5:18: workspaces[0].labels.team: 7 is not text: put it in quotes, "7"'),
    (WORKSPACE, "  labels: {team: null}\n", "config.yaml:5:18: workspaces[0].labels.team: null is not text"),
    (WORKSPACE, "  labels: {team: no}\n", 'config.yaml:5:18: workspaces[0].labels.team: no is not text: put it in quotes, "no"'),
    (WORKSPACE, "  labels: {team: [a]}\n", "config.yaml:5:18: workspaces[0].labels.team: a list is not text"),
    (WORKSPACE, "  labels: team\n", 'config.yaml:5:11: workspaces[0].labels: "team" is not a mapping: write labels like team: growth'),
    (FILE, "api: {base_url: app.leadterra.co}\n", "config.yaml:5:17: api.base_url: must begin with http:// or https:// and a host, like https://app.leadterra.co"),
    (FILE, "api: {base_url: ftp://app.leadterra.co}\n", "config.yaml:5:17: api.base_url: must begin with http:// or https:// and a host, like https://app.leadterra.co"),
    (FILE, "api: {base_url: 'https://'}\n", "config.yaml:5:17: api.base_url: must begin with http:// or https:// and a host, like https://app.leadterra.co"),
    (FILE, "api: {base_url: https://host:port}\n", "config.yaml:5:17: api.base_url: must begin with http:// or https:// and a host, like https://app.leadterra.co"),
    (FILE, "api: {base_url: 'https://user:canary@host'}\n", "config.yaml:5:17: api.base_url: has a user or a password: remove it; the key comes from api_key_file or api_key_env"),
    (FILE, "api: {base_url: 'https://host/?a=b'}\n", "config.yaml:5:17: api.base_url: has a query or a fragment, which has no use here: remove it"),
    (FILE, "api: {base_url: 'https://host/#a'}\n", "config.yaml:5:17: api.base_url: has a query or a fragment, which has no use here: remove it"),
    (FILE, "api: {base_url: https://host/a b}\n", "config.yaml:5:17: api.base_url: has a character that cannot stand in a URL: write it percent-encoded"),
    (FILE, "api: {base_url: 'https://[::1'}\n", "config.yaml:5:17: api.base_url: must begin with http:// or https:// and a host, like https://app.leadterra.co"),
    (FILE, "api: {base_url: null}\n", "config.yaml:5:17: api.base_url: null is not text"),
    (FILE, "api: {proxy_url: 'socks5://user:canary@proxy'}\n", "config.yaml:5:18: api.proxy_url: must begin with http:// and a host, like http://proxy.example:3128"),
    (FILE, "api: {proxy_url: 'https://proxy'}\n", "config.yaml:5:18: api.proxy_url: must begin with http:// and a host, like http://proxy.example:3128"),
    (FILE, "api: {ca_file: missing.pem}\n", "config.yaml:5:16: api.ca_file: {folder}/missing.pem cannot be read: No such file or directory"),
    (FILE, "api: {ca_file: .}\n", "config.yaml:5:16: api.ca_file: {folder} is not a file"),
    (FILE, "api: {ca_file: config.yaml}\n", "config.yaml:5:16: api.ca_file: {folder}/config.yaml holds no certificate in PEM form"),
]
"""What the file begins with, what is wrong in its rest, and the lines of the message."""
# fmt: on


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
  min_emails_send: 50
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
        'config.yaml:7:3: thresholds.min_emails_send: unknown key: did you mean "min_emails_sent"?',
        "config.yaml:10:3: workspaces[0].api_key: a secret never stands in this file: write api_key_file or api_key_env",
        "config.yaml:11:12: workspaces[0].labels.job: the exporter or Prometheus has a label of this name: choose another name",
        'config.yaml:14:10: workspaces[0].campaigns[1].id: the campaign "camp_1" stands twice, first in line 13: remove one',
        "config.yaml:14:35: workspaces[0].campaigns[1].poll.interval: stale_after 2h is below interval 3h: set stale_after to 3h or more",
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

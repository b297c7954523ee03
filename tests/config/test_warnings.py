"""What loads but is warned about, and advice that holds when it is taken."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.secret import KeySource
from tests.config.conftest import CAMPAIGNS, SMALLEST, Loading


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
    config = loaded(SMALLEST.replace("api_key_env: KEY", f"api_key_file: {name}"))
    assert config.workspaces[0].key == KeySource(file=tmp_path / name)


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
        "and may send 20 requests a second with it, the budget is 10: make them one workspace, or divide the budget by "
        "an api.requests_per_second in each"
    )
    assert config.warnings == (
        f"config.yaml:4:26: workspaces[2].api_key_env: workspaces a and c share the environment variable KEY {rest}",
        f"config.yaml:5:27: workspaces[3].api_key_file: workspaces b and d share the file {tmp_path}/key {rest}",
    )


def test_campaigns_with_one_name_are_a_warning(loaded: Loading) -> None:
    campaigns = "  - {id: camp_1, name: Sales}\n  - Sales\n  - {id: camp_2, name: sk_live_canary}\n"
    names = loaded(CAMPAIGNS + campaigns + "  - {id: camp_3, name: sk_live_canary}\n").warnings
    rest = "too: dashboards show them as one"
    assert names == (
        f'config.yaml:6:5: workspaces[0].campaigns[1]: the campaign in line 5 is called "Sales" {rest}',
        f"config.yaml:8:24: workspaces[0].campaigns[3].name: the campaign in line 7 is called (not shown) {rest}",
    )


@pytest.mark.parametrize("host", ["app.leadterra.co", "10.0.0.1", "localhost.example", "[fe80::1]", "localhost:1",
                                  "api.localhost", "127.0.0.9", "[::1]:8080"])  # fmt: skip
def test_the_key_in_clear_on_a_network_is_a_warning(loaded: Loading, host: str) -> None:
    config = loaded(f"api: {{base_url: 'http://{host}'}}\n{SMALLEST}- {{name: b, api_key_env: KEY, campaigns: [c]}}\n")
    warned = ["config.yaml:1:17: api.base_url: with http:// the key travels in clear: write https://"]
    stays_here = host.endswith(("localhost", ":1", ".9", ":8080"))
    assert [warning for warning in config.warnings if "http" in warning] == ([] if stays_here else warned)


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
def test_whoever_takes_an_advice_is_warned_no_more(loaded: Loading, text: str) -> None:
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


def test_campaigns_beyond_the_budget_are_a_warning(loaded: Loading) -> None:
    text = ADVISED["budget"]
    [warning] = loaded(text).warnings
    assert warning == (
        "config.yaml:6:3: workspaces[0].campaigns: 301 campaigns need 5.017 requests a second, the budget is 1: set "
        "poll.interval to 5m1s and poll.stale_after to 15m3s in this workspace, or set api.requests_per_second to 6"
    )
    assert "and remove poll from its 1 campaigns that have one" in loaded(ADVISED["polls of their own"]).warnings[0]
    assert loaded(text.replace("second: 1", "second: 5").replace("  - camp_300\n", "")).warnings == (), "exactly"


def test_a_reading_that_one_failed_poll_takes_away_is_a_warning(loaded: Loading) -> None:
    text = CAMPAIGNS + "  - {id: camp_1, poll: &slow {interval: 4m}}\n  - {id: camp_2, poll: *slow}\n"
    [warning] = loaded(text).warnings
    assert warning == (
        "config.yaml:5:24: workspaces[0].campaigns[0].poll: stale_after 5m is below three intervals of 4m, so figures "
        "come and go: set stale_after to 12m or more"
    )


def test_warnings_are_no_part_of_what_a_configuration_is(loaded: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    before = loaded(SMALLEST)
    monkeypatch.delenv("KEY")
    assert loaded(SMALLEST) == before
    assert loaded(SMALLEST).warnings != before.warnings

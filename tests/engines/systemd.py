"""docs/deploy/systemd.md on a booted systemd: the service, its reloads and ends, and the textfile unit."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import all_commands
from tests.engines.machine import Machine

PAGE = "systemd.md"
VERSIONS = "systemctl --version | head -1; python3 --version"
UNIT, TEXTFILE = "leadterra-exporter", "leadterra-exporter-textfile"
PROMETHEUS = "/var/lib/prometheus/node-exporter"
CONFIG = """\
api: {base_url: http://127.0.0.1:10422, retries: 0}
workspaces:
  - name: acme
    api_key_file: /run/credentials/%s.service/leadterra-api-key
    campaigns: [%s]
"""
_SHOWN = [each.text for each in all_commands() if str(each.page) == f"docs/deploy/{PAGE}"]


@pytest.fixture(scope="module")
def installed(machine: Machine) -> Iterator[Machine]:
    """Run what the page says, with a sandbox in place of the API."""
    given = "set -e; echo sk_test_sandbox_acme >key.txt; touch config.yaml"
    machine.run("\n".join([given, *(each for each in _SHOWN if "systemctl" not in each)]))
    program = "/opt/leadterra-exporter/bin/leadterra-exporter"
    machine.run(f"systemd-run -q --unit=sandbox {program} sandbox --listen-address=127.0.0.1:10422")
    configure(machine, CONFIG % (UNIT, "camp_123"))
    machine.run("systemctl daemon-reload")
    machine.run(next(each for each in _SHOWN if each == f"systemctl enable --now {UNIT}"))
    yield machine
    machine.run(f"systemctl stop sandbox {UNIT}")


@pytest.fixture
def running(installed: Machine) -> Machine:
    """Begin with a good configuration, whatever the last test left."""
    configure(installed, CONFIG % (UNIT, "camp_123"))
    installed.run(f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}", status=None)
    installed.wait(lambda: 'leadterra_campaign_up{workspace="acme"' in installed.page(), "the first poll")
    return installed


def configure(machine: Machine, text: str) -> None:
    machine.write("/etc/leadterra-exporter/config.yaml", text)


def show(machine: Machine, name: str, unit: str = UNIT) -> str:
    return machine.run(f"systemctl show --value -p {name} {unit}").strip()


def test_start(running: Machine) -> None:
    """Installed as shown it is active and polls with its key; `systemctl start` returns when it serves."""
    assert 'leadterra_campaign_up{workspace="acme",campaign_id="camp_123",campaign="camp_123"} 1' in running.page()
    running.run(f"systemctl restart {UNIT} && curl -sSf http://127.0.0.1:10421/-/healthy")
    assert show(running, "DynamicUser") == "yes"


def test_restart_and_reload(running: Machine) -> None:
    """A restart and a reload at once, three times, leave it active with the new configuration."""
    configure(running, CONFIG % (UNIT, "camp_123, camp_healthy"))
    for _ in range(3):
        running.run(f"systemctl restart {UNIT} && systemctl reload {UNIT}")
    assert show(running, "ActiveState") == "active"
    running.wait(lambda: "camp_healthy" in running.page(), "the new campaign")


def test_reload(running: Machine) -> None:
    """A reload takes the new configuration; with faults it fails, says why, and changes nothing."""
    process = show(running, "MainPID")
    configure(running, CONFIG % (UNIT, "camp_123, camp_healthy"))
    running.run(f"systemctl reload {UNIT}")
    running.wait(lambda: "camp_healthy" in running.page(), "the new campaign", 10)
    configure(running, CONFIG % (UNIT, "camp_123") + "unknown: key\n")
    running.run(f"systemctl reload {UNIT}", status=1)
    assert "config.yaml:6:1: unknown" in running.run(f"journalctl -u {UNIT} -o cat")
    assert "camp_healthy" in running.page()
    assert (show(running, "ActiveState"), show(running, "MainPID")) == ("active", process)


def test_faults_at_the_start(running: Machine) -> None:
    """A start with faults fails at once, and after some tries the unit is failed."""
    configure(running, "workspaces: 1\n")
    running.run(f"systemctl restart {UNIT}", status=1)
    running.wait(lambda: show(running, "ActiveState") == "failed", "failed", 60)


def test_crash_and_stop(running: Machine) -> None:
    """After a crash it is started again; a stop is quick and is no failure."""
    process = show(running, "MainPID")
    running.run(f"kill -KILL {process}")
    running.wait(lambda: show(running, "MainPID") not in ("0", process), "another process", 20)
    assert running.wait(lambda: running.succeeds(f"systemctl stop {UNIT}"), "the stop") < 5
    assert (show(running, "ActiveState"), show(running, "Result")) == ("inactive", "success")


def test_security(running: Machine) -> None:
    """`systemd-analyze` finds nothing to say of the units, and the exposure that the page names."""
    for unit in (UNIT, TEXTFILE):
        said = running.run(f"systemd-analyze security --no-pager {unit}")
        (score,) = re.findall(r"Overall exposure level for \S+: (\S+)", said)
        assert f"{score} of 10" in running.run("cat docs/deploy/systemd.md")
    assert running.run(f"systemd-analyze verify --man=no {UNIT}.service {TEXTFILE}.service {TEXTFILE}.timer") == ""


def test_textfile(running: Machine) -> None:
    """The textfile unit writes a page, with the polls that failed in it; after a fault the last one stays."""
    running.run(f"systemctl stop {UNIT}; mkdir -p {PROMETHEUS}")
    running.run(next(each for each in _SHOWN if each == f"systemctl enable --now {TEXTFILE}.timer"))
    running.run(f"systemctl stop {TEXTFILE}.timer")
    for campaigns, last in (("camp_123", '"camp_123",campaign="camp_123"} 1'), ("camp_gone", '"camp_gone"} 0')):
        configure(running, CONFIG % (TEXTFILE, campaigns))
        running.run(f"systemctl start {TEXTFILE}")
        assert last in running.run(f"grep campaign_up{{ {PROMETHEUS}/leadterra.prom")
    configure(running, "workspaces: 1\n")
    running.run(f"systemctl start {TEXTFILE}", status=1)
    assert last in running.run(f"grep campaign_up{{ {PROMETHEUS}/leadterra.prom")
    assert running.run(f"stat -c %a {PROMETHEUS}/leadterra.prom") == "644\n"

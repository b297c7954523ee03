"""docs/deploy/container.md on Docker: the image, and what the page says of running it."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engines.machine import BASE, Machine, load_base, shown

PAGE = "container.md"
VERSIONS = "docker version --format 'Docker {{.Server.Version}}'; runc --version | head -1; uname -sr"
HEALTHCHECK = "python -m exporter.web.healthcheck"
CONFIG = """\
api: {base_url: http://sandbox:10422}
workspaces:
  - name: acme
    api_key_file: leadterra-api-key
    campaigns: [%s]
"""


@pytest.fixture(scope="module")
def docker(machine: Machine) -> Machine:
    """Build the image as the page says."""
    load_base(machine)
    machine.run(shown(PAGE, "docker build -t"), timeout=600)
    return machine


def inspect(machine: Machine, name: str, kind: str = "container") -> dict[str, Any]:
    (found,) = json.loads(machine.run(f"docker {kind} inspect {name}"))
    return dict(found)


@pytest.fixture
def demo(docker: Machine) -> Iterator[Machine]:
    """Run the demo as shown, with the page's options for one without any rights, and nothing in place of shells."""
    shells = "-v /dev/null:/usr/bin/dash -v /dev/null:/usr/bin/bash"
    options = f"-d --name demo --read-only --cap-drop=ALL --security-opt=no-new-privileges {shells}"
    docker.run(shown(PAGE, "docker run --rm -p").replace("--rm", options))
    docker.wait(lambda: "Trade fair list 2019" in docker.page(), "the demo's campaigns")
    yield docker
    docker.run("docker rm -f demo")


@pytest.fixture
def running(docker: Machine) -> Iterator[Machine]:
    """Run the exporter as the page says, on a sandbox in a container beside it."""
    docker.run(
        "docker network create test && docker run -d --name sandbox --network test leadterra-exporter "
        "sandbox --listen-address=:10422 && mkdir -p mine && echo sk_test_sandbox_acme >mine/leadterra-api-key"
    )
    docker.write("mine/config.yaml", CONFIG % "camp_123")
    docker.run(shown(PAGE, "chown "))
    docker.run(shown(PAGE, "docker run -d").replace("-d ", "-d --network test ", 1))
    docker.wait(lambda: 'leadterra_campaign_up{workspace="acme"' in docker.page(), "the first poll")
    yield docker
    docker.run("docker rm -f leadterra-exporter sandbox; docker network rm test; rm -r mine")


def test_image(docker: Machine) -> None:
    """The image has a numeric user, no shell in its commands, its commit, no more than 35 MB of ours."""
    image = inspect(docker, "leadterra-exporter", "image")
    config = image["Config"]
    assert config["User"] == "65532:65532"  # a number, which is what Kubernetes' runAsNonRoot can verify
    assert config["Entrypoint"] == ["python", "-m", "exporter"]
    assert config["Healthcheck"]["Test"] == ["CMD", *HEALTHCHECK.split()]
    assert config["Labels"]["org.opencontainers.image.revision"] == "unknown"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert image["Size"] - inspect(docker, BASE, "image")["Size"] < 35_000_000
    another = "build --build-arg LEADTERRA_EXPORTER_REVISION=0123abc"
    assert docker.run(shown(PAGE, "docker build -t").replace("build", another)).count("CACHED") >= 5  # all layers
    labels = inspect(docker, "leadterra-exporter", "image")["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == "0123abc"


def test_without_rights(demo: Machine) -> None:
    """The demo runs without capabilities, shell or anything to write to; nothing is compiled when it starts."""
    told = demo.run("docker exec demo cat /proc/1/status")
    assert "\nUid:\t65532\t65532\t65532\t65532\n" in told
    assert {*re.findall(r"Cap\w+:\t(\w+)", told)} == {"0" * 16}
    assert "NoNewPrivs:\t1\n" in told
    assert not demo.succeeds("docker exec demo sh -c true")
    for place in ("/", "/app/", "/app/exporter/", "/app/.pycache/", "/tmp/", "/var/tmp/"):  # noqa: S108 - of the container
        assert "Read-only file system" in demo.run(f"docker exec demo touch {place}file", status=1)
    loaded = demo.run("docker exec demo python -v -c 'import exporter.cli, exporter.sandbox, exporter.web.healthcheck'")
    assert "# code object from '/app/.pycache/app/exporter/cli." in loaded
    assert not [line for line in loaded.splitlines() if line.startswith("# code object from /")]


def test_health_check(demo: Machine) -> None:
    """It is healthy after the first interval, unhealthy while it hangs, and ends with 0 when it is stopped."""
    assert demo.wait(lambda: inspect(demo, "demo")["State"]["Health"]["Status"] == "healthy", "healthy", 30) < 20
    pid = inspect(demo, "demo")["State"]["Pid"]
    demo.run(f"kill -STOP {pid}")
    assert not demo.succeeds(f"docker exec demo {HEALTHCHECK}")
    demo.run(f"kill -CONT {pid}")
    assert demo.succeeds(f"docker exec demo {HEALTHCHECK}")
    demo.run("docker stop demo")
    assert inspect(demo, "demo")["State"]["ExitCode"] == 0


def test_stop_in_the_first_second(docker: Machine) -> None:
    """A stop in the first second is a quick one."""
    for after in (0, 0.1, 0.3, 1):
        docker.run(f"docker run -d --init --name early leadterra-exporter demo && sleep {after}")
        began = time.monotonic()
        docker.run("docker stop early")
        took, status = time.monotonic() - began, inspect(docker, "early")["State"]["ExitCode"]
        docker.run("docker rm early")
        assert took < 5
        assert status in (0, 143)  # 143: before Python runs its first instruction


def test_configuration_and_key(running: Machine) -> None:
    """A changed configuration and a changed key are read by themselves; one with faults changes nothing."""
    check = shown(PAGE, "docker run --rm -v")
    running.write("mine/config.yaml", CONFIG % "camp_123, camp_healthy")
    running.run(check)
    running.wait(lambda: "camp_healthy" in running.page(), "the new campaign", 30)
    running.write("mine/config.yaml", CONFIG % "camp_123" + "unknown: key\n")
    assert "mine" not in running.run(check, status=1)
    running.wait(lambda: "config_last_reload_successful 0" in running.page(), "the fault", 30)
    assert "camp_healthy" in running.page()
    running.run("echo sk_wrong >mine/leadterra-api-key")
    running.wait(lambda: 'reason="authentication_failed"' in running.page(), "the new key", 30)


def test_restart_policy(running: Machine) -> None:
    """After all that a crash, and a restart of Docker, bring it back; its log and its memory are bounded."""
    running.run(f"kill -KILL {inspect(running, 'leadterra-exporter')['State']['Pid']}")
    running.wait(lambda: running.page("/-/healthy"), "the exporter after a crash", 30)
    running.run("systemctl restart docker")
    running.wait(lambda: running.page("/-/healthy"), "the exporter after Docker's restart", 30)
    host = inspect(running, "leadterra-exporter")["HostConfig"]
    assert (host["LogConfig"]["Type"], host["Memory"]) == ("local", 256 << 20)


def test_once(running: Machine) -> None:
    """`--once` polls with a mounted configuration, says where it looks for one, and fails when a signal ends it."""
    assert "/etc/leadterra-exporter/config.yaml" in running.run("docker run --rm leadterra-exporter --once", status=1)
    options = '--network test -v "$PWD/mine:/etc/leadterra-exporter:ro" leadterra-exporter --once'
    assert 'leadterra_campaign_emails_sent{workspace="acme",c' in running.run(f"docker run --rm {options}")
    running.run("docker pause sandbox")
    running.run(f"docker run -d --name once {options} && sleep 3 && docker stop once && docker unpause sandbox")
    status = inspect(running, "once")["State"]["ExitCode"]
    running.run("docker rm once")
    assert status == 130

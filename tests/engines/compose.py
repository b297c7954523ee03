"""The compose stack of docs/deploy/container.md; Debian's Prometheus and Alertmanager stand for their images."""

import re
from collections.abc import Iterator

import pytest

from tests.engines.docker import inspect
from tests.engines.machine import BASE, Machine, load_base, shown

PAGE = "container.md"
VERSIONS = (
    "docker compose version; docker version --format 'Docker {{.Server.Version}}'; "
    "prometheus --version 2>&1 | head -1 | cut -d' ' -f1-3"
)
COMPOSE = "docker compose -f deploy/compose.yaml --profile demo"
STARTED = "exporter sandbox prometheus alertmanager"  # not Grafana: there is nothing to stand for it
_STAND_IN = """\
FROM {base}
COPY {program} {tool} /bin/
COPY share /usr/share/prometheus
RUN mkdir /{program} && chown 65534 /{program}
USER 65534
ENTRYPOINT ["/bin/{program}"]
"""


@pytest.fixture(scope="module")
def stack(machine: Machine) -> Iterator[Machine]:
    """Start the demo as shown, from a checkout that was made with umask 077 and then mended as shown."""
    load_base(machine)
    machine.run(
        "mkdir images; cp /usr/bin/promtool /usr/bin/prometheus /usr/bin/amtool images; "
        "cp /usr/bin/prometheus-alertmanager images/alertmanager; cp -r /usr/share/prometheus images/share"
    )
    for program, tool, version in (("prometheus", "promtool", "v3.5.0"), ("alertmanager", "amtool", "v0.28.1")):
        machine.write("images/Dockerfile", _STAND_IN.format(base=BASE, program=program, tool=tool))
        machine.run(f"docker build -q -t prom/{program}:{version} images")
    machine.run("chmod -R go= .")
    machine.run(shown(PAGE, "chmod -R"))
    machine.run(f"{shown(PAGE, f'{COMPOSE} up')} -d --wait {STARTED}", timeout=600)
    yield machine
    machine.run(f"{COMPOSE} down")


def test_images_and_health(stack: Machine) -> None:
    """All parts but Grafana are healthy; the image is built once, and serves exporter and sandbox."""
    services = stack.run(f"{COMPOSE} ps --format '{{{{.Service}}}} {{{{.Health}}}} {{{{.Image}}}}'")
    assert sorted(services.split("\n"))[1:] == [
        "alertmanager healthy prom/alertmanager:v0.28.1", "exporter healthy leadterra-exporter",
        "prometheus healthy prom/prometheus:v3.5.0", "sandbox healthy leadterra-exporter",
    ]  # fmt: skip
    assert stack.run(f"{COMPOSE} config | grep -c build:") == "1\n"


def test_parts_find_each_other(stack: Machine) -> None:
    """Prometheus scrapes the exporter, and its Watchdog is at Alertmanager."""
    stack.wait(lambda: '"health":"up"' in stack.page("/api/v1/targets", 9090), "the scrape", 60)
    stack.wait(lambda: "Watchdog" in stack.page("/api/v2/alerts", 9093), "the Watchdog", 90)


@pytest.mark.parametrize(("service", "port"), [("prometheus", 9090), ("alertmanager", 9093)])
def test_reload(service: str, port: int, stack: Machine) -> None:
    """Prometheus and Alertmanager are reloaded as shown, and after it a crash brings each back."""
    name = f"leadterra-{service}-1"
    stack.run(shown(PAGE, f"docker compose -f deploy/compose.yaml exec {service}"))
    loaded = "Completed loading of configuration file"
    stack.wait(lambda: stack.run(f"docker logs {name}").count(loaded) == 2, "the reload")
    stack.run(f"kill -KILL {inspect(stack, name)['State']['Pid']}")
    stack.wait(lambda: re.search("OK|Healthy", stack.page("/-/healthy", port)), "its return")


def test_own_configuration(stack: Machine) -> None:
    """A configuration of one's own, started as shown, is read again when it changes; a crash brings it back."""
    stack.run("mkdir deploy/mine; cp deploy/demo/config.yaml deploy/mine; chmod o+rx deploy/mine")
    up = shown(PAGE, "LEADTERRA_CONFIG=./mine").replace(" up", " --profile demo up", 1)
    stack.run(f"{up} --wait {STARTED}", timeout=120)
    stack.write("deploy/mine/config.yaml", stack.run("sed s/camp_partners/camp_added/ deploy/demo/config.yaml"))
    stack.wait(lambda: "camp_added" in stack.page(), "the new campaign", 30)
    stack.run(f"kill -KILL {inspect(stack, 'leadterra-exporter-1')['State']['Pid']}")
    stack.wait(lambda: "camp_added" in stack.page(), "the exporter after a crash", 30)

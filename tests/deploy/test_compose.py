"""What can be said of compose stack, Dockerfile and units without an engine; `make engines` runs them."""

import json
import re
import signal
import socket
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from exporter.config import load
from exporter.sandbox import demo_config
from tests.build import write_config
from tests.process import LISTEN, ROOT, running_exporter
from tests.tools import PATIENCE, succeed

PROVISIONING = "/etc/grafana/provisioning"
FILE = ROOT / "deploy/compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def mounts(service: str) -> dict[str, str]:
    """Return what a service mounts, by the place in the container: a path beside the compose file, or a volume."""
    volumes = (each.split(":") if isinstance(each, str) else [each["source"], each["target"]]
               for each in SERVICES[service].get("volumes", []))  # fmt: skip
    return {place: source.removeprefix("${LEADTERRA_CONFIG:-").removesuffix("}") for source, place, *_ in volumes}


def on_this_machine(service: str, path: str) -> Path:
    """Return the file that a service has at `path`."""
    ((place, source),) = [pair for pair in mounts(service).items() if PurePosixPath(path).is_relative_to(pair[0])]
    return FILE.parent / source / PurePosixPath(path).relative_to(place)


def configuration(service: str) -> Path:
    (path,) = [word.partition("=")[2] for word in SERVICES[service]["command"] if word.startswith("--config.file=")]
    return on_this_machine(service, path)


@pytest.mark.slow  # neither is among what `make test` sets up
def test_schema_and_linter_find_nothing() -> None:
    succeed("check-jsonschema", "--builtin-schema=vendor.compose-spec", FILE)
    assert succeed("hadolint", ROOT / "Dockerfile") == ""


def test_every_file_exists_every_volume_is_declared_and_only_the_sandbox_is_for_the_demo() -> None:
    assert {name: each["profiles"] for name, each in SERVICES.items() if "profiles" in each} == {"sandbox": ["demo"]}
    assert SERVICES["exporter"]["depends_on"]["sandbox"]["required"] is False
    assert (ROOT / "deploy" / SERVICES["exporter"]["build"]["context"] / "Dockerfile").exists()
    sources = {source for service in SERVICES for source in mounts(service).values()}
    assert {each for each in sources if not (FILE.parent / each).exists()} == COMPOSE["volumes"].keys()


def test_the_demo_polls_what_the_demo_command_does(monkeypatch: pytest.MonkeyPatch) -> None:
    file = on_this_machine("exporter", "/etc/leadterra-exporter/config.yaml")
    text = "".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith("#"))
    assert text == demo_config("http://sandbox:10422")
    for name, key in SERVICES["exporter"]["environment"].items():
        monkeypatch.setenv(name, key)
    [warning] = load(file).warnings
    assert "with http:// the key travels in clear" in warning  # to the sandbox beside it, which has no secrets


def test_each_program_accepts_what_is_mounted_and_every_address_is_a_service() -> None:
    succeed("promtool", "check", "config", configuration("prometheus"))
    succeed("amtool", "check-config", configuration("alertmanager"))
    scraping = yaml.safe_load(configuration("prometheus").read_text())
    datasources = yaml.safe_load(on_this_machine("grafana", f"{PROVISIONING}/datasources/leadterra.yaml").read_text())
    assert scraping["scrape_configs"][0]["static_configs"][0]["targets"] == ["exporter:10421"]
    assert scraping["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert {each["url"] for each in datasources["datasources"]} == {
        "http://prometheus:9090",
        "http://alertmanager:9093",
    }
    inner = {name: [port.split(":")[-1] for port in each.get("ports", [])] for name, each in SERVICES.items()}
    assert inner == {
        "exporter": ["10421"], "sandbox": [], "prometheus": ["9090"], "alertmanager": ["9093"], "grafana": ["3000"],
    }  # fmt: skip


def test_grafana_finds_its_dashboards() -> None:
    file = on_this_machine("grafana", f"{PROVISIONING}/dashboards/leadterra.yaml")
    provider = yaml.safe_load(file.read_text())["providers"][0]
    folder = on_this_machine("grafana", provider["options"]["path"])
    assert len([*folder.glob("leadterra-*.json")]) == 3
    home = on_this_machine("grafana", SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert json.loads(home.read_text())["uid"] == "leadterra-fleet"


def test_nothing_is_open_beyond_this_machine_and_nothing_has_a_default_password() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert not [port for port in ports if not port.startswith("127.0.0.1:")]
    grafana = SERVICES["grafana"]["environment"]
    assert grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"  # or it would be admin/admin
    assert grafana["GF_AUTH_BASIC_ENABLED"] == "false"
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert not re.search("PASSWORD", FILE.read_text())


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_pinned_watched_and_confined(name: str) -> None:
    service = SERVICES[name]
    ours = service["image"] == "leadterra-exporter"
    assert ours or re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert service.get("pull_policy") == {"exporter": "build", "sandbox": "never"}.get(name)
    assert name == "exporter" or service["healthcheck"]["test"][0] == "CMD"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["init"]  # or a stop before Python's first instruction would be lost
    assert service["logging"] == {"driver": "local"}  # which rotates
    assert service["mem_limit"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    files = [each for each in service.get("volumes", []) if isinstance(each, dict) or each.startswith(".")]
    assert all(each["read_only"] if isinstance(each, dict) else each.endswith(":ro") for each in files)


def test_no_line_of_the_image_needs_a_shell_and_only_what_is_locked_or_copied_is_in_it() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    instructions = re.findall(r"^(?:RUN|CMD|ENTRYPOINT|HEALTHCHECK)\b(.*)", dockerfile, re.MULTILINE)
    assert len(instructions) > 4
    assert all('["' in line for line in instructions)
    assert "hadolint ignore" not in dockerfile
    (installing,) = [line for line in dockerfile.replace("\\\n", "").splitlines() if '"install"' in line]
    assert {"--no-deps", "--require-hashes"} <= set(re.findall(r'"([^"]+)"', installing))
    copied = set(re.findall(r"^COPY ([^-\s]\S*)", dockerfile, re.MULTILINE))
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored


def test_the_key_is_where_the_configuration_is_told_to_look() -> None:
    units = {file.name: file.read_text() for file in (ROOT / "deploy/systemd").glob("*.service")}
    assert len(units) == 2
    for name, text in units.items():
        (credential,) = re.findall(r"^LoadCredential=([^:]+):/etc/leadterra-exporter/\1$", text, re.MULTILINE)
        assert f"api_key_file: /run/credentials/{name}/{credential}" in text


@pytest.mark.slow
def test_it_tells_systemd_when_it_serves_at_an_abstract_address_too(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1", "camp_1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE)
        systemd.bind(f"\0{tmp_path}")
        with running_exporter(config, LISTEN, NOTIFY_SOCKET=f"@{tmp_path}") as exporter:
            assert systemd.recv(100) == b"READY=1"
            assert exporter.get("/-/healthy").is_success
            assert exporter.stop(signal.SIGTERM) == 0

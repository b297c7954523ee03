"""The image as an engine sees and runs it: no user, no rights, no shell, a root that cannot be written to."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from exporter.sandbox import WORKSPACES, parse_flag
from tests.deploy.container import REVISION, Container, Image, built_image, running_container
from tests.monitoring import wait_until
from tests.process import PATIENCE, RunningSandbox
from tests.tools import free_port

pytestmark = pytest.mark.slow  # about half a minute, a third of it the build

HEALTHCHECK = ("python", "-m", "exporter.web.healthcheck")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built_image() as image:
        yield image


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def demo(image: Image, address: str, tmp_path: Path) -> Iterator[Container]:
    with running_container(image, ["demo"], tmp_path, LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS=address) as container:
        wait_until(lambda: page(f"http://{address}/metrics"), "the demo")
        yield container


def page(url: str) -> str:
    try:
        return httpx.get(url).raise_for_status().text
    except httpx.TransportError:
        return ""


def test_what_the_image_says_of_itself(image: Image) -> None:
    config = image.config
    uid, gid = (int(number) for number in config["User"].split(":"))
    assert uid > 0  # a number, which is what Kubernetes' runAsNonRoot can verify
    assert gid > 0
    assert config["Entrypoint"] == ["python", "-m", "exporter"]  # no shell between the engine and the process
    assert config["Healthcheck"]["Test"] == ["CMD", *HEALTHCHECK]
    assert config["StopSignal"] == "SIGTERM"
    assert list(config["ExposedPorts"]) == ["10421/tcp"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["revision"] == REVISION
    assert labels["licenses"] == "Apache-2.0"
    assert {"title", "description", "source", "documentation"} <= labels.keys()


def test_our_layers_are_small(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    files = {path: path.lstat().st_size for path in (image.root / "app").rglob("*") if path.is_file()}
    sizes: dict[str, float] = {}
    for path, size in files.items():
        part = path.relative_to(image.root / "app").parts[0]
        sizes[part] = sizes.get(part, 0) + size / MEGABYTE
    total = sum(sizes.values())
    with capsys.disabled():
        parts = ", ".join(f"{name} {size:.1f}" for name, size in sorted(sizes.items(), key=lambda i: -i[1])[:8])
        print(f"\nOur layer of the image: {total:.1f} MB in {len(files)} files; of these {parts}")  # noqa: T201 - for people
    assert total < 35
    assert not [path for path in files if path.suffix == ".pyc" and ".pycache" not in path.parts]
    assert not (image.root / "app/pip").exists()


def test_it_serves_the_demo_without_any_rights(image: Image, demo: Container, address: str) -> None:
    status = demo.run("python", "-c", "print(open('/proc/1/status').read())").stdout
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert told["Uid"].split() == [image.config["User"].split(":")[0]] * 4
    assert {told[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert told["NoNewPrivs"] == "1"
    assert demo.run("sh", "-c", "true").returncode != 0
    for place in ("/", "/app/", "/app/exporter/", "/app/.pycache/", "/tmp/", "/var/tmp/"):  # noqa: S108 - of the container
        tried = demo.run("python", "-c", f"open('{place}file', 'w')")
        assert "Read-only file system" in tried.stderr, tried

    wait_until(lambda: "Trade fair list 2019" in page(f"http://{address}/metrics"), "the demo's campaigns")
    assert f'revision="{REVISION}"' in page(f"http://{address}/metrics")
    assert demo.seconds_to_stop(image.config["StopSignal"]) < 5


def test_nothing_is_compiled_when_it_starts(demo: Container) -> None:
    loaded = demo.run("python", "-v", "-c", "import exporter.cli, exporter.sandbox, exporter.web.healthcheck").stderr
    assert "# code object from '/app/.pycache/app/exporter/cli." in loaded
    assert not [line for line in loaded.splitlines() if line.startswith("# code object from /")]


def test_the_health_check_knows_a_process_that_hangs(demo: Container) -> None:
    assert demo.run(*HEALTHCHECK).returncode == 0
    demo.signal("STOP")
    assert demo.run(*HEALTHCHECK).returncode == 1
    demo.signal("CONT")
    assert demo.run(*HEALTHCHECK).returncode == 0


CONFIG = """\
api: {{base_url: {url}, timeout: 1m}}
workspaces:
  - name: acme
    api_key_env: LEADTERRA_API_KEY
    campaigns: [camp_123]
"""
KEY = next(iter(WORKSPACES))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Make the folder that is mounted where the image looks for its configuration."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    return folder


def test_it_polls_once_with_a_mounted_configuration(image: Image, config: Path, tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        (config / "config.yaml").write_text(CONFIG.format(url=sandbox.url))
        with running_container(image, ["--once"], tmp_path, mounted=config, LEADTERRA_API_KEY=KEY) as container:
            assert container.process.wait(PATIENCE) == 0
    assert 'leadterra_campaign_emails_sent{workspace="acme",campaign_id="camp_123"' in container.log.read_text()


def test_a_signal_ends_it_before_it_serves(image: Image, config: Path, tmp_path: Path) -> None:
    """The kernel gives the first process of a tree no default actions: a signal that nobody handles is lost."""
    with RunningSandbox() as sandbox:
        sandbox.sandbox.faults.put(*parse_flag("*=latency:60"))
        (config / "config.yaml").write_text(CONFIG.format(url=sandbox.url))
        with running_container(image, ["--once"], tmp_path, mounted=config, LEADTERRA_API_KEY=KEY) as container:
            wait_until(lambda: sandbox.requests, "the poll")
            assert container.seconds_to_stop("TERM", status=130) < 5


def test_without_a_configuration_it_says_where_it_looks(image: Image, config: Path, tmp_path: Path) -> None:
    with running_container(image, [], tmp_path, mounted=config) as container:
        assert container.process.wait(PATIENCE) == 1
    assert "/etc/leadterra-exporter/config.yaml" in container.log.read_text()

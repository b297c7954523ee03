"""The real command, started as users start it: what it serves, how it is loaded again, how it ends."""

import os
import signal
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from exporter.sandbox import parse_flag
from tests import build
from tests.process import PATIENCE, ROOT, RunningExporter, RunningSandbox, running_exporter
from tests.web.pki import Authority

pytestmark = pytest.mark.slow

KEY = "sk_test_sandbox_acme"
CONFIG = """\
api: {{base_url: {url}, timeout: 2s, requests_per_second: 1000}}
poll: {{interval: 1s, stale_after: 3s}}
workspaces:
  - name: acme
    api_key_file: key
    campaigns: [{campaigns}]
"""


def write_config(folder: Path, sandbox: RunningSandbox, *campaigns: str, key: str = KEY) -> str:
    (folder / "key").write_text(key)
    (folder / "key").chmod(0o600)
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(url=sandbox.url, campaigns=", ".join(campaigns)))
    return f"--config.file={config}"


def series(name: str, campaign: str) -> str:
    return f'{name}{{workspace="acme",campaign_id="{campaign}",campaign="{campaign}"}}'


def test_serves_what_the_api_says(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123", "camp_gone")
        with running_exporter(config, "--web.listen-address=127.0.0.1:0") as exporter:
            page = exporter.wait_for("/metrics", 'reason="campaign_not_found"')
            assert series("leadterra_campaign_emails_bounced", "camp_123") + " 9\n" in page
            assert series("leadterra_campaign_open_ratio", "camp_123") + " 0.42\n" in page
            assert series("leadterra_campaign_up", "camp_gone") + " 0\n" in page
            assert series("leadterra_campaign_emails_sent", "camp_gone") not in page
            assert exporter.get("/-/ready").status_code == 200
            assert exporter.get("/-/healthy").status_code == 200
            assert exporter.get("/").headers["content-type"] == "text/html; charset=utf-8"
            assert exporter.get("/api/v1/campaigns").json()["campaigns"][0]["campaign_id"] == "camp_gone"


def test_formats_and_encodings_are_negotiated(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123")
        with running_exporter(config, "--web.listen-address=:0") as exporter:
            text = exporter.get("/metrics", Accept="*/*", **{"Accept-Encoding": "identity"})
            assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert text.headers["vary"] == "Accept, Accept-Encoding"
            assert "content-encoding" not in text.headers
            openmetrics = exporter.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
            assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
            assert openmetrics.headers["content-encoding"] == "gzip"
            assert openmetrics.text.endswith("# EOF\n")
            assert exporter.get("/metrics", Accept=";;q=,/;q=x").status_code == 200


@pytest.mark.parametrize("how", ["SIGHUP", "POST", "PUT"])
def test_reload(tmp_path: Path, how: str) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123", "camp_draft")
        arguments = [config, "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle"]
        with running_exporter(*arguments) as exporter:
            exporter.wait_for("/metrics", series("leadterra_campaign_up", "camp_draft") + " 1")
            write_config(tmp_path, sandbox, "camp_123", "camp_paused")
            reload(exporter, how)
            exporter.wait_for_log("configuration loaded")
            page = exporter.get("/metrics").text
            assert "camp_draft" not in page
            assert series("leadterra_campaign_emails_sent", "camp_123") + " 480" in page
            exporter.wait_for("/metrics", series("leadterra_campaign_up", "camp_paused") + " 1")

            (tmp_path / "config.yaml").write_text("workspaces: [{nam: acme}]")
            answer = reload(exporter, how)
            exporter.wait_for_log("the old one stays in use")
            assert answer is None or (answer[0] == 500 and "workspaces[0].nam" in answer[1])
            page = exporter.get("/metrics").text
            assert "leadterra_exporter_config_last_reload_successful 0.0" in page
            assert series("leadterra_campaign_emails_sent", "camp_123") + " 480" in page


def reload(exporter: RunningExporter, how: str) -> tuple[int, str] | None:
    if how == "SIGHUP":
        exporter.process.send_signal(signal.SIGHUP)
        return None
    answer = httpx.request(how, f"{exporter.url}/-/reload", timeout=PATIENCE)
    return answer.status_code, answer.text


def test_a_changed_file_is_loaded_by_itself(tmp_path: Path) -> None:
    """As Kubernetes renews a ConfigMap: the file is a link through a folder's link, which is replaced."""
    with RunningSandbox() as sandbox:
        link = tmp_path / "config.yaml"
        link.symlink_to(Path("data", "config.yaml"))
        (tmp_path / "key").write_text(KEY)
        renew(tmp_path, sandbox, "camp_draft")
        arguments = [f"--config.file={link}", "--config.auto-reload-interval=50ms", "--web.listen-address=127.0.0.1:0"]
        with running_exporter(*arguments) as exporter:
            exporter.wait_for("/metrics", series("leadterra_campaign_up", "camp_draft") + " 1")
            renew(tmp_path, sandbox, "camp_paused")
            exporter.wait_for("/metrics", series("leadterra_campaign_up", "camp_paused") + " 1")
            assert "camp_draft" not in exporter.get("/metrics").text


def renew(folder: Path, sandbox: RunningSandbox, *campaigns: str) -> None:
    version = Path(tempfile.mkdtemp(dir=folder))
    write_config(version, sandbox, *campaigns)
    (folder / "new").symlink_to(version)
    (folder / "new").rename(folder / "data")


def test_reload_over_http_is_off_by_default(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123")
        with running_exporter(config, "--web.listen-address=127.0.0.1:0") as exporter:
            assert reload(exporter, "POST") == (
                403,
                "Reloading over HTTP is off; --web.enable-lifecycle allows it.\n",
            )
            answer = exporter.get("/-/reload")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")


def test_a_key_file_is_read_again_without_a_reload(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123", key="sk_test_revoked")
        with running_exporter(config, "--web.listen-address=127.0.0.1:0") as exporter:
            exporter.wait_for("/metrics", 'reason="authentication_failed"')
            (tmp_path / "key").write_text(KEY)
            exporter.wait_for("/metrics", series("leadterra_campaign_up", "camp_123") + " 1")


def test_readings_leave_when_stale_and_come_back(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123")
        with running_exporter(config, "--web.listen-address=127.0.0.1:0") as exporter:
            sent = series("leadterra_campaign_emails_sent", "camp_123") + " 480\n"
            up = series("leadterra_campaign_up", "camp_123")
            exporter.wait_for("/metrics", sent)
            sandbox.sandbox.faults.put(*parse_flag("camp_123=status:503"))
            page = exporter.wait_for("/metrics", f"{up} 0")
            assert sent in page
            exporter.wait_for("/metrics", sent, absent=True)
            assert (
                series("leadterra_campaign_last_success_timestamp_seconds", "camp_123") in exporter.get("/metrics").text
            )
            sandbox.sandbox.faults.remove("camp_123")
            exporter.wait_for("/metrics", sent)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_in_the_middle_of_a_sweep(tmp_path: Path, number: signal.Signals) -> None:
    with RunningSandbox() as sandbox:
        sandbox.sandbox.faults.put(*parse_flag("*=latency:60"))
        config = write_config(tmp_path, sandbox, "camp_123", "camp_draft")
        config_file = tmp_path / "config.yaml"
        config_file.write_text(config_file.read_text().replace("timeout: 2s", "timeout: 1m"))
        with running_exporter(config, "--web.listen-address=127.0.0.1:0") as exporter:
            exporter.wait_for("/metrics", "leadterra_exporter_build_info")
            exporter.process.send_signal(number)
            assert exporter.process.wait(5) == 0
            exporter.wait_for_log("msg=stopping")
            assert not [line for line in exporter.log if "Traceback" in line or "level=error" in line]


SLOW_RESOLVER = """
import socket, threading
resolve = socket.getaddrinfo
def hang(host, *rest, **options):
    if host == "api.invalid":
        print("looking up", flush=True)
        threading.Event().wait(60)
    return resolve(host, *rest, **options)
socket.getaddrinfo = hang
from exporter.cli import entry
entry()
"""


def test_ends_while_a_name_lookup_hangs(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(url="http://api.invalid", campaigns="camp_123"))
    (tmp_path / "key").write_text(KEY)
    command = [sys.executable, "-c", SLOW_RESOLVER, f"--config.file={config}", "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "looking up\n"
        process.terminate()
        assert process.wait(5) == 0


def test_tls_comes_from_the_web_configuration_file(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    authority.issue("server").install(tmp_path)
    web_config = tmp_path / "web.yaml"
    web_config.write_text("tls_server_config: {cert_file: server.pem, key_file: server.key}\n")
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123")
        arguments = [config, "--web.listen-address=localhost:0", f"--web.config.file={web_config}"]
        with running_exporter(*arguments) as exporter:
            trusting = ssl.create_default_context(cadata=authority.pem)
            page = httpx.get(exporter.url.replace("http://", "https://") + "/metrics", verify=trusting)
            assert "leadterra_exporter_build_info" in page.text
            with pytest.raises(httpx.TransportError):
                exporter.get("/metrics")
    web_config.write_text("tls_server_confg: {}\n")
    told = run(config, f"--web.config.file={web_config}", "--web.listen-address=127.0.0.1:0")
    assert (told.returncode, told.stderr.strip()) == (
        1,
        f'{web_config}:1:1: tls_server_confg: unknown key: did you mean "tls_server_config"?',
    )


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "exporter", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_once_prints_the_page_and_tells_of_failures(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        good = run("--once", write_config(tmp_path, sandbox, "camp_123"))
        bad = run("--once", write_config(tmp_path, sandbox, "camp_123", "camp_gone"))
    assert good.returncode == 0
    assert series("leadterra_campaign_emails_sent", "camp_123") + " 480\n" in good.stdout
    assert "process_cpu" not in good.stdout  # beside the node_exporter's own it would be told twice
    assert bad.returncode == 1
    assert series("leadterra_campaign_up", "camp_gone") + " 0\n" in bad.stdout


def test_config_check_needs_neither_network_nor_secrets(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("workspaces: [{name: acme, api_key_file: missing, campaigns: [camp_123]}]")
    checked = run("--config.check", f"--config.file={config}")
    assert checked.returncode == 0
    assert "1 workspaces, 1 campaigns, no problems" in checked.stdout
    assert "warning: " in checked.stderr
    assert "missing" in checked.stderr

    config.write_text("workspaces: [{name: acme, api_key_fil: missing, campaigns: [camp_123, camp_123]}]")
    checked = run("--config.check", f"--config.file={config}")
    assert checked.returncode == 1
    assert len(checked.stderr.splitlines()) == 3
    assert checked.stderr.splitlines()[0].startswith(f"{config}:1:")


def test_a_port_in_use_is_said_plainly(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123")
        address = sandbox.url.removeprefix("http://")
        second = run(config, f"--web.listen-address={address}")
    assert (second.returncode, second.stderr) == (1, f"cannot listen on {address}: address already in use\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--log.level=loud"], '--log.level: "loud" is none of debug, info, warn, error'),
        (
            ["--web.telemetry-path=/config"],
            '--web.telemetry-path: "/config" is not a free path: write one like /metrics',
        ),
        (
            ["--shard.index=exporter-2", "--shard.total=2"],
            "--shard.index 2 is not below --shard.total: there are 2, counted from 0",
        ),
        (["--shard.index=exporter"], '"exporter" names no shard: write a number from 0 on, or a pod\'s name'),
        (["--config.auto-reload-interval=30"], '"30" is not a duration: write one like 30s'),
        (["sandbox", "--fault=camp_123=5xx"], "--fault: unknown fault or option '5xx': write latency or "),
        (["--web.listen-address=10421", "--config.file=config.example.yaml"], '"10421" is not an address to listen on'),
    ],
)
def test_a_mistake_on_the_command_line_is_told_with_what_to_write(arguments: list[str], said: str) -> None:
    told = run(*arguments)
    assert told.returncode in (1, 2)
    assert said in told.stderr
    assert "Traceback" not in told.stderr


def test_demo_says_what_to_open_and_that_it_is_not_the_real_api() -> None:
    with running_exporter("demo", "--web.listen-address=127.0.0.1:0") as demo:
        demo.wait_for("/metrics", 'campaign_id="camp_gone"')
        demo.wait_for("/metrics", 'campaign="Trade fair list 2019"')
        assert demo.stop() == 0
        assert demo.process.stdout is not None
        said = demo.process.stdout.read()
    assert "not the real Leadterra API" in said
    assert f"{demo.url}/metrics" in said
    assert not [line for line in demo.log if "level=error" in line]


def test_flags_from_the_environment(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123").partition("=")[2]
        environment = {
            "LEADTERRA_EXPORTER_CONFIG_FILE": config,
            "LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0,[::1]:0",
            "LEADTERRA_EXPORTER_WEB_ENABLE_LIFECYCLE": "true",
            "LEADTERRA_EXPORTER_LOG_FORMAT": "json",
        }
        with running_exporter(**environment) as exporter:
            exporter.wait_for_log(r'"msg": ?"listening"', count=2)
            assert [line for line in exporter.log if '"address": "[::1]:' in line]


def test_no_output_holds_the_key(tmp_path: Path) -> None:
    """A canary key, refused by the API, through every endpoint, the log at debug and each kind of failure."""
    canary = build.KEY
    with RunningSandbox() as sandbox:
        config = write_config(tmp_path, sandbox, "camp_123", key=canary)
        arguments = [config, "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle", "--log.level=debug"]
        with running_exporter(*arguments) as exporter:
            exporter.wait_for("/metrics", 'reason="authentication_failed"')
            paths = ("/", "/metrics", "/config", "/api/v1/campaigns", "/-/healthy", "/-/ready", "/nothing")
            seen = [exporter.get(path).text for path in paths]
            (tmp_path / "config.yaml").write_text(f"workspaces: [{{api_key: {canary}}}]")
            seen += [str(reload(exporter, "POST"))]
            command_line = Path(f"/proc/{exporter.process.pid}/cmdline").read_text()
            exporter.stop()
            seen += [*exporter.log, command_line]
        assert len(exporter.log) > 5
        assert not [text for text in seen if canary in text]

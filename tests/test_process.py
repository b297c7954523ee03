"""The real command, started as users start it: what it serves, how it is loaded again, how it ends."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from exporter.sandbox import Fault
from tests.build import SANDBOX_KEY, series, write_config
from tests.certificates import Authority
from tests.fake_api import FakeApi
from tests.process import LISTEN, ROOT, RunningSandbox, running_exporter
from tests.tools import PATIENCE, wait_until

pytestmark = pytest.mark.slow

NOT_RELOADED = "leadterra_exporter_config_last_reload_successful 0.0"


def test_serves_what_the_api_says(tmp_path: Path, sandbox: RunningSandbox) -> None:
    config = write_config(tmp_path, sandbox.url, "camp_123", "camp_gone")
    with running_exporter(config, "--web.listen-address=:0") as exporter:
        page = exporter.wait_for("/metrics", 'reason="campaign_not_found"')
        assert series("emails_bounced", "camp_123") + " 9\n" in page
        assert series("open_ratio", "camp_123") + " 0.42\n" in page
        assert series("up", "camp_gone") + " 0\n" in page
        assert series("emails_sent", "camp_gone") not in page
        assert (exporter.get("/-/ready").status_code, exporter.get("/-/healthy").status_code) == (200, 200)
        assert exporter.get("/").headers["content-type"] == "text/html; charset=utf-8"
        assert exporter.get("/api/v1/campaigns").json()["campaigns"][0]["campaign_id"] == "camp_gone"
        openmetrics = exporter.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
        assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert openmetrics.headers["content-encoding"] == "gzip"
        assert openmetrics.text.endswith("# EOF\n")
        assert exporter.reload() == 403  # it is off


def test_a_changed_file_is_loaded_by_itself(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """As Kubernetes renews a ConfigMap: the file is a link through a folder's link, which is replaced."""

    def renew(*campaigns: str) -> None:
        version = Path(tempfile.mkdtemp(dir=tmp_path))
        write_config(version, sandbox.url, *campaigns)
        (tmp_path / "new").symlink_to(version)
        (tmp_path / "new").rename(tmp_path / "data")

    link = tmp_path / "config.yaml"
    link.symlink_to(Path("data", "config.yaml"))
    (tmp_path / "key").write_text(SANDBOX_KEY)
    renew("camp_draft")
    with running_exporter(f"--config.file={link}", "--config.auto-reload-interval=1s", LISTEN) as exporter:
        exporter.wait_for("/metrics", series("up", "camp_draft") + " 1")
        renew("camp_paused")
        exporter.wait_for("/metrics", series("up", "camp_paused") + " 1")
        assert "camp_draft" not in exporter.get("/metrics").text


def test_a_ca_file_that_is_gone_changes_nothing_and_the_environments_certificates_are_trusted(tmp_path: Path) -> None:
    authority, ca_file = Authority(tmp_path, "authority"), tmp_path / "ca.pem"
    ca_file.write_text(authority.pem)
    with FakeApi(certificate=authority.issue("api", "127.0.0.1")) as api:
        config = write_config(tmp_path, api.url, "camp_123", api={"ca_file": "ca.pem"})
        with running_exporter(config, LISTEN) as exporter:
            exporter.wait_for("/metrics", series("up", "camp_123") + " 1")
            ca_file.unlink()
            assert series("up", "camp_123") + " 1" in exporter.wait_for("/metrics", NOT_RELOADED)
            assert exporter.get("/-/healthy").status_code == 200
            exporter.wait_for_log("ca.pem cannot be read: No such file or directory")
            (tmp_path / "key").write_text("sk_test_other")  # so that it tries again
            ca_file.write_text(authority.pem)
            exporter.wait_for_log("the files that the configuration names can be used again")
            assert sum("ca.pem cannot be read" in line for line in exporter.log) == 1
        config = write_config(tmp_path, api.url, "camp_123")
        # Those of the environment are hidden from aiohttp while it is imported, and from nobody afterwards.
        with running_exporter(config, LISTEN, SSL_CERT_FILE=str(ca_file)) as exporter:
            exporter.wait_for("/metrics", series("up", "camp_123") + " 1")


def test_a_mended_key_is_tried_at_once_and_does_not_hide_a_reload_that_failed(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    config = write_config(tmp_path, sandbox.url, "camp_123", "camp_draft", key="sk_test_revoked", poll=("1h", "3h"))
    with running_exporter(config, LISTEN) as exporter:
        exporter.wait_for_log("key refused")
        (tmp_path / "config.yaml").write_text("workspaces: [{nam: acme}]")
        exporter.process.send_signal(signal.SIGHUP)
        exporter.wait_for_log(r"workspaces\[0\].nam")
        exporter.wait_for_log("the old one stays in use")
        (tmp_path / "key").write_text(SANDBOX_KEY)
        exporter.wait_for_log("the API key was read again")
        assert NOT_RELOADED in exporter.wait_for("/metrics", series("up", "camp_draft") + " 1")
        assert "The last reload failed" in exporter.get("/").text
        write_config(tmp_path, sandbox.url, "camp_123")
        exporter.process.send_signal(signal.SIGHUP)
        page = exporter.wait_for("/metrics", NOT_RELOADED, absent=True)
        assert series("emails_sent", "camp_123") + " 480" in page
        assert "camp_draft" not in page


@pytest.mark.parametrize(("number", "status"), [(signal.SIGHUP, 0), (signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_before_it_listens_are_held(
    tmp_path: Path, sandbox: RunningSandbox, number: signal.Signals, status: int
) -> None:
    wanted = 1 << (signal.SIGHUP - 1) | 1 << (signal.SIGTERM - 1)

    def are_handled() -> bool:
        handled = Path(f"/proc/{exporter.process.pid}/status").read_text().partition("SigCgt:")[2]
        return int(handled.split()[0], 16) & wanted == wanted

    with running_exporter(write_config(tmp_path, sandbox.url, "camp_123"), LISTEN) as exporter:
        wait_until(are_handled, "handlers", every=0)
        assert exporter.log == []  # it imports what it needs
        exporter.process.send_signal(number)
        if number == signal.SIGHUP:
            exporter.wait_for_log("configuration loaded")
            exporter.process.terminate()
        assert exporter.process.wait(PATIENCE) == status
        assert [line for line in exporter.log if "Traceback" in line] == []


def test_ends_in_the_middle_of_a_sweep(tmp_path: Path, sandbox: RunningSandbox) -> None:
    sandbox.sandbox.set_fault("*", Fault(latency=60))
    config = write_config(tmp_path, sandbox.url, "camp_123", "camp_draft", api={"timeout": "1m"})
    with running_exporter(config, LISTEN) as exporter:
        exporter.wait_for("/metrics", "leadterra_exporter_build_info")
        exporter.process.send_signal(signal.SIGINT)
        assert exporter.process.wait(5) == 0
        exporter.wait_for_log("msg=stopping")
        assert not [line for line in exporter.log if "Traceback" in line or "level=error" in line]


SLOW_RESOLVER = """
import socket, sys, threading
resolve = socket.getaddrinfo
def hang(host, *rest, **options):
    if host == "api.invalid":
        print("looking up", file=sys.stderr, flush=True)
        threading.Event().wait(60)
    return resolve(host, *rest, **options)
socket.getaddrinfo = hang
"""


def test_ends_while_a_name_lookup_hangs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_RESOLVER)
    config = write_config(tmp_path, "http://api.invalid", "camp_123")
    with running_exporter(config, LISTEN, PYTHONPATH=str(tmp_path)) as exporter:
        exporter.wait_for_log("looking up")
        exporter.process.terminate()
        assert exporter.process.wait(5) == 0


CONFIGS_AFTER_A_RELOAD = """
import gc, sys
from exporter import cli, config
async def serve(exporter, *_):
    await exporter.start()
    await exporter.reload()
    print(sum(isinstance(each, config.Config) for each in gc.get_objects()))
    await exporter.stop()
cli.serve = serve
cli.main(sys.argv[1:], [])
"""


def test_the_first_configuration_is_forgotten(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1", "camp_123")
    command = [sys.executable, "-c", CONFIGS_AFTER_A_RELOAD, config, LISTEN]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert ended.stdout == b"1\n"

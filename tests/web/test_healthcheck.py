"""The container's health check against the exporter's endpoints in each condition that it must tell apart."""

import asyncio
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest

from exporter.toolkit import WebConfigFile
from exporter.web.healthcheck import main
from exporter.web.listen import Listener
from tests.certificates import Authority
from tests.process import ROOT
from tests.tools import free_port
from tests.web.serving import Program, application_of, served

USERS = f"basic_auth_users: {{alice: {bcrypt.hashpw(b'cheap', bcrypt.gensalt(4)).decode()}}}\n"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"


def status(program: Program, web_config: Path | None = None) -> int:
    """Run the check while the endpoints answer for `program`."""
    with served(application_of(program), WebConfigFile(web_config) if web_config else None) as server:
        return server.run(asyncio.to_thread(main, [f"127.0.0.1:{server.port}"]))


def test_healthy_and_stalled(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(Program()) == 0
    assert capsys.readouterr().out == "leadterra-exporter is healthy.\n"
    assert status(Program(problems=["acme stalls"])) == 1
    assert capsys.readouterr().out == "acme stalls\n"


def test_one_who_asks_for_a_password_is_alive(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(USERS)
    assert status(Program(), tmp_path / "web.yaml") == 0


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
@pytest.mark.parametrize("clients", ["", "client_ca_file: server.pem, client_auth_type: RequireAndVerifyClientCert, "])
def test_tls_with_and_without_client_certificates(tmp_path: Path, clients: str, version: str) -> None:
    Authority(tmp_path, "authority").issue("server")
    (tmp_path / "web.yaml").write_text(f"{TLS}, {clients}max_version: {version}}}\n")
    assert status(Program(), tmp_path / "web.yaml") == 0
    # Nobody without a certificate is told more than that it is alive.
    assert status(Program(problems=["acme stalls"]), tmp_path / "web.yaml") == (0 if clients else 1)


def test_nobody_listens_or_the_address_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert main([address]) == 1
    assert f"{address}: " in capsys.readouterr().out
    assert main(["10421"]) == 1
    assert "is not an address" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n"])
def test_somebody_else_listens(answer: bytes) -> None:
    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async def check() -> int:
        async with await asyncio.start_server(tell, "127.0.0.1", 0) as server:
            return await asyncio.to_thread(main, [f"127.0.0.1:{server.sockets[0].getsockname()[1]}"])

    assert asyncio.run(check()) == 1


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "[::]", "[::1]"])  # noqa: S104 - what it is told
def test_it_asks_where_the_exporter_is_told_to_listen(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(f"{host}:0")
    monkeypatch.setenv("LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS", f"{listener},127.0.0.1:1")
    with served(application_of(Program()), listener=listener) as server:
        assert server.run(asyncio.to_thread(main, [])) == 0


def test_it_loads_little() -> None:
    """It runs six times a minute, and each of these would make it take longer by a third."""
    program = "import sys, exporter.web.healthcheck; print(*sys.modules)"
    command = [sys.executable, "-S", "-c", program]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert not {"asyncio", "http.client", "ssl", "re"} & set(loaded)

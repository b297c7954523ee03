"""The container's health check against the exporter's endpoints in each condition that it must tell apart."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bcrypt
import pytest

from exporter.web.healthcheck import main
from exporter.web.listen import Listener
from exporter.web.server import Endpoints, Server
from exporter.web.web_config import WebConfigFile
from tests.process import ROOT
from tests.tools import free_port
from tests.web.pki import Authority
from tests.web.test_server import Program

USERS = f"basic_auth_users: {{alice: {bcrypt.hashpw(b'cheap', bcrypt.gensalt(4)).decode()}}}\n"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"


def status(program: Program, web_config: Path | None = None) -> int:
    """Run the check while the endpoints answer for `program`."""

    async def ask() -> int:
        config = WebConfigFile(web_config) if web_config else None
        app = Endpoints(program).application()
        if config:
            config.protect(app)
        listener = Listener("127.0.0.1:0")
        server = Server(app, [listener], config.ssl_context() if config else None)
        await server.start()
        try:
            return await asyncio.to_thread(main, [str(listener)])
        finally:
            await server.close()

    return asyncio.run(ask())


def test_healthy_and_stalled(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(Program()) == 0
    assert capsys.readouterr().out == "leadterra-exporter is healthy.\n"
    assert status(Program(stalled=["acme"])) == 1
    assert capsys.readouterr().out == "Polling has stalled for: acme.\n"


def test_one_who_asks_for_a_password_is_alive(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(USERS)
    assert status(Program(), tmp_path / "web.yaml") == 0


@pytest.mark.slow
@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
@pytest.mark.parametrize("clients", ["", "client_ca_file: server.pem, client_auth_type: RequireAndVerifyClientCert, "])
def test_tls_with_and_without_client_certificates(tmp_path: Path, clients: str, version: str) -> None:
    Authority(tmp_path, "authority").issue("server").install(tmp_path)
    (tmp_path / "web.yaml").write_text(f"{TLS}, {clients}max_version: {version}}}\n")
    assert status(Program(), tmp_path / "web.yaml") == 0
    # Nobody without a certificate is told more than that it is alive.
    assert status(Program(stalled=["acme"]), tmp_path / "web.yaml") == (0 if clients else 1)


def test_nobody_listens_or_the_address_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert main([address]) == 1
    assert f"{address}: " in capsys.readouterr().out
    assert main(["10421"]) == 1
    assert "is not an address" in capsys.readouterr().out


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Give every connection these bytes and its end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):  # the end of the test
                while True:
                    connection, _address = listening.accept()
                    with connection, suppress(OSError):  # the client may go first
                        connection.recv(4096)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)  # wakes accept()
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n"])
def test_somebody_else_listens(answer: bytes) -> None:
    with answering(answer) as address:
        assert main([address]) == 1


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "[::]", "[::1]"])  # noqa: S104 - what it is told
def test_it_asks_where_the_exporter_is_told_to_listen(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> int:
        listener = Listener(f"{host}:0")
        monkeypatch.setenv("LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS", f"{listener},127.0.0.1:1")
        server = Server(Endpoints(Program()).application(), [listener])
        await server.start()
        try:
            return await asyncio.to_thread(main, [])
        finally:
            await server.close()

    assert asyncio.run(ask()) == 0


def test_it_loads_little() -> None:
    """It runs twice a minute: with the exporter's own modules it would cost half a second each time."""
    program = "import sys, exporter.web.healthcheck; print(len(sys.modules), 'asyncio' in sys.modules)"
    command = [sys.executable, "-c", program]
    loaded, has_asyncio = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert has_asyncio == "False"
    assert int(loaded) < 200

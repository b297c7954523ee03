"""Certificates for tests, made with the openssl command, and a server and clients that use them."""

import asyncio
import base64
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from exporter.web.web_config import WebConfigFile

REFUSED = (ssl.SSLError, ConnectionError)


def tool(name: str) -> str:
    """Return a command's path; skip the test where it is missing, but fail it in CI."""
    path = shutil.which(name)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing")
    if path is None:
        pytest.skip(f"{name} is missing")
    return path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    name: str
    certificate: Path
    key: Path

    def install(self, folder: Path) -> None:
        """Put both where the tests' configurations look for them."""
        replace_file(folder / "server.pem", self.certificate.read_text())
        replace_file(folder / "server.key", self.key.read_text())


class Authority:
    """A certificate authority; with a parent an intermediate one."""

    def __init__(self, folder: Path, name: str, parent: "Authority | None" = None) -> None:
        self._folder = folder
        extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")  # 3.13 is strict
        self.pair = parent.issue(name, *extensions) if parent else self._make(name, extensions)

    @property
    def pem(self) -> str:
        return self.pair.certificate.read_text()

    def issue(self, name: str, *extensions: str) -> Pair:
        """Sign a certificate for a new key, by default one for localhost."""
        given = extensions or ("subjectAltName=DNS:localhost",)
        return self._make(name, given, "-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key))

    def issue_expired(self, name: str, extension: str) -> Pair:
        """Sign a certificate that ended yesterday."""
        pair = self.issue(name, extension)
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.cnf"
        extensions.write_text(extension)
        ask = [tool("openssl"), "x509", "-x509toreq", "-in", str(pair.certificate), "-signkey", str(pair.key)]
        subprocess.run([*ask, "-out", str(request)], check=True, capture_output=True, timeout=20)
        sign = [tool("openssl"), "x509", "-req", "-in", str(request), "-extfile", str(extensions), "-days", "-1"]
        sign += ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key), "-out", str(pair.certificate)]
        subprocess.run(sign, check=True, capture_output=True, timeout=20)
        return pair

    def _make(self, name: str, extensions: Sequence[str], *signer: str) -> Pair:
        pair = Pair(name, self._folder / f"{name}.pem", self._folder / f"{name}.key")
        config = self._folder / "openssl.cnf"
        config.write_text("[req]\ndistinguished_name = name\n[name]\n")
        command = [tool("openssl"), "req", "-x509", "-config", str(config), "-subj", f"/CN={name}", "-days", "2"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *signer]
        command += [word for extension in extensions for word in ("-addext", extension)]
        command += ["-out", str(pair.certificate), "-keyout", str(pair.key)]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
        return pair


def replace_file(file: Path, text: str) -> None:
    """Write a file as a careful operator does: beside it, then over it."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(text)
    beside.replace(file)


@asynccontextmanager
async def serving(config: WebConfigFile) -> AsyncIterator[int]:
    """Serve a page behind a web configuration and give its port."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="page\n", headers={"X-Frame-Options": "sameorigin"})

    app = web.Application()
    app.router.add_get("/", page)
    config.protect(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=config.ssl_context()).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Answer:
    """What came back, and the name in the server's certificate."""

    status: int
    head: str
    server: str


def client(trusted: Authority, pair: Pair | None = None) -> ssl.SSLContext:
    """Return a client's context."""
    context = ssl.create_default_context(cadata=trusted.pem)
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def basic(user: str) -> str:
    """Return the header value for `name:password`."""
    return f"Basic {base64.b64encode(user.encode()).decode()}"


async def get(
    port: int, tls: ssl.SSLContext | None = None, *, authorization: str = "", with_name: bool = True
) -> Answer:
    """Ask for a page. Without `with_name` the handshake carries no server name."""
    lines = ["GET / HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    if tls and not with_name:
        tls.check_hostname = False
    name = ("localhost" if with_name else "") if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = (await asyncio.wait_for(reader.read(), 10)).decode()
        certificate = writer.get_extra_info("peercert") if tls else None
    finally:
        writer.transport.abort()
    if not head:
        raise ConnectionResetError
    return Answer(int(head.split()[1]), head, certificate["subject"][0][0][1] if certificate else "")

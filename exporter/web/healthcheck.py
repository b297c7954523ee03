"""Ask the exporter on this machine whether it is healthy: `python -m exporter.web.healthcheck [HOST:PORT]`.

For a container without a shell and without curl; it loads little, as it runs twice a minute. It ends with 0 where the
exporter is healthy, and where it asks for a password or a client certificate, which this has not: it is alive then.
"""

import http.client
import os
import socket
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

from exporter.web.listen import ListenError, parse_address

_PATIENCE = 3.0
"""Seconds for each of three tries; the container's engine allows ten."""
_TLS_HANDSHAKE = b"\x16"


def main(arguments: Sequence[str]) -> int:
    """Ask at the address given, or at the one that the environment lets the exporter listen on."""
    configured = os.environ.get("LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS", ":10421").split(",")[0]
    address = arguments[0] if arguments else configured
    try:
        healthy, answer = _check(*parse_address(address))
    except (ListenError, OSError, http.client.HTTPException) as error:
        healthy, answer = False, f"{address}: {error}"
    sys.stdout.write(f"{answer}\n")
    return 0 if healthy else 1


def _check(host: str, port: int) -> tuple[bool, str]:
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - looked up
    try:
        return _ask(http.client.HTTPConnection(host, port, timeout=_PATIENCE))
    except (http.client.HTTPException, ConnectionError):
        return _check_tls(host, port)  # which fails as well where nobody listens


def _check_tls(host: str, port: int) -> tuple[bool, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # a certificate is hardly ever made out to loopback, and nothing secret is sent
    context.verify_mode = ssl.CERT_NONE
    try:
        return _ask(http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=context))
    except (http.client.HTTPException, ssl.SSLError, ConnectionError):
        if not _shakes_hands(host, port, context):
            raise
        return True, "It asks for a client certificate: it is alive."


def _shakes_hands(host: str, port: int, context: ssl.SSLContext) -> bool:
    """Tell whether the other side takes up a TLS handshake, however it ends."""
    hello = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    with socket.create_connection((host, port), timeout=_PATIENCE) as connection:
        connection.sendall(hello.read())
        return connection.recv(1) == _TLS_HANDSHAKE


def _ask(connection: http.client.HTTPConnection) -> tuple[bool, str]:
    try:
        connection.request("GET", "/-/healthy")
        response = connection.getresponse()
        if response.status == HTTPStatus.UNAUTHORIZED:
            return True, "It asks for a password: it is alive."
        return response.status == HTTPStatus.OK, response.read(1000).decode(errors="replace").strip()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Ask the exporter on this machine whether it is healthy: `python -m exporter.web.healthcheck [HOST:PORT]`.

For a container without a shell and without curl. It ends with 0 where the exporter is healthy, and where it asks for a
password or a client certificate, which this has not: it is alive then. It runs six times a minute, so it imports next
to nothing: http.client alone would take longer than all the rest.
"""

import os
import socket
import sys
from collections.abc import Sequence

_PATIENCE = 3.0  # seconds for each of three tries; the container's engine allows ten
_REQUEST = b"GET /-/healthy HTTP/1.0\r\nHost: localhost\r\n\r\n"
_LARGEST_ANSWER = 10_000
_HOSTS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up


def main(arguments: Sequence[str]) -> int:
    """Ask at the address given, or at the one that the environment lets the exporter listen on."""
    configured = os.environ.get("LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS") or ":10421"
    address = arguments[0] if arguments else configured.split(",")[0]
    try:
        healthy, answer = _check(address)
    except (OSError, ValueError, OverflowError) as error:  # OverflowError: no port has such a number
        healthy, answer = False, f"{address}: {error}"
    sys.stdout.write(f"{answer}\n")
    return 0 if healthy else 1


def _check(address: str) -> tuple[bool, str]:
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()):
        raise ValueError("this is not an address like 127.0.0.1:10421")
    host = host.strip("[]")
    where = (_HOSTS.get(host, host), int(port))
    try:
        with socket.create_connection(where, _PATIENCE) as connection:
            return _ask(connection)
    except ConnectionError:
        return _check_tls(where)  # which fails as well where nobody listens


def _ask(connection: socket.socket) -> tuple[bool, str]:
    """Return whether the answer is a good one, and what it says. Raises ConnectionError where it is not HTTP."""
    connection.sendall(_REQUEST)
    answer = b""
    while (piece := connection.recv(_LARGEST_ANSWER)) and len(answer) < _LARGEST_ANSWER:
        answer += piece
    if not answer.startswith(b"HTTP/1."):
        raise ConnectionError("whoever listens there does not speak HTTP")
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ")[1]
    if status == b"401":
        return True, "It asks for a password: it is alive."
    return status == b"200", body.decode(errors="replace").strip()


def _check_tls(where: tuple[str, int]) -> tuple[bool, str]:
    import ssl  # noqa: PLC0415 - a third of the time, and most exporters serve plain HTTP

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # a certificate is hardly ever made out to loopback, and nothing secret is sent
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(where, _PATIENCE) as plain, context.wrap_socket(plain) as connection:
        try:
            return _ask(connection)
        except (ssl.SSLError, ConnectionError):  # from TLS 1.3 on a certificate is asked for after the handshake
            return True, "It asks for a client certificate: it is alive."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

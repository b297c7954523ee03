"""Listening sockets from Prometheus-style addresses."""

import errno
import os
import re
import socket

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


_ADVICE = {
    errno.EADDRINUSE: ": end what listens there, or name another port",
    errno.EACCES: ": name a port from 1024 on",
    errno.EADDRNOTAVAIL: ": name an address of this machine, or none for all",
}


class ListenError(Exception):
    """An address that can't be listened on: which, why, and what to write instead."""


def parse_address(address: str) -> tuple[str, int]:
    """Split `host:port`, `[::1]:port` or `:port` (all interfaces). Raises ListenError."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65535:  # noqa: PLR2004 - the highest port
        raise ListenError(
            f'"{address}" is not an address to listen on: write it like :10421, 127.0.0.1:10421, [::1]:10421'
        )
    return match["v6"] or match["host"] or "", int(match["port"])


class Listener:
    """A bound socket; an address without a host takes IPv4 and IPv6 on one port. Raises ListenError."""

    def __init__(self, address: str) -> None:
        host, port = parse_address(address)
        try:
            self.socket = _bind(host, port)
        except OSError as error:
            why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            raise ListenError(
                f"cannot listen on {address}: {(why or str(error)).lower()}{_ADVICE.get(error.errno or 0, '')}"
            ) from None
        self.host, self.port = host, int(self.socket.getsockname()[1])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return a URL that reaches it from this machine."""
        return f"http://{self if self.host else f'localhost:{self.port}'}"


def _bind(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    family = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0][0]  # noqa: S104 - asked for
    return socket.create_server((host, port), family=family, backlog=1024)

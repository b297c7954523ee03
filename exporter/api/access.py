"""What a workspace's requests are sent with: its address and limits, its key, the certificates that it trusts."""

import ssl
from dataclasses import dataclass, field
from functools import lru_cache

from exporter.config import Api, Workspace
from exporter.secret import KeySource, KeyUnavailableError, Secret


class AccessError(Exception):
    """A file that requests cannot be sent without, and why it cannot be used."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a workspace's API is asked; connections are opened anew when any of it changes.

    `key` is None where there is none to send, and `key_problem` says why. `ca` is the text of `api.ca_file`.
    """

    api: Api
    source: KeySource
    key: Secret | None = None
    key_problem: str = field(default="", compare=False)
    ca: str | None = field(default=None, repr=False)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context for the certificates of API and proxy, None where no TLS is spoken. Raises AccessError."""
        if not any(url.lower().startswith("https:") for url in (self.api.base_url, self.api.proxy_url or "")):
            return None
        try:
            return _trusting(self.ca)
        except (ssl.SSLError, OSError) as error:
            raise AccessError(f"{self.api.ca_file or 'the CA bundle'} cannot be used: {error}") from None


def read_access(workspace: Workspace, last: Access | None = None) -> Access:
    """Read the workspace's key and CA file. Blocks. Raises AccessError where the CA file cannot be read.

    A key file that is gone or empty keeps the key of `last`, as it may be in the middle of being replaced.
    """
    ca, file = None, workspace.api.ca_file
    try:
        ca = file.read_text("utf-8") if file else None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise AccessError(f"{file} cannot be read: {why}") from None
    key, problem = last.key if last and last.source == workspace.key else None, ""
    try:
        key = workspace.key.read()
    except KeyUnavailableError as error:
        problem = str(error)
    return Access(workspace.api, workspace.key, key, problem, ca)


@lru_cache(maxsize=8)  # loading a CA bundle takes some 20 ms, and workspaces share it
def _trusting(ca: str | None) -> ssl.SSLContext:
    import httpx  # noqa: PLC0415 - whose CA bundle this is; exporter/api/__init__.py

    return ssl.create_default_context(cadata=ca) if ca else httpx.create_ssl_context()

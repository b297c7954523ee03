"""The one package that knows that the API is HTTP: an id goes in, a reading or a PollError comes out."""

from typing import TYPE_CHECKING

from exporter.api.access import Access, AccessError, read_access
from exporter.api.answers import excerpt
from exporter.api.endpoints import ENDPOINTS, FIELDS, Stats
from exporter.api.senders import Pool

if TYPE_CHECKING:
    from exporter.api.client import Client

__all__ = ["ENDPOINTS", "FIELDS", "Access", "AccessError", "Pool", "Stats", "excerpt", "open_client", "read_access"]


def open_client(access: Access) -> "Client":
    """Open a client. Needs a running event loop. Raises AccessError where TLS cannot be set up."""
    from exporter.api.client import Client  # noqa: PLC0415 - httpx takes 15 ms to import, and no page waits for it

    return Client(access)

"""How much of the process its clients may take: far above what scraping needs, and stated in docs/limits.md."""

import resource
from contextlib import suppress

MOST_CONNECTIONS = 1000  # a Prometheus keeps one open; each takes about 20 KiB
HEAD_WITHIN = (
    10.0  # seconds from connecting, or a request's first byte, to its last header: Prometheus sends them at once
)
IDLE_WITHIN = 330.0  # seconds between two requests of a connection: Prometheus itself closes after five minutes
READ_WITHIN = 60.0  # seconds for taking an answer; Prometheus gives a scrape ten by default
LARGEST_BODY = 64 * 1024  # of a request, thrown away: no endpoint needs one, but curl may send one with a reload
DISCARD_WITHIN = 1.0  # seconds for throwing a body away, so that its sender can still read the answer
LARGE = 1024 * 1024  # bytes of an answer that are handed to the system at a time: in smaller slices it takes longer
MOST_KEPT = 128 * 1024 * 1024  # bytes of answers kept for those who read slowly, ...
FEWEST_READERS = 4  # ... but never fewer readers than these, however large a page is
ROOM_AGAIN_WITHIN = 1.0  # seconds after which accepting is tried again when the system had nothing left


def most_connections() -> int:
    """Raise the number of files that the process may open as far as it may, and say how many are for clients.

    Go programs do the same at their start. The other half is for the API, files and the program itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says that there is no limit, and has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)

"""When the configuration is loaded again: at a signal, and when its file has changed."""

import asyncio
import signal
from hashlib import blake2b
from pathlib import Path

from exporter.app import Exporter


def fingerprint(file: Path) -> bytes | None:
    """Tell one content of a file from another; None where it can't be read now."""
    try:
        return blake2b(file.read_bytes()).digest()
    except OSError:
        return None


async def reload_on_change(exporter: Exporter, interval: float, seen: bytes | None) -> None:
    """Load the configuration again each time its file no longer has the content `seen`; look every `interval` seconds.

    The content counts, not the time: a ConfigMap is renewed by a link, with whatever time. A bad file is tried once.
    """
    while True:
        await asyncio.sleep(interval)
        found = await asyncio.to_thread(fingerprint, exporter.config_file)
        if found not in (None, seen):
            seen = found
            await exporter.reload()


def reload_on_hangup(exporter: Exporter) -> None:
    """Load the configuration again at each SIGHUP."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[str | None]] = set()

    def reload() -> None:
        task = loop.create_task(exporter.reload())
        tasks.add(task)  # a loop keeps no task alive
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)

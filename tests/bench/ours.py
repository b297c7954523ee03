"""The exporter as a subject: it polls at full speed, or serves readings that need no API.

What is measured is the product's: Exporter, Endpoints, Server. Only what the API would answer is put into the store
where a page is wanted without polls.
"""

import asyncio
import sys
from functools import partial
from pathlib import Path

from exporter import log
from exporter.app import Exporter
from exporter.config import load
from exporter.shard import Shard
from exporter.stats import parse
from exporter.web.listen import Listener
from exporter.web.server import Endpoints, Server
from tests.bench import control
from tests.bench.campaigns import WORKSPACE, body, quarter, readings


def open_exporter(config_file: Path) -> Exporter:
    log.configure("warn", "logfmt")
    return Exporter(config_file, load(config_file), shard=Shard())


def fill(exporter: Exporter, names: list[str], turn: int = 0) -> None:
    """Give campaigns a reading, as a poll would."""
    for id_, reading in readings(names, turn).items():
        exporter.store.succeeded((WORKSPACE, id_), parse(body(reading), id_))


async def poll(config_file: Path) -> None:
    """Poll each campaign once at each word, as fast as slots and budget allow."""
    exporter = open_exporter(config_file)
    swept = False

    async def sweep() -> int:
        nonlocal swept
        if swept:
            await _again(exporter)
        else:
            await exporter.poll_once()
        swept = True
        return sum(state.up or False for state in exporter.store.states())

    await control.sweep_when_told(len(exporter.config.campaigns), sweep)
    await exporter.stop()


async def _again(exporter: Exporter) -> None:
    poller = exporter._poller  # noqa: SLF001 - it polls again only on schedule, at the pace of the interval
    await asyncio.gather(*(sweep.run_fast(sweep.campaigns) for sweep in poller._sweeps.values()))  # noqa: SLF001


async def serve(config_file: Path) -> None:
    """Serve a page of readings; at the word `touch` a quarter of the campaigns get new ones."""
    exporter = open_exporter(config_file)
    names = [campaign.id for campaign in exporter.config.campaigns]
    exporter.store.configure(exporter.config.campaigns)
    fill(exporter, names)
    listener = Listener("127.0.0.1:0")
    server = Server(Endpoints(exporter).application(), [listener])
    await server.start()
    control.say({"url": listener.url})
    turn = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        turn += 1
        control.obey(line, {"touch": partial(fill, exporter, quarter(names, turn), turn)})
    await server.close()


if __name__ == "__main__":
    asyncio.run({"poll": poll, "serve": serve}[sys.argv[1]](Path(sys.argv[2])))

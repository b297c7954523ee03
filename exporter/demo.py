"""The commands demo and sandbox: the exporter on an API of its own, and that API alone."""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from exporter import flags, log, sandbox
from exporter.app import Exporter
from exporter.config import load
from exporter.flags import Parser, flag
from exporter.options import LogOptions, WebOptions
from exporter.serve import run, say, serve, stop_on_signals
from exporter.web.server import Listener, Server

_BANNER = """\
leadterra-exporter demo: made-up campaigns from the built-in sandbox, not the real Leadterra API.
  status page  {url}/
  metrics      {url}{path}
  sandbox API  {api}/v1/campaigns/camp_123/stats
Stop with Ctrl-C."""
_SPEED_HELP = "how fast the campaigns' time passes; 60: an hour in a minute"
_FAULT_HELP = (
    "let a campaign, or * for all, misbehave: latency:SECONDS or status:CODE[,retry_after:SECONDS], with ,rate:SHARE "
    "and ,count:N; repeatable"
)
_SPEED = flags.matching(r"([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)", float, "is not a number from 0 on: write one such as 60")


@dataclass(frozen=True)
class SandboxOptions(LogOptions):
    """The sandbox API. `fault` are as they were written: CAMPAIGN=KIND."""

    listen_address: str = flag("--listen-address", "where the API is", "127.0.0.1:10422", metavar="HOST:PORT")
    speed: float = flag("--speed", _SPEED_HELP, 1, _SPEED)
    seed: int = flag("--seed", "other figures for other seeds", 1, flags.count(1_000_000_000))
    load_campaigns: int = flag(
        "--load-campaigns", "more campaigns, from camp_load_00001 on", 0, flags.count(1_000_000), metavar="N"
    )
    fault: Sequence[str] = flag("--fault", _FAULT_HELP, (), metavar="CAMPAIGN=KIND", separator=" ")


@dataclass(frozen=True)
class DemoOptions(WebOptions, SandboxOptions):
    """The exporter with a sandbox API, in which the campaigns' hours pass in minutes."""


def demo_parser() -> Parser[DemoOptions]:
    """Return the parser of the demo command."""
    about = "Serve against the built-in sandbox API, which is not the real one."
    own: dict[str, Any] = {"web_listen_address": ("127.0.0.1:10421",), "listen_address": "127.0.0.1:0", "speed": 60}
    return Parser(DemoOptions, "leadterra-exporter demo", about, **own)


def sandbox_parser() -> Parser[SandboxOptions]:
    """Return the parser of the sandbox command."""
    about = "Run only the sandbox API, which is not the real one."
    return Parser(SandboxOptions, "leadterra-exporter sandbox", about)


def serve_demo(argv: Sequence[str], hangups: Sequence[int]) -> int:
    """Run the command demo; return the exit status."""
    given = demo_parser().parse(argv)
    app = _app(given)
    api, listeners = Listener(given.listen_address), [Listener(address) for address in given.web_listen_address]
    os.environ.update(sandbox.KEYS)
    with tempfile.TemporaryDirectory(prefix="leadterra-demo-") as folder:
        config_file = Path(folder) / "config.yaml"
        config_file.write_text(sandbox.demo_config(api.url))
        say(_BANNER.format(url=listeners[0].url, path=given.web_telemetry_path, api=api.url))

        async def program() -> None:
            server = Server(app, [api])
            await server.start()
            await serve(Exporter(config_file, load(config_file)), given, listeners, hangups)
            await server.close()

        run(program())
    return 0


def serve_sandbox(argv: Sequence[str]) -> int:
    """Run the command sandbox; return the exit status."""
    given = sandbox_parser().parse(argv)
    app, listener = _app(given), Listener(given.listen_address)
    keys = ", ".join(sandbox.WORKSPACES)
    say(f"The sandbox API, not the real one: {listener.url}/v1/campaigns/camp_123/stats", f"Keys: {keys}")

    async def program() -> None:
        stop, server = stop_on_signals(), Server(app, [listener])
        await server.start()
        await stop.wait()
        await server.close()

    run(program())
    return 0


def _app(given: SandboxOptions) -> web.Application:
    log.configure(given.log_level, given.log_format)
    simulated = sandbox.Sandbox(seed=given.seed, speed=given.speed, load_campaigns=given.load_campaigns)
    try:
        for text in given.fault:
            simulated.set_fault(*sandbox.parse_flag(text))
    except ValueError as error:
        print(f"argument --fault: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    return sandbox.create_app(simulated)

"""The command line: arguments and environment to an exit status."""

import argparse
import asyncio
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import structlog
from aiohttp import web

from exporter import __version__, flags, log
from exporter.app import Exporter, serve, stop_on_signals
from exporter.config import Config, ConfigError, load
from exporter.exposition import Format
from exporter.reload import fingerprint, reload_on_change, reload_on_hangup
from exporter.secret import keep_out_of_core_dumps
from exporter.shard import Shard
from exporter.web.listen import Listener, ListenError
from exporter.web.server import Endpoints, Server

if TYPE_CHECKING:
    from exporter.web.web_config import WebConfigFile

T = TypeVar("T")

_logger = structlog.get_logger()

_SWITCH_INTERVAL = 0.001
"""Seconds that a thread which renders may keep the event loop waiting, each time: Python's own 5 ms add up."""

_FULL_COLLECTIONS = 1000
"""How much rarer than collections of the young are full ones, each of which stops everything; Python's own is 10."""

_BANNER = """\
leadterra-exporter demo: made-up campaigns from the built-in sandbox, not the real Leadterra API.
  status page  {url}/
  metrics      {url}{path}
  sandbox API  {api}/v1/campaigns/camp_123/stats
Stop with Ctrl-C."""


def entry() -> NoReturn:
    """Run the command and leave the process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a container's first process has no default action
    _open_closed_streams()
    keep_out_of_core_dumps()
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # Python would wait for threads, see _Abandoned


def _open_closed_streams() -> None:
    """Open what the parent closed (`2>&-`) on nothing: Python has None there, and a socket would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for as long as the process lives


def main(argv: Sequence[str]) -> int:
    """Run the command with these arguments; return the exit status."""
    commands = {"demo": _demo, "sandbox": _sandbox}
    command, rest = (argv[0], argv[1:]) if argv and argv[0] in commands else ("", argv)
    try:
        return commands.get(command, _serve)(rest)
    except (ConfigError, ListenError) as error:
        print(error, file=sys.stderr)  # lines for people, one a problem, not events
        return 1
    except KeyboardInterrupt:
        return 130


class _Abandoned(ThreadPoolExecutor):
    """Worker threads that nobody waits for at the end: a name lookup may hang for half a minute."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the base class' signature
        super().shutdown(wait=False, cancel_futures=True)


def _run(program: Coroutine[Any, Any, T]) -> T:
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_COLLECTIONS)
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_Abandoned())
        return runner.run(program)


def _serve(argv: Sequence[str]) -> int:
    parser = flags.serve_parser()
    args = parser.parse_args(argv)
    if args.shard_index >= args.shard_total:
        advice = f"there are {args.shard_total}, counted from 0: set --shard.total to as many as there are"
        parser.error(f"--shard.index {args.shard_index} is not below --shard.total: {advice}")
    log.configure(args.log_level, args.log_format)
    seen = fingerprint(args.config_file)  # first: what is written from now on is a change
    config = load(args.config_file)
    if args.config_check:
        return _check(args.config_file, config)
    shard = Shard(args.shard_index, args.shard_total)
    if args.once:
        return _run(_once(args.config_file, config, shard))
    _run(_poll_and_serve(args, config, shard, [Listener(address) for address in args.web_listen_address], seen))
    return 0


def _check(config_file: Path, config: Config) -> int:
    for warning in config.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{config_file}: {len(config.workspaces)} workspaces, {len(config.campaigns)} campaigns, no problems")
    return 0


async def _once(config_file: Path, config: Config, shard: Shard) -> int:
    exporter = Exporter(config_file, config, shard=shard, process_metrics=False)
    all_succeeded = await exporter.poll_once()
    await exporter.stop()
    sys.stdout.buffer.write(exporter.page.render(Format.TEXT))
    return 0 if all_succeeded else 1


async def _poll_and_serve(
    args: argparse.Namespace,
    config: Config,
    shard: Shard,
    listeners: Sequence[Listener],
    seen: bytes | None = None,
) -> None:
    web_config = _read_web_config(args.web_config_file) if args.web_config_file else None
    stop = stop_on_signals()
    exporter = Exporter(args.config_file, config, shard=shard)
    reload_on_hangup(exporter)
    interval = args.config_auto_reload_interval
    follow = asyncio.create_task(reload_on_change(exporter, interval, seen)) if interval else None
    endpoints = Endpoints(exporter, telemetry_path=args.web_telemetry_path, lifecycle=args.web_enable_lifecycle)
    app = endpoints.application()
    if web_config:
        web_config.protect(app)
    for listener in listeners:
        _logger.info("listening", address=str(listener), version=__version__)
    await serve(exporter, Server(app, listeners, web_config.ssl_context() if web_config else None), stop)
    if follow:
        follow.cancel()


def _read_web_config(file: Path) -> "WebConfigFile":
    from exporter.web.web_config import WebConfigFile  # noqa: PLC0415 - without such a file nobody pays for it

    return WebConfigFile(file)


def _demo(argv: Sequence[str]) -> int:
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    args, app = _build_sandbox(flags.demo_parser(), argv)
    api, listeners = Listener(args.listen_address), [Listener(address) for address in args.web_listen_address]
    os.environ.update(sandbox.demo_keys("LEADTERRA_SANDBOX_KEY"))
    with tempfile.TemporaryDirectory(prefix="leadterra-demo-") as folder:
        args.config_file = Path(folder) / "config.yaml"
        args.config_file.write_text(sandbox.demo_config(api.url, "LEADTERRA_SANDBOX_KEY"))
        print(_BANNER.format(url=listeners[0].url, path=args.web_telemetry_path, api=api.url), flush=True)
        _run(_run_demo(args, Server(app, [api]), listeners))
    return 0


async def _run_demo(args: argparse.Namespace, api: Server, listeners: Sequence[Listener]) -> None:
    await api.start()
    await _poll_and_serve(args, load(args.config_file), Shard(), listeners)
    await api.close()


def _sandbox(argv: Sequence[str]) -> int:
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    args, app = _build_sandbox(flags.sandbox_parser(), argv)
    listener = Listener(args.listen_address)
    print(f"The sandbox API, not the real one: {listener.url}/v1/campaigns/camp_123/stats", flush=True)
    print("Keys: " + ", ".join(key for key, campaigns in sandbox.WORKSPACES.items() if campaigns), flush=True)
    _run(_run_sandbox(Server(app, [listener])))
    return 0


def _build_sandbox(parser: argparse.ArgumentParser, argv: Sequence[str]) -> tuple[argparse.Namespace, web.Application]:
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    args = parser.parse_args(argv)
    log.configure(args.log_level, args.log_format)
    try:
        return args, sandbox.create_app(sandbox.build(args))
    except sandbox.FaultError as error:
        parser.error(f"argument --fault: {error}")


async def _run_sandbox(api: Server) -> None:
    stop = stop_on_signals()
    await api.start()
    await stop.wait()
    await api.close()

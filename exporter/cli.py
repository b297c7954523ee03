"""The command line: arguments and environment to an exit status."""

import asyncio
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from exporter import log, options
from exporter.api import AccessError
from exporter.app import Exporter
from exporter.config import ConfigError, load, summary
from exporter.once import once
from exporter.options import SandboxOptions, ServeOptions
from exporter.secret import keep_out_of_core_dumps
from exporter.serve import read_web_config, serve, stop_on_signals
from exporter.sources import Collected, collect
from exporter.watch import FileWatch
from exporter.web.listen import Listener, ListenError
from exporter.web.server import Server

T = TypeVar("T")
_BANNER = """\
leadterra-exporter demo: made-up campaigns from the built-in sandbox, not the real Leadterra API.
  status page  {url}/
  metrics      {url}{path}
  sandbox API  {api}/v1/campaigns/camp_123/stats
Stop with Ctrl-C."""

_NO_FILE = (
    "{}: there is no such file: name yours with --config.file, or begin with config.example.yaml of the repository; "
    "leadterra-exporter demo needs neither file nor key"
)


def main(argv: Sequence[str], hangups: Sequence[int]) -> int:
    """Run the command with these arguments; return the exit status. `hangups` are the SIGHUPs that came before."""
    gc.freeze()  # modules and classes are never garbage: going through them takes 15 ms
    _prepare_streams()
    keep_out_of_core_dumps()
    command = {"demo": _demo, "sandbox": _sandbox}.get(argv[0]) if argv else None
    try:
        return command(argv[1:], hangups) if command else _exporter(argv, hangups)
    except (ConfigError, ListenError, AccessError) as error:
        print(error, file=sys.stderr)  # lines for people, one a problem, not events
        return 1
    except KeyboardInterrupt:
        return 130


def _prepare_streams() -> None:
    """Open what the parent closed (`2>&-`) on nothing, and write what an encoding lacks by its number.

    Python has None for a closed stream, and a socket would get its descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # text files, all of them


class _Abandoned(ThreadPoolExecutor):
    """Worker threads that nobody waits for at the end: a name lookup may hang for half a minute."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the base class' signature
        super().shutdown(wait=False, cancel_futures=True)


def _run(program: Coroutine[Any, Any, T]) -> T:
    sys.setswitchinterval(0.001)  # so long a thread that renders keeps the event loop waiting: Python's 5 ms add up
    # A full collection stops everything, with 10,000 campaigns for 25 ms, with 50,000 for 140 ms. Hardly any garbage
    # of ours is cyclic, and adopting a configuration collects it: so they come a hundred times more rarely.
    gc.set_threshold(*gc.get_threshold()[:2], 1000)
    gc.enable()
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_Abandoned())
        return runner.run(program)


def _exporter(argv: Sequence[str], hangups: Sequence[int]) -> int:
    given = options.serve_parser().parse(argv)
    log.configure(given.log_level, given.log_format)
    try:
        given.config_file.lstat()
    except FileNotFoundError:
        print(_NO_FILE.format(given.config_file), file=sys.stderr)
        return 1
    except OSError:
        pass  # loading says why
    if given.config_check or given.once:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end before the result is a failure
        return check(given) if given.config_check else _run(once(given))

    async def run() -> None:
        watch, file, interval = FileWatch(), given.config_file, given.config_auto_reload_interval
        watch.look([file])  # first: what is written from now on is a change
        exporter = Exporter(file, load(file), shard=given.shard)  # which alone keeps the configuration
        listeners = [Listener(address) for address in given.web_listen_address]
        if interval is not None:
            exporter.watch(
                "the configuration file", interval, lambda: watch.look([file]) and file.exists(), exporter.reload
            )
        await serve(exporter, given, listeners, hangups)

    _run(run())
    return 0


def check(given: ServeOptions) -> int:
    """Print what is to be said of a configuration and what it will do; return the exit status. Raises ConfigError."""
    config = load(given.config_file)
    read_web_config(given)
    collected = collect(config, Collected(config), {}, now=0)
    warnings = [*config.warnings, *collected.warnings]
    problems = [problem for state in collected.states for problem in state.problems]
    for line in (*(f"warning: {warning}" for warning in warnings), *problems):
        print(line, file=sys.stderr)
    if problems:
        return 1
    count = f", {len(warnings)} warning{'s' * (len(warnings) > 1)}" if warnings else ""
    urls = [state for state in collected.states if state.source.url]
    lines = [*summary(given.shard.part_of(collected.config))]
    lines += [f"not asked: the list {each.source.label} of workspace {each.workspace}" for each in urls]
    print(f"{given.config_file}: no problems{count}. What will happen:", *lines, sep="\n  ")
    return 0


def _demo(argv: Sequence[str], hangups: Sequence[int]) -> int:
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    given = options.demo_parser().parse(argv)
    app = _sandbox_app(given)
    api, listeners = Listener(given.listen_address), [Listener(address) for address in given.web_listen_address]
    os.environ.update(sandbox.KEYS)
    with tempfile.TemporaryDirectory(prefix="leadterra-demo-") as folder:
        config_file = Path(folder) / "config.yaml"
        config_file.write_text(sandbox.demo_config(api.url))
        print(_BANNER.format(url=listeners[0].url, path=given.web_telemetry_path, api=api.url), flush=True)

        async def run() -> None:
            server = Server(app, [api])
            await server.start()
            await serve(Exporter(config_file, load(config_file)), given, listeners, hangups)
            await server.close()

        _run(run())
    return 0


def _sandbox(argv: Sequence[str], _: Sequence[int]) -> int:
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    given = options.sandbox_parser().parse(argv)
    app, listener = _sandbox_app(given), Listener(given.listen_address)
    print(f"The sandbox API, not the real one: {listener.url}/v1/campaigns/camp_123/stats", flush=True)
    print("Keys: " + ", ".join(key for key, campaigns in sandbox.WORKSPACES.items() if campaigns), flush=True)

    async def run() -> None:
        stop, server = stop_on_signals(), Server(app, [listener])
        await server.start()
        await stop.wait()
        await server.close()

    _run(run())
    return 0


def _sandbox_app(given: SandboxOptions) -> web.Application:
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    log.configure(given.log_level, given.log_format)
    simulated = sandbox.Sandbox(seed=given.seed, speed=given.speed, load_campaigns=given.load_campaigns)
    try:
        for text in given.fault:
            simulated.faults.put(*sandbox.parse_flag(text))
    except ValueError as error:
        print(f"argument --fault: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    return sandbox.create_app(simulated)

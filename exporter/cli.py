"""The command line: arguments and environment to an exit status."""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter import log, options
from exporter.api import AccessError
from exporter.app import Exporter
from exporter.config import ConfigError, load, summary
from exporter.once import once
from exporter.options import ServeOptions
from exporter.secret import keep_out_of_core_dumps
from exporter.serve import OutputError, read_web_config, run, say, serve
from exporter.sources import Collected, collect
from exporter.watch import FileWatch
from exporter.web.server import Listener, ListenError

_NO_FILE = (
    "{}: there is no such file: name yours with --config.file, or begin with config.example.yaml of the repository; "
    "leadterra-exporter demo needs neither file nor key"
)


def main(argv: Sequence[str], hangups: Sequence[int]) -> int:
    """Run the command with these arguments; return the exit status. `hangups` are the SIGHUPs that came before."""
    gc.freeze()  # modules and classes are never garbage: going through them takes 15 ms
    _prepare_streams()
    keep_out_of_core_dumps()
    try:
        if argv[:1] in (["demo"], ["sandbox"]):
            from exporter.demo import serve_demo, serve_sandbox  # noqa: PLC0415 - serving does not pay for it

            return serve_demo(argv[1:], hangups) if argv[0] == "demo" else serve_sandbox(argv[1:])
        return _exporter(argv, hangups)
    except (ConfigError, ListenError, AccessError, OutputError) as error:
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
        return check(given) if given.config_check else run(once(given))

    async def program() -> None:
        watch, file, interval = FileWatch(), given.config_file, given.config_auto_reload_interval
        watch.look([file])  # first: what is written from now on is a change
        exporter = Exporter(file, load(file), shard=given.shard)  # which alone keeps the configuration
        listeners = [Listener(address) for address in given.web_listen_address]
        if interval is not None:
            exporter.watch(
                "the configuration file", interval, lambda: watch.look([file]) and file.exists(), exporter.reload
            )
        await serve(exporter, given, listeners, hangups)

    run(program())
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
    say(f"{given.config_file}: no problems{count}. What will happen:", *(f"  {line}" for line in lines))
    return 0

#!/usr/bin/env python3
"""Run the exporter, Prometheus and Alertmanager from the PATH with the configuration of the compose stack.

  python deploy/stack.py                             the demo: made-up campaigns, no key
  python deploy/stack.py --config.file=config.yaml   yours; what is not a flag of this program goes to the exporter

Only the addresses differ. What they store lies in a temporary folder, which goes when Ctrl-C ends them all.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
RULES = ROOT / "prometheus"
READY_WITHIN = 60.0  # seconds
STOP_WITHIN = 10.0

_BANNER = """\
status page    http://{exporter}/
Prometheus     http://{prometheus}/alerts
Alertmanager   http://{alertmanager}/
logs and data  {data}
Stop with Ctrl-C.
"""


def main(argv: Sequence[str]) -> int:
    """Run the stack until it is told to stop; 1 where a part of it ends before."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell may have the first ignored
        signal.signal(number, signal.default_int_handler)
    ours, to_exporter = _parser().parse_known_args(argv)
    with tempfile.TemporaryDirectory(prefix="leadterra-stack-") as folder:
        data = Path(folder)
        commands = _commands(ours, to_exporter or ["demo"], data)
        parts: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in commands.items():
                parts[name] = _start(name, command, data)
            return _watch(parts, vars(ours), data)
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(parts)


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("stack.py", description=__doc__, formatter_class=layout, allow_abbrev=False)
    for name, port in (("exporter", 10421), ("prometheus", 9090), ("alertmanager", 9093)):
        parser.add_argument(f"--{name}", default=f"127.0.0.1:{port}", metavar="HOST:PORT", help="default: %(default)s")
    return parser


def _commands(ours: argparse.Namespace, to_exporter: Sequence[str], data: Path) -> dict[str, list[str]]:
    config = data / "prometheus.yaml"
    config.write_text(_prometheus_config(ours.exporter, ours.alertmanager))
    return {
        "exporter": [sys.executable, "-m", "exporter", *to_exporter, f"--web.listen-address={ours.exporter}"],
        "prometheus": [
            _program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={data / 'prometheus'}",
            f"--web.listen-address={ours.prometheus}",
        ],
        "alertmanager": [
            _program("alertmanager", "prometheus-alertmanager"),  # Debian's name for it
            f"--config.file={RULES / 'alertmanager.yaml'}",
            f"--storage.path={data / 'alertmanager'}",
            f"--web.listen-address={ours.alertmanager}",
            "--cluster.listen-address=",
        ],
    }


def _program(*names: str) -> str:
    for name in names:
        if path := shutil.which(name):
            return path
    sys.exit(f"{names[0]} is not on the PATH; Debian has it in the package {names[-1]}")


def _prometheus_config(exporter: str, alertmanager: str) -> str:
    config = yaml.safe_load((RULES / "prometheus.yaml").read_text())
    config["rule_files"] = [str(RULES / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [exporter]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    return str(yaml.safe_dump(config))


def _start(name: str, command: Sequence[str], data: Path) -> subprocess.Popen[bytes]:
    """Start a part; the exporter's log is shown, those of the others lie beside their data."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if name == "exporter":
        return subprocess.Popen(command, env=environment)  # noqa: S603 - what the user has asked for
    with (data / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - from the PATH, as the user has it


def _watch(parts: Mapping[str, subprocess.Popen[bytes]], addresses: Mapping[str, str], data: Path) -> int:
    """Print when all parts are ready, and return when one has ended."""
    began, waiting = time.monotonic(), set(parts)
    while True:
        for name, part in parts.items():
            if part.poll() is not None:
                return _tell(f"{name} has ended with status {part.returncode}", name, data)
        if waiting and time.monotonic() - began > READY_WITHIN:
            name = min(waiting)
            return _tell(f"{name} is not ready after {READY_WITHIN:.0f} seconds", name, data)
        ready = {name for name in waiting if _is_ready(addresses[name])}
        if waiting and ready == waiting:
            sys.stdout.write(_BANNER.format(**addresses, data=data))
            sys.stdout.flush()
        waiting -= ready
        time.sleep(0.2)


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=2):
            return True
    except OSError:
        return False


def _tell(what: str, name: str, data: Path) -> int:
    log = data / f"{name}.log"
    last = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    sys.stderr.write("\n".join([f"{what}; all others stop", *last, ""]))
    return 1


def _stop(parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for part in parts.values():
        part.terminate()
    for part in parts.values():
        try:
            part.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A page played from its first line to its last: its configurations written, its commands run, all in one folder."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Any

import certifi
import yaml

from tests.docs.pages import Block, blocks, commands, reason_not_to_run, replaced, serves
from tests.fake_api import FakeApi, http
from tests.process import ROOT, running_sandbox
from tests.tools import free_port, need

KEY = "sk_test_documentation"
CAMPAIGNS = {"camp_123": "finished", "camp_456": "healthy", "camp_789": "healthy"}
_ALONE = "--cluster.listen-address="  # else two pages that are played at once would share its port

_PRELUDE = """\
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
eventually() {  # 40 s for a command that succeeds and says something
  for _ in {1..400}; do if out=$("$@" 2>/dev/null) && [ -n "$out" ]; then echo "$out"; return; fi; sleep 0.1; done
  "$@"; return 1
}
answers() { curl -sS --no-fail -o /dev/null -w '%{http_code}' "http://$1/-/ready" | grep -v 503; }  # the sandbox: 404
declare -A running
stop() { if [ -n "${running[$1]:-}" ]; then kill "${running[$1]}"; wait "${running[$1]}" || true; fi; }
serve() {  # address, command: run it beside the rest until it answers, in place of one that ran there before
  local address=$1; shift
  stop "$address"
  "$@" >>"$FOLDER/$1.log" 2>&1 &
  running[$address]=$!
  eventually answers "$address" >/dev/null || { cat "$FOLDER/$1.log" >&2; return 1; }
}
"""

_STORING = """\
case "$*" in *--{2}=*) ;; *) set -- "$@" --{2}="$FOLDER/{1}" ;; esac
exec {0} --web.listen-address="${1}" "$@"
"""
"""Listen on a page's address and, where the page does not say, store in its folder."""


def play(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's commands in order; where one fails, the last line on stderr that begins with @@ names it."""
    for program in ("curl", "promtool", "amtool"):
        need(program)
    with _checkout(folder) as environment:
        (folder / "page.sh").write_text("\n".join([_PRELUDE, *_lines(blocks(page), environment), ""]), "utf-8")
        command = ["timeout", "90", "bash", "page.sh"]  # it ends what a page leaves running, too
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


_SERVERS = {
    "leadterra-exporter": ("$EXPORTER", "localhost:10421", "--web.enable-lifecycle"),
    "prometheus": ("$PROMETHEUS", "localhost:9090", "--config.file=prometheus/prometheus.yaml"),
    "alertmanager": ("$ALERTMANAGER", "localhost:9093", f"--config.file=prometheus/alertmanager.yaml {_ALONE}"),
}
"""Where each listens here and on the pages, and with which flags a page takes it for running that does not start it."""


def _lines(found: list[Block], environment: dict[str, str]) -> Iterator[str]:
    run = [each.text for block in found for each in commands(block) if reason_not_to_run(each) is None]
    served = {text.split()[0] for text in run if serves(text)}
    for program, (address, place, flags) in _SERVERS.items():
        if program not in served and place in "\n".join(run):
            yield f"serve {address} {program} {flags}"
    for block in found:
        for command in commands(block):
            yield f"echo {shlex.quote(f'@@ {command}: {command.text}')} >&2"
            if reason_not_to_run(command) is None:
                own = "$SANDBOX" if " sandbox" in command.text else _SERVERS.get(command.text.split()[0], "?")[0]
                yield f"serve {own} {replaced(command.text)}" if serves(command.text) else replaced(command.text)
        if block.language == "yaml" and "workspaces" in yaml.safe_load(block.text):  # then it is the page's config.yaml
            text = Template(configuration(block.text)).substitute(environment)
            yield f"printf %s {shlex.quote(text)} > config.yaml"


def configuration(text: str) -> str:
    """Point a configuration to the test's sandbox, or the page's own one, through no proxy."""
    loaded: dict[str, Any] = yaml.safe_load(replaced(text))
    for level in (loaded, *loaded["workspaces"]):
        level.get("api", {}).pop("proxy_url", None)
        if level.get("api", {}).get("base_url") != "http://$SANDBOX":
            level.get("api", {}).pop("base_url", None)
    loaded["api"] = {"base_url": "$API", **loaded.get("api", {})}
    return yaml.safe_dump(loaded, sort_keys=False)


@contextmanager
def _checkout(folder: Path) -> Iterator[dict[str, str]]:
    """Prepare a checkout with a key and a configuration, and a sandbox for the API; yield what commands find."""
    for name in ("config.example.yaml", "deploy", "docs", "grafana", "prometheus"):
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)
    (folder / "leadterra_api_key").write_text(KEY)
    (folder / "leadterra_api_key").chmod(0o600)
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("EXPORTER", "PROMETHEUS", "ALERTMANAGER", "SANDBOX")}
    prometheus = folder / "prometheus" / "prometheus.yaml"  # scrapes this page's exporter, every second
    text = prometheus.read_text("utf-8").replace("127.0.0.1:10421", addresses["EXPORTER"]).replace("30s", "1s")
    prometheus.write_text(text.replace("127.0.0.1:9093", addresses["ALERTMANAGER"]), "utf-8")
    (folder / "crm_token").write_text("documentation")
    answers = {"*": http(200, b'["camp_456"]')}
    with running_sandbox(workspaces={KEY: CAMPAIGNS}) as sandbox, FakeApi(answers, keeps_connections=False) as crm:
        smallest = {"name": "acme", "api_key_env": "LEADTERRA_API_KEY", "campaigns": ["camp_123"]}
        default = {"api": {"base_url": sandbox.url}, "workspaces": [smallest]}
        (folder / "config.yaml").write_text(yaml.safe_dump(default))
        yield _environment(folder, addresses) | {"API": sandbox.url, "CRM": crm.url}


def _environment(folder: Path, addresses: dict[str, str]) -> dict[str, str]:
    programs = {
        "leadterra-exporter": f'PYTHONPATH={ROOT} exec {sys.executable} -W error -m exporter "$@"',
        "prometheus": _STORING.format(need("prometheus"), "PROMETHEUS", "storage.tsdb.path"),
        "alertmanager": _STORING.format(need("prometheus-alertmanager"), "ALERTMANAGER", "storage.path"),
    }
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / ".curlrc").write_text("fail\n")  # a command that gets an error has failed
    keys = dict.fromkeys(("LEADTERRA_API_KEY", "ACME_API_KEY", "GLOBEX_API_KEY", "INITECH_API_KEY"), KEY)
    return {
        **os.environ,
        **addresses,
        **keys,
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "FOLDER": str(folder),
        "CERTIFICATES": certifi.where(),
        "LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS": addresses["EXPORTER"],
    }

"""A real exporter with two workspaces, an API of its own for each, and somebody who watches the page."""

import http.client
import json
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.api import FaultApi
from tests.faults.watcher import Sighting, Watcher
from tests.process import PATIENCE, RunningExporter, running_exporter
from tests.tools import free_port
from tests.web.pki import Pair

INTERVAL, TIMEOUT, STALE_AFTER, RETRIES = 2.0, 1.0, 6.0, 1
BAD = ("camp_bad",)
HALF = ("camp_bad", "camp_worse")
ACME = (*HALF, "camp_good", "camp_better")
GLOBEX = ("camp_other", "camp_another")
EVERYBODY = (*ACME, *GLOBEX)
KEY, NEXT_KEY, GLOBEX_KEY = "sk_test_acme_0123456789", "sk_test_acme_next_9876543210", "sk_test_globex"

_CONFIG = """\
api: {{timeout: {timeout}s, retries: {retries}, max_concurrency: 4, requests_per_second: 20}}
poll: {{interval: {interval}s, stale_after: {stale_after}s}}
workspaces:
  - name: acme
    api: {{base_url: "{acme}"{options}}}
    api_key_file: key
    campaigns: [{campaigns}]
  - name: globex
    api: {{base_url: "{globex}"}}
    api_key_env: GLOBEX_KEY
    campaigns: [{others}]
"""


@dataclass
class Setting:
    """How a world differs from a plain one; in each text {folder} is the world's folder.

    `prepare` fills the folder and returns the API's certificate, where it has one. `host` stands in place of
    127.0.0.1 in the API's URL, `command` is a shell's that starts `$@` otherwise.
    """

    prepare: Callable[[Path], Pair | None] = lambda _: None
    host: str = "127.0.0.1"
    command: str = ""
    api_options: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    """What a fault is done to."""

    folder: Path
    acme: FaultApi
    globex: FaultApi
    exporter: RunningExporter
    port: int
    watcher: Watcher
    _ends: list[Callable[[], object]] = field(default_factory=list)

    def at_end(self, call: Callable[[], object]) -> None:
        """Call this when the fault ends, the last first."""
        self._ends.append(call)

    def end(self) -> None:
        """End what `at_end` was told of."""
        while self._ends:
            self._ends.pop()()

    @property
    def pid(self) -> int:
        return self.exporter.process.pid

    @property
    def key_file(self) -> Path:
        return self.folder / "key"

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    def truth(self, campaign: str) -> Mapping[str, float]:
        """Give the figures that the API has of a campaign."""
        api = self.acme if campaign in ACME else self.globex
        return {name: value for name, value in json.loads(api.figures(campaign)).items() if name != "campaignId"}

    def ask(self, path: str, method: str = "GET") -> int:
        """Ask over a new connection and return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def reload(self) -> int:
        return self.ask("/-/reload", "POST")

    def wait_for_successes(self, count: int) -> None:
        """Wait until each campaign's last success has changed `count` times."""
        seen: dict[str, set[float | None]] = {name: set() for name in EVERYBODY}

        def enough(sighting: Sighting) -> bool:
            for name, shown in sighting.campaigns.items():
                seen[name].add(shown.last_success)
            return all(len(times - {None}) > count for times in seen.values())

        self.watcher.wait(enough, f"{count} polls of each campaign succeeded")

    def wait_for_requests(self, count: int, key: str = KEY) -> None:
        """Wait until so many more requests have come with this key."""

        def requests() -> int:
            return sum(sent == key for _, sent in self.acme.requests)

        before = requests()
        self.watcher.wait(lambda _: requests() >= before + count, f"{count} requests came")

    def memory(self, field_: str = "VmRSS") -> float:
        """Return the exporter's memory, or another line of its status, in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(field_)).split()[1]) / 1024

    def forget_peak(self) -> None:
        """Let the peak of the memory (VmHWM) begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self, enough: int = 0) -> int:
        """Count the exporter's descriptors without idle connections to the APIs; try until there are so few."""
        fewest, deadline = 1 << 20, time.monotonic() + (PATIENCE if enough else 1.0)
        while fewest > enough and time.monotonic() < deadline:
            self.acme.drop_connections()
            self.globex.drop_connections()
            self.watcher.wait(lambda _: True, "scraped")
            fewest = min(fewest, len(list(Path(f"/proc/{self.pid}/fd").iterdir())))
        return fewest

    def limit_descriptors(self, limit: int) -> None:
        """Let the exporter open nothing that would get this number or a higher one, until the fault ends."""
        soft, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (limit, hard))
        self.at_end(lambda: resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (soft, hard)))

    def stop(self) -> int:
        self.exporter.process.send_signal(signal.SIGTERM)
        return self.exporter.process.wait(PATIENCE)


@contextmanager
def world(folder: Path, setting: Setting) -> Iterator[World]:
    with ExitStack() as stack:
        acme = stack.enter_context(FaultApi(KEY, ACME, setting.prepare(folder)))
        acme.keys.add(NEXT_KEY)
        globex = stack.enter_context(FaultApi(GLOBEX_KEY, GLOBEX))
        _write(folder, setting, acme, globex)
        arguments = [f"--config.file={folder / 'config.yaml'}", "--web.enable-lifecycle"]
        exporter, port = _start(stack, arguments, setting, folder)
        watcher = stack.enter_context(Watcher(port))
        there = World(folder, acme, globex, exporter, port, watcher)
        stack.callback(there.end)
        yield there


def _write(folder: Path, setting: Setting, acme: FaultApi, globex: FaultApi) -> None:
    (folder / "key").write_text(KEY)
    (folder / "key").chmod(0o600)
    text = _CONFIG.format(
        timeout=f"{TIMEOUT:g}",
        retries=RETRIES,
        interval=f"{INTERVAL:g}",
        stale_after=f"{STALE_AFTER:g}",
        acme=acme.url.replace("127.0.0.1", setting.host),
        options=setting.api_options.format(folder=folder),
        globex=globex.url,
        campaigns=", ".join(ACME),
        others=", ".join(GLOBEX),
    )
    (folder / "config.yaml").write_text(text)


def _start(stack: ExitStack, arguments: Sequence[str], setting: Setting, folder: Path) -> tuple[RunningExporter, int]:
    environment = {name: value.format(folder=folder) for name, value in setting.environment.items()}
    environment["GLOBEX_KEY"] = GLOBEX_KEY
    if not setting.command:
        address = "--web.listen-address=127.0.0.1:0"
        exporter = stack.enter_context(running_exporter(*arguments, address, **environment))
        return exporter, int(exporter.url.rpartition(":")[2])
    port = free_port()  # nobody can read which one it took
    address = f"--web.listen-address=127.0.0.1:{port}"
    through = ("sh", "-c", setting.command.format(folder=folder), "sh")
    exporter = stack.enter_context(running_exporter(*arguments, address, through=through, **environment))
    _wait_for_listener(port)
    return exporter, port


def _wait_for_listener(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")

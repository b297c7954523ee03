"""A real exporter with a workspace and an API for each fault, and somebody who scrapes it."""

import http.client
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import Reason
from tests.certificates import Authority, Pair
from tests.fake_api import FakeApi
from tests.process import RunningExporter, running_exporter
from tests.scraper import Scraper
from tests.tools import PATIENCE, free_port

INTERVAL, TIMEOUT, STALE_AFTER, RETRIES = 3.0, 2.0, 9.0, 1
ONE, HALF, ALL = 1, 2, 4
"""How many of a workspace's campaigns a fault may meet."""
KEY, NEXT_KEY = "sk_test_acme_0123456789", "sk_test_acme_next_9876543210"

_CONFIG = f"""\
api: {{timeout: {TIMEOUT:g}s, retries: {RETRIES}, max_concurrency: 4, requests_per_second: 20}}
poll: {{interval: {INTERVAL:g}s, stale_after: {STALE_AFTER:g}s}}
workspaces:
"""
_WORKSPACE = '- {{name: {0}, api_key_file: {0}/key, campaigns: [{1}], api: {{base_url: "{2}"{3}}}}}\n'

# The exporter's own resolver, with one name added that is known while a file is there: no test may ask a real server.
_RESOLVER = """\
import pathlib, socket
resolve = socket.getaddrinfo
def getaddrinfo(host, *rest, **options):
    if host == "api.test":
        if not pathlib.Path(__file__).with_name("resolves").exists():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        host = "127.0.0.1"
    return resolve(host, *rest, **options)
socket.getaddrinfo = getaddrinfo
"""


@dataclass
class Workspace:
    """One of the exporter's workspaces, for one fault; `folder` has its key and certificates."""

    name: str
    folder: Path
    api: FakeApi
    exporter: RunningExporter
    scraper: Scraper

    @property
    def campaigns(self) -> list[str]:
        return [f"{self.name}_{number}" for number in range(ALL)]

    @property
    def key_file(self) -> Path:
        return self.folder / "key"

    @property
    def config_file(self) -> Path:
        return self.folder.parent / "config.yaml"

    def wait_for_requests(self, count: int, key: str = KEY, after: int | None = None) -> None:
        """Wait until so many requests have come with this key, after the first ones or from now on."""
        before = len(self.api.requests) if after is None else after
        came = lambda _: sum(request.key == key for request in self.api.requests[before:]) >= count  # noqa: E731
        self.scraper.wait(came, f"{count} requests came")

    def ask(self, path: str, method: str = "GET") -> int:
        """Ask over a new connection and return the status."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.scraper.port, timeout=PATIENCE)) as connection:
            connection.request(method, path)
            return connection.getresponse().status

    def reload(self) -> int:
        return self.ask("/-/reload", "POST")


@dataclass(frozen=True)
class Process:
    """How an exporter is started, by a shell's command; in each text {folder} is the folder that `prepare` fills."""

    prepare: Callable[[Path], object] = lambda _: None
    command: str = 'exec "$@"'
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fault:
    """One row of the table.

    It `happens` until its generator has yielded, and ends when that goes on. The polls of the first `meets` of the
    workspace's campaigns fail, with `reason` and `detail`; where none does, `note` says what is to be seen. `log` is a
    further event that is logged once; failed polls are logged where they begin to fail, or only some of them where
    the API limits the rate. It lasts until the figures are stale and so many `requests` have come, or, where it is
    `brief`, until it is noticed, and comes back so often. A fault with a `process` has an exporter of its own, all
    others share one.
    """

    name: str
    happens: Callable[[Workspace], Iterator[None]]
    meets: int = 0
    reason: Reason | None = None
    detail: str = ""
    note: str = ""
    log: str = ""
    brief: int = 0
    requests: int = 0
    most: Callable[[float], float] | None = None
    process: Process | None = None
    host: str = "127.0.0.1"
    tls: bool = False


@contextmanager
def running_with(faults: Sequence[Fault], root: Path) -> Iterator[list[Workspace]]:
    """Run an exporter with a workspace for each of these faults."""
    with ExitStack() as stack:
        (root / "sitecustomize.py").write_text(_RESOLVER)
        (root / "resolves").touch()
        apis, text = [], _CONFIG
        for number, fault in enumerate(faults):
            folder = root / f"acme{number}"
            folder.mkdir()
            (folder / "key").touch(0o600)
            (folder / "key").write_text(KEY)
            api = FakeApi(keys=(KEY, NEXT_KEY), certificate=_certificates(folder) if fault.tls else None)
            apis.append(stack.enter_context(api))
            campaigns = ", ".join(f"{folder.name}_{n}" for n in range(ALL))
            options = f", ca_file: {folder.name}/authority.pem" if fault.tls else ""
            text += _WORKSPACE.format(folder.name, campaigns, api.url.replace("127.0.0.1", fault.host), options)
        (root / "config.yaml").write_text(text)
        process = faults[0].process or Process()
        process.prepare(root)
        port = free_port()  # nobody can read which one it took where the log goes elsewhere
        arguments = (f"--config.file={root / 'config.yaml'}", f"--web.listen-address=127.0.0.1:{port}")
        through = ("sh", "-c", process.command.format(folder=root), "sh")
        environment = {name: value.format(folder=root) for name, value in process.environment.items()}
        environment["PYTHONPATH"] = str(root)
        run = running_exporter(*arguments, "--web.enable-lifecycle", through=through, **environment)
        exporter, scraper = stack.enter_context(run), stack.enter_context(Scraper(port))
        scraper.wait(lambda _: True, "the first page came")
        scraper.failed = 0
        yield [Workspace(f"acme{n}", root / f"acme{n}", api, exporter, scraper) for n, api in enumerate(apis)]


def _certificates(folder: Path) -> Pair:
    """Write the certificates that the API may present; return the good one."""
    authority = Authority(folder, "authority")
    Authority(folder, "other").issue("stranger", "127.0.0.1")
    authority.issue("expired", "127.0.0.1", is_expired=True)
    return authority.issue("good", "127.0.0.1")


def descriptors(workspaces: Sequence[Workspace], enough: int = 0) -> int:
    """Count the exporter's descriptors without connections that an API holds open too; try until there are so few."""
    exporter, ports = workspaces[0].exporter, {each.api.port for each in workspaces}
    fewest, deadline = 1 << 20, time.monotonic() + (PATIENCE if enough else 1.0)
    while fewest > enough and time.monotonic() < deadline:
        for each in workspaces:
            each.api.do(each.api.drop_connections())
        workspaces[0].scraper.wait(lambda _: True, "scraped")
        used = _used(ports)
        fewest = min(fewest, sum(each not in used for each in exporter.descriptors()))
    return fewest


def _used(ports: Container[int]) -> set[str]:
    """Return the sockets that are being connected to these ports, or are and have not been closed by the other side."""
    connections = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {f"socket:[{each[9]}]" for each in connections if each[3] in ("01", "02") and int(each[2][-4:], 16) in ports}

"""Fifty reloads of a real process that polls over real sockets: memory and descriptors stay flat.

With one arena, as glibc would give each thread memory of its own, 5 MiB at a moment of its choice.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.certificates import Authority, replace_file
from tests.fake_api import FakeApi
from tests.process import RunningExporter, running_exporter

pytestmark = pytest.mark.slow

CAMPAIGNS = 800
CONFIG = """\
api: {{base_url: "{url}", ca_file: ca.pem, timeout: {timeout}s, max_concurrency: 20, requests_per_second: 5000}}
poll: {{interval: 10s, stale_after: 30s}}
workspaces: [{{name: acme, api_key_file: key, campaigns: [{campaigns}]}}]
"""


def test_fifty_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    arguments = (f"--config.file={tmp_path / 'config.yaml'}", "--web.listen-address=127.0.0.1:0")
    with FakeApi(certificate=authority.issue("api", "127.0.0.1")) as api:
        write(tmp_path, api, 0, authority)
        with running_exporter(*arguments, "--web.enable-lifecycle", MALLOC_ARENA_MAX="1") as exporter:
            memory, descriptors = look_after(range(11), tmp_path, exporter, api, authority)
            last_memory, last_descriptors = look_after(range(11, 51), tmp_path, exporter, api, authority)
            assert exporter.stop() == 0
    print(f"{memory:.1f} to {last_memory:.1f} MiB, {descriptors} to {last_descriptors} descriptors")  # noqa: T201 - for `pytest -s`
    assert last_memory <= memory * 1.08  # configurations that stay would be 20 MiB
    assert last_descriptors <= descriptors + 20  # connections to the API, of which some may be open


def look_after(
    rounds: Iterable[int], folder: Path, exporter: RunningExporter, api: FakeApi, authority: Authority
) -> tuple[float, int]:
    """Reload in the midst of polls, then let all campaigns be polled; return MiB and descriptors that are left."""
    for number in rounds:
        write(folder, api, number, authority)
        assert exporter.reload() == 200
        exporter.wait_for("/metrics", f'leadterra_campaign_up{{workspace="acme",campaign_id="camp_{number}_20"')
        assert api.requests[-1].key == f"sk_{number}"
        api.requests.clear()
    exporter.wait_for("/metrics", "\nleadterra_campaign_up{", count=CAMPAIGNS)
    return exporter.memory(), len(exporter.descriptors())


def write(folder: Path, api: FakeApi, number: int, authority: Authority) -> None:
    """Write other API settings, another key, the CA file anew, and other campaigns in place of half of them."""
    come = [f"camp_{number}_{place}" for place in range(CAMPAIGNS // 2)]
    stay = [f"camp_{place}" for place in range(CAMPAIGNS // 2)]
    api.keys.add(f"sk_{number}")
    replace_file(folder / "key", f"sk_{number}")
    (folder / "key").chmod(0o600)
    replace_file(folder / "ca.pem", authority.pem + "\n" * number)
    text = CONFIG.format(url=api.url, timeout=10 + number, campaigns=", ".join([*come, *stay]))
    replace_file(folder / "config.yaml", text)

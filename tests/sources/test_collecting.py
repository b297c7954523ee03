"""Lists of campaigns in real files: the last good one stays, whatever comes."""

import asyncio
import os
from pathlib import Path
from typing import Any

from exporter.app import Exporter
from exporter.config import load
from exporter.sources import Collected, collect
from tests.build import write_config
from tests.certificates import replace_file
from tests.conftest import run_virtually
from tests.exporting import ids
from tests.polling.world import World


def test_each_file_of_a_pattern_keeps_its_last_good_list(tmp_path: Path) -> None:
    lists = Lists(tmp_path, ["clients/*.yaml"])
    lists.write(clients__a_yaml="[a1, a2]", clients__b_yaml="[b]")
    assert lists.collect() == (["own", "a1", "a2", "b"], [])

    lists.write(clients__a_yaml="[a1, {id: a3, api: x}]", clients__b_yaml="[b, c]")
    ids, (problem,) = lists.collect(200.0)
    assert ids == ["own", "a1", "a2", "b", "c"]
    assert problem.startswith("clients/a.yaml:1:15: [1].api: holds for a workspace")
    (state,) = lists.last.states
    assert (state.up, state.last_success, state.campaigns) == (False, 100.0, 4)

    (tmp_path / "clients" / "a.yaml").unlink()
    assert lists.collect(300.0) == (["own", "b", "c"], [])
    assert (lists.last.states[0].up, lists.last.states[0].last_success) == (True, 300.0)

    (tmp_path / "clients" / "b.yaml").unlink()
    assert lists.collect() == (["own"], [])
    assert lists.last.states[0].campaigns == 0
    assert lists.last.warnings == ('workspace acme: no file fits the pattern "clients/*.yaml"',)


def test_what_cannot_be_had_changes_nothing(tmp_path: Path) -> None:
    lists = Lists(tmp_path, ["clients/*.csv", "one.json"])
    assert lists.collect() == (
        ["own"],
        [
            f"clients/*.csv: {tmp_path}/clients cannot be read: No such file or directory",
            "one.json:1:1: cannot be read: No such file or directory",
        ],
    )
    assert [(state.up, state.last_success, state.campaigns) for state in lists.last.states] == [(False, None, None)] * 2

    lists.write(clients__a_csv="id\na\n", one_json='["b"]')
    assert lists.collect() == (["own", "a", "b"], [])
    (tmp_path / "clients").rename(tmp_path / "away")
    (tmp_path / "one.json").unlink()
    os.mkfifo(tmp_path / "one.json")  # opening it would wait for ever
    ids, problems = lists.collect()
    assert ids == ["own", "a", "b"]
    assert problems[1] == "one.json:1:1: is not a file"
    (tmp_path / "one.json").unlink()
    with (tmp_path / "one.json").open("wb") as file:
        file.truncate(16 * 2**20 + 1)
    assert lists.collect()[1][1] == "one.json:1:1: is larger than 16384 KiB"


def test_the_first_place_of_an_id_counts_and_the_others_are_told(tmp_path: Path) -> None:
    lists = Lists(tmp_path, ["b.yaml", "a.yaml"])
    lists.write(
        b_yaml="[own, v, w, x, y]", a_yaml="[w, own, {id: x, name: a}, y, {id: z, name: v, labels: {client: c}}]"
    )
    assert lists.collect()[0] == ["own", "v", "w", "x", "y", "z"]
    assert lists.last.config.campaigns[3].name == "x"
    labels = [campaign.labels for campaign in lists.last.config.campaigns]
    assert labels == [*[(("client", ""),)] * 5, (("client", "c"),)]  # "" where only a list brings one
    assert lists.last.warnings == (
        f'{tmp_path}/b.yaml: "own" already in campaigns or an earlier list, which counts',
        f'{tmp_path}/a.yaml: "w", "own", "x" and 1 more already in campaigns or an earlier list, which counts',
        f'{tmp_path}/a.yaml: the names "v" stand in another place too: dashboards show them as one',
    )


def test_the_workspace_s_settings_hold_for_the_last_good_list_too(tmp_path: Path) -> None:
    lists = Lists(tmp_path, ["a.yaml"])
    lists.write(a_yaml="[{id: a, poll: {interval: 2m}, sending: {days: sun}}]")
    lists.collect()
    lists.write(a_yaml="[")
    for stale_after, expected in (("20m", (120, 1200)), ("90s", (120, 1200))):  # what does not go together stays
        lists.configure(["a.yaml"], stale_after)
        assert lists.collect()[0] == ["own", "a"]
        poll = lists.last.config.campaigns[1].poll
        assert (poll.interval, poll.stale_after, lists.last.config.campaigns[1].sending.days) == (*expected, (6,))


def test_the_budget_advice_follows_the_number(tmp_path: Path) -> None:
    lists = Lists(tmp_path, ["a.csv"])
    for count, warnings in (
        (1199, ["workspace acme: 1200 campaigns need 20 requests a second, the budget is 10"]),
        (1, []),
    ):
        lists.write(a_csv="id\n" + "".join(f"c{n}\n" for n in range(count)))
        lists.collect()
        assert [warning.partition(": set ")[0] for warning in lists.last.warnings] == warnings


def test_files_that_appear_change_go_or_are_swapped_are_taken_within_five_seconds(tmp_path: Path) -> None:
    """As a ConfigMap's are: links to a folder behind a link."""
    volume = tmp_path / "lists"
    for version, names in (("..1", ("a.csv",)), ("..2", ("a.csv", "b.csv"))):
        (volume / version).mkdir(parents=True)
        for name in names:
            (volume / version / name).write_text(f"id\n{version[2:]}{name[0]}\n")
    (volume / "..data").symlink_to("..1")
    (volume / "a.csv").symlink_to("..data/a.csv")

    async def taken(exporter: Exporter) -> tuple[float, set[str]]:
        """Return when the lists were read last, and the campaigns that are shown."""
        await asyncio.sleep(4.9)
        return (exporter.sources[0].last_success or 0) - 1e9, ids(exporter)

    async def scenario() -> list[tuple[float, set[str]]]:
        async with World() as world:
            await world.run(Lists(tmp_path, ["lists/*.csv"]).config)
            assert ids(world.exporter) == {"own", "1a"}
            (volume / "..new").symlink_to("..2")
            (volume / "..new").rename(volume / "..data")
            found = [await taken(world.exporter)]
            (volume / "b.csv").symlink_to("..data/b.csv")
            found.append(await taken(world.exporter))
            (volume / "a.csv").unlink()
            return [*found, await taken(world.exporter)]

    assert run_virtually(scenario()) == [(2, {"own", "2a"}), (6, {"own", "2a", "2b"}), (10, {"own", "2b"})]


TOKEN = "canary-token-5ecre7"  # noqa: S105 - no real one


class Lists:
    """A configuration file with sources beside their files, and what is collected from them."""

    def __init__(self, folder: Path, sources: list[Any]) -> None:
        self.folder = folder
        self.configure(sources)
        self.last = Collected(self.config)

    def configure(self, sources: list[Any], stale_after: str = "5m") -> None:
        api = {"requests_per_second": 10}
        write_config(self.folder, "https://h", "own", api=api, poll=("1m", stale_after), campaigns_from=sources)
        self.config = load(self.folder / "config.yaml")

    def write(self, **files: str) -> None:
        (self.folder / "clients").mkdir(exist_ok=True)
        for name, text in files.items():
            replace_file(self.folder / name.replace("__", "/").replace("_", "."), text)

    def collect(self, at: float = 100.0) -> tuple[list[str], list[str]]:
        """Return the ids of all campaigns, and what is wrong with the sources."""
        self.last = collect(self.config, self.last, {}, at)
        problems = [problem.removeprefix(f"{self.folder}/") for state in self.last.states for problem in state.problems]
        return [campaign.id for campaign in self.last.config.campaigns], problems

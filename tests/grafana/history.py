"""A day that has been: what the exporter would have shown of the sandbox's campaigns, as a file for Prometheus."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from exporter import stats
from exporter.config import Campaign
from exporter.errors import Failure, Reason
from exporter.exposition import METRICS
from exporter.sandbox import Sandbox
from exporter.store import State
from tests.tools import need

HOUR, DAY = 3600.0, 86400.0
_FAILED = {404: Reason.CAMPAIGN_NOT_FOUND, 500: Reason.SERVER_ERROR}


class Past:
    """The sandbox at any time; `origin` is where its campaigns' stories have their beginning, in Unix time."""

    def __init__(self, keys: Mapping[str, str], origin: float) -> None:
        self._keys = keys
        self._at = origin
        self._sandbox = Sandbox(now=lambda: self._at, origin=origin)

    def read(self, campaign: Campaign, at: float, before: State) -> State:
        """Give what is known of a campaign after a poll at a time, by what was known before."""
        self._at = at
        header = {"Authorization": f"Bearer {self._keys[campaign.workspace]}"}
        answer = self._sandbox.answer("GET", f"/v1/campaigns/{campaign.id}/stats", header)
        if answer.status in _FAILED:
            return replace(before, up=False, error=Failure(_FAILED[answer.status], "failed"))
        return State(campaign, stats.parse(answer.body, campaign.id), at, up=True)

    def stats(self, campaign: Campaign, at: float) -> stats.Stats:
        """Give a campaign's figures at a time."""
        found = self.read(campaign, at, State(campaign)).stats
        assert found is not None
        return found


def lines(past: Past, campaigns: Iterable[Campaign], times: Sequence[float], target: str) -> Iterator[str]:
    """Write what was shown at these times, as OpenMetrics."""
    shown = [(campaign, list(_states(past, campaign, times))) for campaign in campaigns]
    for metric in METRICS:
        yield f"# TYPE {metric.name} gauge\n"
        for campaign, states in shown:
            pairs = (("workspace", campaign.workspace), ("campaign_id", campaign.id), ("campaign", campaign.name))
            identity = ",".join(f'{name}="{value}"' for name, value in (*pairs, *campaign.labels))
            for at, state in zip(times, states, strict=True):
                for own, value in metric.samples(state):
                    extra = f',{metric.label}="{own}"' if metric.label else ""
                    yield f"{metric.name}{{{target},{identity}{extra}}} {value} {at:.3f}\n"
    yield "# EOF\n"


def _states(past: Past, campaign: Campaign, times: Sequence[float]) -> Iterator[State]:
    state = State(campaign)
    for at in times:
        state = past.read(campaign, at, state)
        yield state


def backfill(text: Iterable[str], data: Path) -> None:
    """Put OpenMetrics text into Prometheus' data, before it starts."""
    data.mkdir(exist_ok=True)
    file = data.with_suffix(".txt")
    with file.open("w") as written:
        written.writelines(text)
    command = [need("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(file), str(data)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    file.unlink()

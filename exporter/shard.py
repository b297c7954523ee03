"""Which campaigns are this process's, where several share a configuration."""

from dataclasses import dataclass
from hashlib import blake2b

from exporter.config import Config, Workspace


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `total` processes; `index` counts from 0."""

    index: int = 0
    total: int = 1

    def owns(self, workspace: str, id_: str) -> bool:
        """Whether this shard polls the campaign: rendezvous hashing, so that a new shard moves only its own."""
        return self.total == 1 or self.index == max(range(self.total), key=lambda n: _weight(n, workspace, id_))

    def part_of(self, config: Config) -> Config:
        """Return this shard's targets and its share of each budget, so that all shards together keep to it."""
        if self.total == 1:
            return config
        workspaces = map(self._part_of, config.workspaces)
        return config._replace(workspaces=tuple(workspace for workspace in workspaces if workspace.targets))

    def _part_of(self, whole: Workspace) -> Workspace:
        rate, concurrency = whole.api.requests_per_second / self.total, whole.api.max_concurrency // self.total
        api = whole.api._replace(requests_per_second=rate, max_concurrency=max(1, concurrency))
        campaigns = tuple(campaign for campaign in whole.campaigns if self.owns(whole.name, campaign.id))
        return whole._replace(api=api, campaigns=campaigns, senders=whole.senders if self.owns(whole.name, "") else ())


def _weight(index: int, workspace: str, id_: str) -> bytes:
    return blake2b(f"{index}\0{workspace}\0{id_}".encode(), digest_size=8).digest()

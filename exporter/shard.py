"""Which campaigns are this process's, where several share a configuration."""

from dataclasses import dataclass, replace
from hashlib import blake2b

from exporter.config import Api, Config, Key


@dataclass(frozen=True, slots=True)
class Shard:
    """Stand for one of `total` processes; `index` counts from 0."""

    index: int = 0
    total: int = 1

    def owns(self, key: Key) -> bool:
        """Tell whether this shard polls the campaign: rendezvous hashing, so that a new shard moves only its own."""
        return self.total == 1 or max(range(self.total), key=lambda index: _weight(index, key)) == self.index

    def part_of(self, config: Config) -> Config:
        """Keep this shard's campaigns and its part of what each key allows, so that all shards together keep to it."""
        if self.total == 1:
            return config
        workspaces = (
            replace(
                workspace,
                campaigns=tuple(campaign for campaign in workspace.campaigns if self.owns(campaign.key)),
                api=self._part_of(workspace.api),
            )
            for workspace in config.workspaces
        )
        return replace(config, workspaces=tuple(workspace for workspace in workspaces if workspace.campaigns))

    def _part_of(self, api: Api) -> Api:
        return replace(
            api,
            requests_per_second=api.requests_per_second / self.total,
            max_concurrency=max(1, api.max_concurrency // self.total),
        )


def _weight(index: int, key: Key) -> bytes:
    return blake2b("\0".join((str(index), *key)).encode(), digest_size=8).digest()

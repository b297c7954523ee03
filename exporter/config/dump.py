"""The effective configuration as YAML, without secrets."""

from collections.abc import Iterator
from functools import lru_cache
from textwrap import indent
from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.config import durations
from exporter.config.model import Api, Config, Poll, Thresholds, Workspace
from exporter.config.schema import LIMITS

try:
    from yaml import CSafeDumper as _BaseDumper
except ImportError:  # PyYAML was built without libyaml: the same, but slower
    from yaml import SafeDumper as _BaseDumper  # type: ignore[assignment]  # has what we use of the other


class _Dumper(_BaseDumper):
    def ignore_aliases(self, _: Any) -> bool:
        return True  # campaigns share their limits: people read them better written out


def dump(config: Config) -> str:
    """Write a configuration with every default filled in; loading it gives an equal one.

    Keys are named, never shown. Only a proxy's masked password does not survive. It is written campaign by campaign:
    in one go, that of ten thousand keeps all other threads waiting for half a second.
    """
    return "".join(["workspaces:\n", *(text for workspace in config.workspaces for text in _workspace(workspace))])


def _workspace(workspace: Workspace) -> Iterator[str]:
    key = workspace.key
    source = {"api_key_file": str(key.file)} if key.file else {"api_key_env": key.env}
    yield _written([{"name": workspace.name, **source, "api": _api(workspace.api)}])
    yield "  campaigns:\n" if workspace.campaigns else "  campaigns: []\n"
    for campaign in workspace.campaigns:
        own = {"id": campaign.id, "name": campaign.name, "labels": dict(campaign.labels)}
        yield indent(_written([own]), "  ")
        yield _poll(campaign.poll)
        yield _thresholds(campaign.thresholds)


def _written(document: Any) -> str:
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def _api(api: Api) -> dict[str, Any]:
    return {
        "base_url": api.base_url,
        "timeout": durations.write(api.timeout),
        "max_concurrency": api.max_concurrency,
        "requests_per_second": _tidy(api.requests_per_second),
        "retries": api.retries,
        "proxy_url": _masked(api.proxy_url),
        "ca_file": str(api.ca_file) if api.ca_file else None,
    }


@lru_cache(maxsize=1000)  # most campaigns share them
def _poll(poll: Poll) -> str:
    written = {"interval": durations.write(poll.interval), "stale_after": durations.write(poll.stale_after)}
    return indent(_written({"poll": written}), "    ")


@lru_cache(maxsize=1000)
def _thresholds(thresholds: Thresholds) -> str:
    written: dict[str, Any] = {}
    for figure, section in LIMITS.items():
        form = durations.write if figure == "queue_drain" else _tidy
        limits = {severity: getattr(getattr(thresholds, figure), severity) for severity in section.keys}
        written[figure] = {severity: None if limit is None else form(limit) for severity, limit in limits.items()}
    return indent(_written({"thresholds": {**written, "min_emails_sent": thresholds.min_emails_sent}}), "    ")


def _tidy(number: float) -> float:
    return int(number) if number == int(number) else number


def _masked(url: str | None) -> str | None:
    user, at, _ = urlsplit(url or "").netloc.rpartition("@")
    if not at or url is None:
        return url
    name, colon, _ = user.partition(":")
    return url.replace(f"{user}@", f"{name}:<secret>@" if colon else "<secret>@", 1)

"""The effective configuration as YAML, without secrets."""

from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.config import durations
from exporter.config.model import Api, Campaign, Config, Poll, Thresholds, Workspace
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

    Keys are named, never shown. Only a proxy's masked password does not survive.
    """
    document = {"workspaces": [_workspace(workspace) for workspace in config.workspaces]}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _workspace(workspace: Workspace) -> dict[str, Any]:
    key = workspace.key
    return {
        "name": workspace.name,
        **({"api_key_file": str(key.file)} if key.file else {"api_key_env": key.env}),
        "api": _api(workspace.api),
        "campaigns": [_campaign(campaign) for campaign in workspace.campaigns],
    }


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


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "name": campaign.name,
        "labels": dict(campaign.labels),
        "poll": _poll(campaign.poll),
        "thresholds": _thresholds(campaign.thresholds),
    }


def _poll(poll: Poll) -> dict[str, str]:
    return {"interval": durations.write(poll.interval), "stale_after": durations.write(poll.stale_after)}


def _thresholds(thresholds: Thresholds) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for figure, section in LIMITS.items():
        form = durations.write if figure == "queue_drain" else _tidy
        limits = {severity: getattr(getattr(thresholds, figure), severity) for severity in section.keys}
        written[figure] = {severity: None if limit is None else form(limit) for severity, limit in limits.items()}
    return {**written, "min_emails_sent": thresholds.min_emails_sent}


def _tidy(number: float) -> float:
    return int(number) if number == int(number) else number


def _masked(url: str | None) -> str | None:
    user, at, _ = urlsplit(url or "").netloc.rpartition("@")
    if not at or url is None:
        return url
    name, colon, _ = user.partition(":")
    return url.replace(f"{user}@", f"{name}:<secret>@" if colon else "<secret>@", 1)

"""A configuration of one workspace, for the real command."""

from pathlib import Path

KEY = "sk_test_sandbox_acme"


CONFIG = """\
api: {{base_url: {url}, timeout: 2s, requests_per_second: 1000}}
poll: {{interval: 1s, stale_after: 3s}}
workspaces: [{{name: acme, api_key_file: key, campaigns: [{campaigns}]}}]
"""


def write_config(folder: Path, url: str, *campaigns: str, key: str = KEY, old: str = "", new: str = "") -> str:
    """Write a configuration, with `new` text in place of the `old`; return the flag for it."""
    (folder / "key").touch(0o600)
    (folder / "key").write_text(key)
    (folder / "config.yaml").write_text(CONFIG.format(url=url, campaigns=", ".join(campaigns)).replace(old, new or old))
    return f"--config.file={folder / 'config.yaml'}"


def series(name: str, campaign: str) -> str:
    return f'leadterra_campaign_{name}{{workspace="acme",campaign_id="{campaign}",campaign="{campaign}"}}'

"""The demo's workspaces, its keys, and the configuration that polls them."""

WORKSPACES = {
    "sk_test_sandbox_acme": {
        "camp_123": "finished",  # answers the documented example, whatever its story
        "camp_healthy": "healthy",
        "camp_bouncing": "bouncing",
        "camp_backlog": "backlog",
        "camp_paused": "paused",
        "camp_finished": "finished",
        "camp_draft": "draft",
        "camp_flaky": "flaky",
    },
    "sk_test_sandbox_globex": {"camp_board": "healthy", "camp_partners": "healthy"},
    "sk_test_sandbox_orphan": None,
}

_CONFIG = """\
api:
  base_url: {base_url}
poll:
  interval: 5s
  stale_after: 30s
thresholds:
  bounce_ratio: {{warning: 0.03, critical: 0.05}}
  reply_ratio: {{info: 0.01}}
  min_emails_sent: 50
workspaces:
  - name: acme
    api_key_env: {first}
    labels: {{team: growth}}
    campaigns:
      - camp_123
      - {{id: camp_healthy, name: VP Sales EMEA, labels: {{client: northwind}}}}
      - {{id: camp_bouncing, name: Trade fair list 2019, labels: {{client: initech}}}}
      - id: camp_backlog
        name: SaaS founders DACH
        labels: {{client: northwind}}
        thresholds:
          emails_queued: {{warning: 2000, critical: 5000}}
      - {{id: camp_paused, name: CTO reactivation, labels: {{client: initech}}}}
      - {{id: camp_finished, name: Webinar follow-up}}
      - {{id: camp_draft, name: Spring launch}}
      - {{id: camp_flaky, name: RevOps Nordics, labels: {{client: northwind}}}}
      - {{id: camp_gone, name: Deleted last week}}
  - name: globex
    api_key_env: {second}
    labels: {{team: agency}}
    campaigns:
      - id: camp_board
        name: Board members
        thresholds:
          bounce_ratio: {{warning: 0.005, critical: 0.02}}
      - {{id: camp_partners, name: Channel partners}}
"""


def demo_config(base_url: str, key_env: str) -> str:
    """Write the configuration, as YAML, that polls the demo's campaigns at `base_url`."""
    first, second = demo_keys(key_env)
    return _CONFIG.format(base_url=base_url, first=first, second=second)


def demo_keys(key_env: str) -> dict[str, str]:
    """Name the environment variables that `demo_config` refers to, with the keys to set them to."""
    acme, globex, _ = WORKSPACES
    return {key_env: acme, f"{key_env}_2": globex}

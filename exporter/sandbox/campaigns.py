"""Simulated campaigns and senders: each figure follows from the seed, what it is of and the time since the origin."""

import json
import math
import random
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exporter.api.endpoints import FIELDS

_DAY = 86400.0
_IN_FLIGHT = 180.0  # seconds from sending to the receiving server's answer
_STEP_GAP = 3.0  # days between a lead's first mail and the follow-ups
_NEXT_STEP = 0.9  # the share of leads that still gets the next step
_WORST_BOUNCE_RATIO = 0.12
_RATIO_AT_ORIGIN = 0.027  # of the bouncing one: past 3 % ten minutes later, past 5 % after little more than an hour
_FLAKY_SLOT = 10.0  # seconds
_FLAKY_ONE_IN = 4
_DAY_AT_ORIGIN = 0.4
_DRY_AT = 0.625  # of the day, when the first pool has sent all that it may
_PAUSED_FROM = 0.5  # of the day, when its first account is paused; until midnight
_DOCUMENTED = (500, 480, 471, 9, 38, 20, 0.42, 0.08)  # the figures of camp_123 in the API's documentation, in order


@dataclass(frozen=True, slots=True)
class SimulatedCampaign:
    """A campaign's parameters; counts are leads or emails, days are days of sandbox time.

    `leads` are enrolled at the start and again every `refill` days. Each gets a first mail, at most `per_day` of them
    a day, and `steps` - 1 follow-ups. Nothing is sent after day `stops`. From mail number `bad_from` on, the share
    `bad_bounce_ratio` bounces instead of `bounce_ratio`.
    """

    age: float = 0.0  # days from the campaign's start to the origin
    leads: int = 0
    per_day: int = 0
    refill: float = math.inf
    stops: float = math.inf
    steps: int = 1
    bounce_ratio: float = 0.012
    bad_from: float = math.inf
    bad_bounce_ratio: float = 0.0
    reply_ratio: float = 0.03
    open_ratio: float = 0.45
    flaky: bool = False

    def body(self, campaign_id: str, time: float) -> bytes:
        """Return the answer `time` seconds after the origin; a documented field without a simulated figure is null."""
        if campaign_id == "camp_123":
            example = dict(zip(FIELDS, _DOCUMENTED, strict=False))
            return json.dumps({"campaignId": campaign_id, **example}, indent=2).encode()
        figures = self.figures(time)
        return json.dumps({"campaignId": campaign_id} | {field: figures.get(field) for field in FIELDS}).encode()

    def figures(self, time: float) -> dict[str, int | float | None]:
        """Return the eight figures; a ratio of nothing delivered is None."""
        day, answered = self._day(time), self.answered(time)
        bad = max(0.0, answered - self.bad_from) * (self.bad_bounce_ratio - self.bounce_ratio)
        bounced = int(min(self.bounce_ratio * answered + bad, _WORST_BOUNCE_RATIO * answered))
        delivered = answered - bounced
        opened, replied = int(self.open_ratio * delivered), int(self.reply_ratio * delivered)
        return {
            "totalEnrolled": self._enrolled(day),
            "sent": self._sent(day),
            "delivered": delivered,
            "bounced": bounced,
            "replied": replied,
            "queued": self._enrolled(day) - self._first_mails(day),
            "openRate": round(opened / delivered, 2) if delivered else None,
            "replyRate": round(replied / delivered, 2) if delivered else None,
        }

    def answered(self, time: float) -> int:
        """Return how many mails were delivered or bounced by `time` seconds after the origin."""
        return self._sent(self._day(time - _IN_FLIGHT))

    def _day(self, time: float) -> float:
        return min(max(0.0, self.age + time / _DAY), self.stops)

    def _enrolled(self, day: float) -> int:
        return self.leads * (1 + int(day / self.refill))

    def _first_mails(self, day: float) -> int:
        whole, part = divmod(day, 1)  # most is sent around noon, nine times as much as around midnight
        sending_days = whole + part - 0.8 * math.sin(2 * math.pi * part) / (2 * math.pi)
        return min(self._enrolled(day), int(self.per_day * sending_days))

    def _sent(self, day: float) -> int:
        starts = ((_NEXT_STEP**step, day - step * _STEP_GAP) for step in range(self.steps))
        return sum(int(share * self._first_mails(start)) for share, start in starts if start > 0)


SCENARIOS = {
    "healthy": SimulatedCampaign(age=9.4, leads=240, per_day=240, refill=1, steps=3),
    "bouncing": SimulatedCampaign(age=1.4, leads=1500, per_day=1500, refill=1, bad_bounce_ratio=0.4),
    "backlog": SimulatedCampaign(age=6.4, leads=9000, per_day=250, refill=30),
    "paused": SimulatedCampaign(age=8.4, leads=2500, per_day=300, stops=6.4, steps=2),
    "finished": SimulatedCampaign(age=16.4, leads=1200, per_day=300, stops=14, steps=3),
    "draft": SimulatedCampaign(),
    "flaky": SimulatedCampaign(age=5.4, leads=180, per_day=180, refill=1, steps=2, flaky=True),
}

WORKSPACES = {
    "sk_test_sandbox_acme": {
        "camp_123": "finished",  # answers the documented example, whatever its scenario
        "camp_healthy": "healthy",
        "camp_bouncing": "bouncing",
        "camp_backlog": "backlog",
        "camp_paused": "paused",
        "camp_finished": "finished",
        "camp_draft": "draft",
        "camp_flaky": "flaky",
    },
    "sk_test_sandbox_globex": {"camp_board": "healthy", "camp_partners": "healthy"},
}

KEYS = {"LEADTERRA_SANDBOX_KEY": "sk_test_sandbox_acme", "LEADTERRA_SANDBOX_KEY_2": "sk_test_sandbox_globex"}
"""The environment variables that demo.yaml refers to, with the keys to set them to."""


def demo_config(base_url: str) -> str:
    """Return the configuration, as YAML, that polls these campaigns at `base_url`."""
    return Path(__file__).with_name("demo.yaml").read_text(encoding="utf-8").replace("http://sandbox:10422", base_url)


def simulate(scenario: str, seed: int, campaign_id: str) -> SimulatedCampaign:
    """Return a campaign of a scenario, with figures of its own. Raises KeyError for an unknown scenario."""
    chance = random.Random(f"{seed}/{campaign_id}")  # noqa: S311 - figures for a demo, and they must repeat
    campaign, size = SCENARIOS[scenario], chance.uniform(0.9, 1.1)
    campaign = replace(
        campaign,
        leads=round(campaign.leads * size),
        per_day=round(campaign.per_day * size),
        bounce_ratio=chance.uniform(0.008, 0.015),
        reply_ratio=chance.uniform(0.02, 0.05),
        open_ratio=chance.uniform(0.35, 0.55),
    )
    if not campaign.bad_bounce_ratio:
        return campaign
    rise = (_RATIO_AT_ORIGIN - campaign.bounce_ratio) / (campaign.bad_bounce_ratio - campaign.bounce_ratio)
    return replace(campaign, bad_from=campaign.answered(0) * (1 - rise))


def fails(seed: int, campaign_id: str, elapsed: float) -> bool:
    """Return whether a flaky campaign answers 500, `elapsed` real seconds after the origin; never in the first ten."""
    slot = int(elapsed / _FLAKY_SLOT)
    return slot > 0 and zlib.crc32(f"{seed}/{campaign_id}/{slot}".encode()) % _FLAKY_ONE_IN == 0


def senders(endpoint: str, workspace: int, time: float) -> bytes:
    """Return the answer of `sender-pools` or `sender-accounts` `time` seconds after the origin.

    The number of the workspace decides on its shape, as the API's documentation shows several.
    """
    day, shape = (time / _DAY + _DAY_AT_ORIGIN) % 1, workspace % 4
    statuses = {"sa_000": "paused" if day >= _PAUSED_FROM else "active"}
    statuses |= {f"sa_{number:03}": "active" for number in range(1, 8)}
    statuses |= {f"sa_1{number:02}": "warming" for number in range(3)}
    if endpoint == "sender-accounts":
        accounts = [
            {"id": id_, "email": f"{id_}@sandbox.invalid", "name": f"Sandbox Sender {id_}", "status": status}
            for id_, status in statuses.items()
        ]
        return json.dumps({"data": accounts} if shape % 2 else accounts).encode()
    left, ids = "remainingToday" if shape == 1 else "remainingVolume", sorted(statuses)
    pools: list[dict[str, Any]] = [
        {"id": "pool_primary", "name": "Primary Outbound", "dailyCapacity": 2000, "senderAccountIds": ids[:8]},
        {"id": "pool_warmup", "name": "Warm-Up Pool", "dailyCapacity": 300, "senderAccountIds": ids[8:], left: 300},
    ]
    pools[0][left] = 2000 - int(2000 * min(1.0, day / _DRY_AT))
    for pool in pools if shape else ():
        pool["senderCount"] = len(pool.pop("senderAccountIds"))
    return json.dumps((pools, {"senderPools": pools}, {"pools": pools}, {"data": pools})[shape]).encode()

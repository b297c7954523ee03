"""Campaigns that live: each figure is a pure function of the seed, the campaign and the time since the origin."""

import json
import math
import random
import zlib
from dataclasses import dataclass, replace

_DAY = 86400.0
_SETTLING = 180.0  # seconds from sending to the receiving server's verdict; until then a mail is in flight
_STEP_GAP = 3.0  # days between a lead's first mail and the follow-ups
_ANSWERED_OR_GONE = 0.9  # the share of leads that still gets the next step
_WORST = 0.12  # a rotten list's bounce ratio climbs no further
_FLAKY_SLOT = 10.0  # seconds
_FLAKY_ONE_IN = 4

DOCUMENTED_ID = "camp_123"
DOCUMENTED = b"""{
  "campaignId": "camp_123",
  "totalEnrolled": 500,
  "sent": 480,
  "delivered": 471,
  "bounced": 9,
  "replied": 38,
  "queued": 20,
  "openRate": 0.42,
  "replyRate": 0.08
}"""


@dataclass(frozen=True, slots=True)
class Story:
    """Describe a campaign's life by its dials; counts are leads or emails, days are days of sandbox time.

    `leads` are enrolled at the start and again every `refill` days. Each gets a first mail, at most `per_day` of them
    a day, and `steps` - 1 follow-ups. Nothing is sent after day `stops`. From mail number `turn` on, the share
    `rotten` bounces instead of `bounces`.
    """

    age: float = 0.0  # days from the campaign's start to the origin
    leads: int = 0
    per_day: int = 0
    refill: float = math.inf
    stops: float = math.inf
    steps: int = 1
    bounces: float = 0.012
    turn: float = math.inf
    rotten: float = 0.0
    replies: float = 0.03
    opens: float = 0.45
    flaky: bool = False

    def body(self, campaign_id: str, time: float) -> bytes:
        """Write the nine documented fields as they are `time` seconds after the origin."""
        if campaign_id == DOCUMENTED_ID:
            return DOCUMENTED
        return json.dumps({"campaignId": campaign_id} | self.figures(time)).encode()

    def figures(self, time: float) -> dict[str, int | float | None]:
        """Give the eight figures; a ratio of nothing delivered is None."""
        day, settled = self._day(time), self.settled(time)
        bounced = self._bounced(settled)
        delivered = settled - bounced
        replied = int(self.replies * delivered)
        return {
            "totalEnrolled": self._enrolled(day),
            "sent": self._sent(day),
            "delivered": delivered,
            "bounced": bounced,
            "replied": replied,
            "queued": self._enrolled(day) - self._first_mails(day),
            "openRate": _rate(int(self.opens * delivered), delivered),
            "replyRate": _rate(replied, delivered),
        }

    def settled(self, time: float) -> int:
        """Count the mails that were delivered or bounced by `time` seconds after the origin."""
        return self._sent(self._day(time - _SETTLING))

    def _day(self, time: float) -> float:
        return min(max(0.0, self.age + time / _DAY), self.stops)

    def _enrolled(self, day: float) -> int:
        return self.leads * (1 + int(day / self.refill))

    def _first_mails(self, day: float) -> int:
        return min(self._enrolled(day), int(self.per_day * _mailing_days(day)))

    def _sent(self, day: float) -> int:
        starts = ((_ANSWERED_OR_GONE**step, day - step * _STEP_GAP) for step in range(self.steps))
        return sum(int(share * self._first_mails(start)) for share, start in starts if start > 0)

    def _bounced(self, settled: int) -> int:
        rotten = max(0.0, settled - self.turn) * (self.rotten - self.bounces)
        return int(min(self.bounces * settled + rotten, _WORST * settled))


_BOUNCING = "bouncing"
_RATIO_AT_ORIGIN = 0.027  # of the bouncing one: past 3 % ten minutes later, past 5 % after little more than an hour

STORIES = {
    "healthy": Story(age=9.4, leads=240, per_day=240, refill=1, steps=3),
    _BOUNCING: Story(age=1.4, leads=1500, per_day=1500, refill=1, rotten=0.4),
    "backlog": Story(age=6.4, leads=9000, per_day=250, refill=30),
    "paused": Story(age=8.4, leads=2500, per_day=300, stops=6.4, steps=2),
    "finished": Story(age=16.4, leads=1200, per_day=300, stops=14, steps=3),
    "draft": Story(),
    "flaky": Story(age=5.4, leads=180, per_day=180, refill=1, steps=2, flaky=True),
}


def cast(story: str, seed: int, campaign_id: str) -> Story:
    """Give a campaign the named story with figures of its own. Raises KeyError for an unknown story."""
    dice = random.Random(f"{seed}/{campaign_id}")  # noqa: S311 - figures for a demo, and they must repeat
    told, size = STORIES[story], dice.uniform(0.9, 1.1)
    told = replace(
        told,
        leads=round(told.leads * size),
        per_day=round(told.per_day * size),
        bounces=dice.uniform(0.008, 0.015),
        replies=dice.uniform(0.02, 0.05),
        opens=dice.uniform(0.35, 0.55),
    )
    return _turned(told) if story == _BOUNCING else told


def fails(seed: int, campaign_id: str, elapsed: float) -> bool:
    """Tell whether a flaky campaign answers 500, `elapsed` real seconds after the origin; never in the first ten."""
    slot = int(elapsed / _FLAKY_SLOT)
    return slot > 0 and zlib.crc32(f"{seed}/{campaign_id}/{slot}".encode()) % _FLAKY_ONE_IN == 0


def _turned(story: Story) -> Story:
    settled = story.settled(0)
    rotten = settled * (_RATIO_AT_ORIGIN - story.bounces) / (story.rotten - story.bounces)
    return replace(story, turn=settled - rotten)


def _mailing_days(day: float) -> float:
    whole, part = divmod(day, 1)  # most is sent around noon, nine times as much as around midnight
    return whole + part - 0.8 * math.sin(2 * math.pi * part) / (2 * math.pi)


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 2) if whole else None

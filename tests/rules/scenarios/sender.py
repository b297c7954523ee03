"""A small model of a campaign's life: when it sends, what bounces, and what happens to those who watch it.

Times are hours since a Monday at 00:00. There is a value every five minutes, as often as the rules are evaluated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby

from tests.rules.promtool import DEFAULTS, JOB, Series, bare, series, target

STEP = 5 / 60
STALE = "stale"

Clock = Callable[[float], float]
Spans = Sequence[tuple[float, float]]


def office(hour: float) -> bool:
    """Return whether it is between 9 and 17 on a weekday."""
    return hour % 168 < 120 and 9 <= hour % 24 < 17


def always(_: float) -> bool:
    return True


def within(spans: Spans, hour: float) -> bool:
    """Return whether a time is in one of these spans; their ends are not."""
    return any(since - 1e-9 <= hour < until - 1e-9 for since, until in spans)


def sends(per_hour: float, when: Callable[[float], bool] = always, pauses: Spans = ()) -> Clock:
    """Return how many emails an hour are sent at a time: so many, except in pauses."""
    return lambda hour: per_hour if when(hour) and not within(pauses, hour) else 0.0


@dataclass(frozen=True)
class Life:
    """A campaign and what the exporter shows of it."""

    days: float
    rate: Clock
    share: Clock = lambda _: 0.02
    """How much of what is sent bounces."""
    queued: Clock = lambda _: 300
    expected: Callable[[float], bool] = always
    sent: int = 1000
    bounced: int = 20
    """The totals that it begins with."""
    confirmed_until: float = 1e9
    delay: float = 0.0
    """Hours from an email to its confirmation, and when confirmations end."""
    anew: float = 1e9
    """When it is created anew under the same id."""
    failing: Spans = ()
    reason: str = "timeout"
    """When the API does not answer, and why."""
    away: Spans = ()
    """When the exporter, or the campaign in its configuration, is not there."""
    limits: Mapping[str, str] = field(default_factory=dict)

    def steps(self) -> Iterator[dict[str, float | str]]:
        """Yield what is shown at each step by short name; of a failing API the last reading once more, then nothing."""
        hours = [step * STEP for step in range(round(self.days * 24 / STEP) + 1)]
        sent = self._total(self.sent, [self.rate(hour) for hour in hours])
        bounced = self._total(self.bounced, [self.rate(hour) * self.share(hour) for hour in hours])
        limits = {short: float(value) for short, value in {**DEFAULTS, **self.limits}.items() if value}
        lag, end, success = round(self.delay / STEP), round(min(self.confirmed_until, hours[-1]) / STEP), 0.0
        read: dict[str, float | str] = {}
        for step, hour in enumerate(hours):
            fails, confirmed = within(self.failing, hour), min(step, end)
            if not fails:
                delivered = max(sent[max(confirmed - lag, 0)] - bounced[confirmed], 0)
                success = hour * 3600
                read = {"sent": sent[step], "delivered": delivered, "bounced": bounced[step]}
                read["queued"] = self.queued(hour)
            elif within(self.failing, hour - STEP):
                read = dict.fromkeys(read, STALE)
            shown = read | limits | {"expected": float(self.expected(hour)), "up": float(not fails)}
            shown |= {f"error_{self.reason}": 1.0 if fails else STALE, "last_success": success}
            yield dict.fromkeys(shown, STALE) if within(self.away, hour) else shown

    def _total(self, start: float, rates: Sequence[float]) -> list[float]:
        """Add up what a total is before each step."""
        sums = [start + total for total in accumulate((rate * STEP for rate in rates), initial=0.0)]
        begin = round(self.anew / STEP)
        return [float(int(each - (sums[begin] if step >= begin else 0) + 1e-6)) for step, each in enumerate(sums[:-1])]


def shown(lives: Mapping[str, Life]) -> list[Series]:
    """Write campaigns, by `workspace/id`; of `c1@x-0` the instance too."""
    found: list[Series] = []
    for name, life in lives.items():
        who, _, instance = name.partition("@")
        steps = list(life.steps())
        values = {short: write([step[short] for step in steps]) for short in steps[0]}
        found += bare(who, {"instance": f"{instance}:10421"} if instance else {}, **values)
    return found


def exporter(days: float, away: Spans = ()) -> Series:
    """Write the `up` of the exporter's target: 0 while it is away."""
    hours = [step * STEP for step in range(round(days * 24 / STEP) + 1)]
    return target(write([float(not within(away, hour)) for hour in hours]))


def shards(total: int, there: Mapping[str, str], **more: str) -> Iterator[Series]:
    """Write the shards by name, x-0 and so on, with when each is there; all of them were told `total`."""
    for name, values in there.items():
        labels = {"job": JOB, "instance": f"{name}:10421", "pod": name, **more}
        yield target(values, **labels)
        yield series("leadterra_exporter_shards", values.replace("1x", f"{total}x"), **labels)
        index = name.split("-")[1]
        yield series("leadterra_exporter_shard_info", values, **labels, index=index, total=str(total))


def total(rate: Clock, hours: float, step: float) -> str:
    """Write what is sent in all, at so many hours a step, from 0 on."""
    sums = accumulate((rate(at * step) * step for at in range(round(hours / step))), initial=0.0)
    return write(list(sums))


def write(values: Sequence[float | str]) -> str:
    """Write values in promtool's notation; of several stale markers in a row, one."""
    return " ".join(_run(value, len(list(run))) for value, run in groupby(values))


def _run(value: float | str, times: int) -> str:
    if isinstance(value, str):
        return f"{value} _x{times - 1}" if times > 1 else value
    return f"{value:g}x{times - 1}" if times > 1 else f"{value:.10g}"

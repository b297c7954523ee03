"""How often two rules for a bounce ratio are wrong, and how soon they are right: `python -m tests.rules.simulate`.

Each campaign sends EMAILS emails, of which each bounces with the same probability; both rules are evaluated after
every email. The table is in docs/alerts.md, where a test holds it to what this prints.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from statistics import median_low

from exporter.web.evaluation import surely

EMAILS = 2_000
CAMPAIGNS = 4_000
SEED = 20_261_126
MIN_EMAILS_SENT = 50  # of the plain rule
MIN_EMAILS_BOUNCED = 5

Rule = Callable[[int, int, float], int | None]
"""From the bounces and emails at a bounce, returns after how many emails the alert fires, None if it does not."""


def plain(bounced: int, sent: int, limit: float) -> int | None:
    """Return when bounced/sent is above the limit and at least MIN_EMAILS_SENT are sent."""
    judged = max(sent, MIN_EMAILS_SENT)
    return judged if bounced / judged > limit else None


def surely_above(bounced: int, sent: int, limit: float) -> int | None:
    """Return when the lower end of the ratio's Wilson interval is above the limit, as the status page judges it."""
    return sent if bounced >= MIN_EMAILS_BOUNCED and surely(bounced, sent) > limit else None


COLUMNS: dict[str, tuple[Rule, float]] = {
    "over 3 % after 50 emails": (plain, 0.03),
    "over 5 % after 50 emails": (plain, 0.05),
    "surely above 3 %": (surely_above, 0.03),
    "surely above 5 %": (surely_above, 0.05),
}
HEALTHY = (0.01, 0.02)
BAD = (0.06, 0.10, 0.20, 0.50)


def campaigns(probability: float, count: int) -> Iterator[list[int]]:
    """Return for each campaign which of its emails bounce, by number."""
    chance = random.Random(f"{SEED} {probability}")  # noqa: S311 - a simulation wants the same chance again
    for _ in range(count):
        yield [number for number in range(1, EMAILS + 1) if chance.random() < probability]


def alerted_after(bounces: Sequence[int], rule: Rule, limit: float) -> int | None:
    """Return after how many emails the alert fires, None if it never does."""
    found = (rule(bounced, sent, limit) for bounced, sent in enumerate(bounces, 1))
    return next((sent for sent in found if sent is not None), None)


def row(probability: float, count: int) -> list[str]:
    """Return one row: how many of 100 alert, and of bad campaigns after how many emails (median of those that do)."""
    simulated, cells = list(campaigns(probability, count)), []
    for rule, limit in COLUMNS.values():
        alerted = [sent for bounces in simulated if (sent := alerted_after(bounces, rule, limit)) is not None]
        cells.append(f"{100 * len(alerted) / count:.1f} of 100".replace(".0 ", " "))
        if probability in BAD:
            cells[-1] = f"{median_low(alerted)} emails" + (f" ({cells[-1]})" if len(alerted) < count else "")
    return [f"{'healthy' if probability in HEALTHY else 'bad'}, {probability:.0%}".replace("%", " %"), *cells]


def table(count: int = CAMPAIGNS) -> str:
    """Return the table, simulated with `count` campaigns a row."""
    rows = [["campaign bounces", *COLUMNS], ["---"] * (1 + len(COLUMNS)), *(row(each, count) for each in HEALTHY + BAD)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - a program's output

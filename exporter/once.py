"""Every campaign polled once: the page on stdout, and on stderr what came of it, for people."""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from exporter.app import Exporter
from exporter.config import SenderList, load
from exporter.exposition import Format
from exporter.options import ServeOptions
from exporter.serve import write
from exporter.sources import SourceState
from exporter.store import State
from exporter.telemetry import Telemetry
from exporter.web.evaluation import NOTHING_SEEN, Evaluation, evaluate_all, number

_COLUMNS = {"STATE": "<", "WORKSPACE": "<", "CAMPAIGN": "<", "SENT": ">", "BOUNCED": ">", "QUEUED": ">", "WHY": "<"}


async def once(given: ServeOptions) -> int:
    """Poll every campaign once; return the exit status. Raises ConfigError, AccessError and OutputError."""
    telemetry = Telemetry(of_process=False, of_exporter=False)
    exporter = Exporter(given.config_file, load(given.config_file), shard=given.shard, telemetry=telemetry)
    all_succeeded = await exporter.poll_once()
    await exporter.stop()
    write(exporter.page.render(Format.TEXT))
    campaigns = exporter.store.states()
    if sys.stderr.isatty():
        print(table(evaluate_all(campaigns, lambda _: NOTHING_SEEN, time.time())), file=sys.stderr)
    if not all_succeeded:
        everything = [*campaigns, *exporter.store.states(SenderList.kind)]
        print(*_failures(everything, exporter.sources), sep="\n", file=sys.stderr)
    return 0 if all_succeeded else 1


def table(evaluations: Sequence[Evaluation]) -> str:
    """Return campaigns as a table, with the words of the status page and in its order."""
    rows = [tuple(_COLUMNS), *map(_row, evaluations)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip(_COLUMNS.values(), widths, strict=True))
    return "\n".join(form.format(*row).rstrip() for row in rows)


def _row(evaluation: Evaluation) -> Sequence[str]:
    campaign, stats = evaluation.state.target, evaluation.state.reading
    name = campaign.id if campaign.name == campaign.id else f"{campaign.name} ({campaign.id})"
    counts = (stats.sent, stats.bounced, stats.queued) if stats else (None, None, None)
    figures = ["-" if count is None else number(count) for count in counts]
    why = "; ".join(_reasons(evaluation))
    return [_printable(text) for text in (evaluation.conditions[0], campaign.workspace, name, *figures, why)]


def _reasons(evaluation: Evaluation) -> Iterator[str]:
    if error := evaluation.state.error:
        yield error.detail if error.reason in error.detail else f"{error.reason}: {error.detail}"
    for name in ("bounce_ratio", "emails_queued", "reply_ratio"):
        if (figure := getattr(evaluation, name)).severity:
            yield f"{name} {figure.note}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text.replace("\N{NO-BREAK SPACE}", " "))


def _failures(states: Sequence[State], lists: Sequence[SourceState]) -> Iterator[str]:
    """Yield how many polls and lists failed and why, with what is known of the first of each reason."""
    bad = [each for each in lists if each.problems]
    if bad:
        yield f"{len(bad)} of {len(lists)} lists failed: {_printable(bad[0].problems[0])}"
    by_reason: dict[str, list[str]] = defaultdict(list)
    for state in states:
        if state.error:
            by_reason[state.error.reason].append(f"{state.target.id}: {_printable(state.error.detail)}")
    if by_reason:
        reasons = (f"{len(details)} {reason} ({details[0]})" for reason, details in by_reason.items())
        yield f"{sum(map(len, by_reason.values()))} of {len(states)} polls failed: {'; '.join(reasons)}"

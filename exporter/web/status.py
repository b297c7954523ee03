"""The status page for people, rendered from what is known at one moment; safe to call in any thread."""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from exporter import __version__
from exporter.api import Stats
from exporter.web.campaigns import rfc3339
from exporter.web.evaluation import Evaluation, number
from exporter.web.overview import Overview, Selection

if TYPE_CHECKING:
    import jinja2

MOST_ROWS = 1000  # campaigns that the page lists; all are found by its filters, and are in the JSON
_MOST_CHOICES = 200  # of a label: more are found by typing

_TEMPLATE = Path(__file__).with_name("status.html").read_text(encoding="utf-8")


def _hash(element: str) -> str:
    content = _TEMPLATE.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_hash('style')}; script-src {_hash('script')}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The header that the page is to be sent with: it allows what the page itself holds, and nothing else."""


def render_page(overview: Overview, selection: Selection, telemetry_path: str = "/metrics") -> bytes:
    """Render the page. Links are relative, so that it works behind a proxy that adds a prefix."""
    evaluations = overview.evaluations
    among, found = selection.among(evaluations), selection.of_all(evaluations)
    text = _template().render(
        overview=overview,
        now=overview.now,
        selection=selection,
        rows=found[:MOST_ROWS],
        found=len(found),
        among=len(among),
        counts=Counter(condition for evaluation in among for condition in evaluation.conditions),
        over_a_limit=sum(evaluation.is_over_a_limit for evaluation in among),
        choices=_choices(evaluations),
        nothing_read=Stats(),
        version=__version__,
        telemetry_path=telemetry_path,
    )
    return text.encode()


def _choices(evaluations: Sequence[Evaluation]) -> Mapping[str, list[str]]:
    """Return the workspaces and the values of labels that can be chosen, by the name of their parameter."""
    choices: defaultdict[str, set[str]] = defaultdict(set)
    for evaluation in evaluations:
        campaign = evaluation.state.target
        choices["workspace"].add(campaign.workspace)
        for name, value in campaign.labels:
            choices[f"label.{name}"].add(value)
    return {name: sorted(filter(None, values)) for name, values in choices.items() if 1 < len(values) <= _MOST_CHOICES}


@cache
def _template() -> "jinja2.Template":
    import jinja2  # noqa: PLC0415  # not before the first page: a start need not pay for it

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters: dict[str, Callable[..., object]] = {
        "duration": _duration,
        "number": _or_dash(number),
        "percent": _or_dash(lambda ratio: f"{ratio * 100:.2f}\N{NO-BREAK SPACE}%"),
        "in_path": lambda text: quote(text, safe=""),
        "readable_time": _readable_time,
        "rfc3339": rfc3339,
    }
    environment.filters |= filters
    return environment.from_string(_TEMPLATE)


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _or_dash(words: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda figure: "\N{EN DASH}" if figure is None else words(figure)


def _readable_time(unix_time: float, now: float | None = None) -> str:
    """Return a time in UTC, without the date where it is today's."""
    moment = datetime.fromtimestamp(unix_time, UTC)
    is_today = now is not None and moment.date() == datetime.fromtimestamp(now, UTC).date()
    return moment.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")

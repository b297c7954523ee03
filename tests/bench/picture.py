"""Draw growth as curves over the number of campaigns, once for light and once for dark pages."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.table import number

_INK = {"light": "#1f2328", "dark": "#e6edf3"}
_GRID = {"light": "#d1d9e0", "dark": "#3d444d"}
_CURVES = {"light": ("#0969da", "#bc4c00"), "dark": ("#4493f8", "#f0883e")}
_MARKS = ("o-", "s--")
_INKED = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
_RULES = ("axes.edgecolor", "grid.color")
_SETTINGS: dict[str, object] = {"svg.hashsalt": "growth", "svg.fonttype": "path", "font.size": 10, "axes.titlesize": 10}

Sizes = Sequence[tuple[int, dict[str, dict[str, float]]]]
"""For each number of campaigns the panels, and each panel's values by curve; "" is this exporter."""


def draw(folder: Path, sizes: Sizes) -> None:
    """Write growth-light.svg and growth-dark.svg."""
    for scheme in _INK:
        _draw(folder / f"growth-{scheme}.svg", sizes, scheme)


def _draw(file: Path, sizes: Sizes, scheme: str) -> None:
    matplotlib, figures = (import_module(name) for name in ("matplotlib", "matplotlib.figure"))  # of the group `tools`
    colours = dict.fromkeys(_INKED, _INK[scheme]) | dict.fromkeys(_RULES, _GRID[scheme])
    with matplotlib.rc_context(_SETTINGS | colours):
        figure = figures.Figure(figsize=(10.5, 3.3), layout="constrained")
        panels = list(sizes[0][1])
        for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
            _draw_panel(axes, panel, sizes, scheme)
        figure.savefig(file, transparent=True, metadata={"Date": None})


def _draw_panel(axes: Any, panel: str, sizes: Sizes, scheme: str) -> None:
    campaigns = [size for size, _ in sizes]
    for place, curve in enumerate(sizes[0][1][panel]):
        values = [panels[panel][curve] for _, panels in sizes]
        above = 8 if place else -14
        for point in zip(campaigns, values, strict=True):
            axes.annotate(number(point[1]), point, (0, above), textcoords="offset points", ha="center", fontsize=8)
        axes.plot(campaigns, values, _MARKS[place], color=_CURVES[scheme][place], label=curve or "this exporter")
    axes.set(xscale="log", yscale="log", title=panel, xlabel="campaigns")
    low, high = axes.get_ylim()
    axes.set_ylim(low / 4, high * 4)  # noise is not to look like a slope
    axes.set_xticks(campaigns, [f"{size:,}" for size in campaigns])
    axes.margins(x=0.12)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True)
    if len(axes.lines) > 1:
        axes.legend(frameon=False)

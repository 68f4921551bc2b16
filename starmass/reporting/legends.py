"""Several methods in one plot.

Each has its own look, bars lie side by side, marks show what goes on beyond the edge, and names
stand below the panels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle, product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETDOWN, CARETUP
from matplotlib.transforms import ScaledTranslation

from starmass.reporting import style
from starmass.reporting.typesetting import escape_mathtext

COLOURS = (style.POINTS, style.ACCENT, "#009e73", "#cc79a7", style.INK, "#56b4e9", "#e69f00")
"""Okabe & Ito (2008), yellow left out."""
MARKERS = "osD^vPX"
ASIDE = 3.0
"""Between the places of neighbouring methods [point]: bars that lie on each other can't be read."""
KEY_LINE = 0.15
"""Height of a line of names below the panels [inch]."""
TITLE_LINE = 0.14
"""Height of a line over a panel [inch]."""
KEY_HANDLE = 0.48
"""Width of what stands left of a name [inch]."""


@dataclass(frozen=True)
class Look:
    """How a method is drawn; ``aside`` is how far it stands from its place on the axis [point]."""

    colour: str
    marker: str
    dashes: str
    aside: float


def looks_of(methods: Iterable[str]) -> dict[str, Look]:
    """Return the look of each method; from the eighth on colours come again, with dashed lines."""
    names = list(methods)
    dashes = [*["-"] * len(COLOURS), *["--"] * len(names)]
    middle = (len(names) - 1) / 2
    return {
        name: Look(colour, marker, line, ASIDE * (place - middle))
        for place, (name, colour, marker, line) in enumerate(
            zip(names, cycle(COLOURS), cycle(MARKERS), dashes, strict=False)
        )
    }


def draw_method(
    axes: Axes,
    at: Any,
    value: Any,
    low: Any,
    high: Any,
    look: Look,
    limits: tuple[float, float],
    *,
    joined: bool = True,
) -> Line2D:
    """Draw a method's values with their intervals.

    Arrowheads mark what leaves the ``limits`` of the axis.

    A small head is an interval that goes on, a large open one a value that lies beyond. Arrays are
    [place on the axis].
    """
    at, value, low, high = (np.asarray(numbers, float) for numbers in (at, value, low, high))
    aside = axes.transData + ScaledTranslation(look.aside / 72, 0, axes.figure.dpi_scale_trans)
    bottom, top = limits
    span = top - bottom
    # What is far out is drawn not far out, so that a line leaves the panel at its edge and not at
    # once.
    near = [numbers.clip(bottom - span, top + span) for numbers in (value, low, high)]
    axes.vlines(at, near[1], near[2], color=look.colour, linewidth=0.8, transform=aside)
    dashes = look.dashes if joined else ""
    shown: dict[str, Any] = {"color": look.colour, "markersize": 4, "transform": aside}
    line = axes.plot(at, near[0], linestyle=dashes, marker=look.marker, **shown)[0]
    for edge, head, out, cut in (
        (bottom, CARETDOWN, value < bottom, low < bottom),
        (top, CARETUP, value > top, high > top),
    ):
        for chosen, face, size in ((out, "white", 8), (cut & ~out, look.colour, 4)):
            mark = {
                **shown,
                "marker": head,
                "markersize": size,
                "markerfacecolor": face,
                "markeredgewidth": 0.8,
                "linestyle": "",
            }
            axes.plot(at[chosen], np.full(chosen.sum(), edge), zorder=6, clip_on=False, **mark)
    return line


def wrap_names(names: Mapping[str, str], width: float) -> dict[str, str]:
    """Break names so that they fit the key of a figure of a width [inch]."""
    room = (width - 0.2) / _columns(width) - KEY_HANDLE
    return {key: "\n".join(style.wrap_text(name, room)) for key, name in names.items()}


def key_height(names: Mapping[str, str], width: float) -> float:
    """Return the room [inch] that a key of wrapped names takes in a figure of a width [inch]."""
    lines, columns = [name.count("\n") + 1 for name in names.values()], _columns(width)
    first = -(-len(lines) // columns)
    return KEY_LINE * max(sum(lines[:first]), sum(lines[first:])) + 0.1


def place_key(
    figure: Figure, top: float, handles: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Write wrapped names beside their handles below the panels.

    ``top`` is in inches from the figure's upper edge.
    """
    width, height = figure.get_size_inches()
    shown: dict[str, Any] = {
        "frameon": False,
        "fontsize": 8,
        "handlelength": 2.5,
        "labelspacing": 0.25,
        "borderpad": 0,
        "columnspacing": 1,
    }
    corner = (0.1 / width, 1 - top / height)
    labels = [names[key] for key in handles]
    figure.legend(
        handles.values(),
        labels,
        loc="upper left",
        bbox_to_anchor=corner,
        borderaxespad=0,
        ncols=_columns(width),
        **shown,
    )


def _columns(width: float) -> int:
    return 1 if width < style.TEXT_WIDTH else 2


def panel_titles(labels: Iterable[str], splits: Iterable[str], side: float) -> dict[Any, list[str]]:
    """Return the lines over the panel of each (split, label), no wider than ``side`` [inch]."""
    return {
        (split, label): style.wrap_text(f"{escape_mathtext(label)}, split {split}", side)
        for split, label in product(splits, labels)
    }

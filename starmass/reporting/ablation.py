"""Figures of an ablation: R2 against the values of the setting that was varied.

They also show the difference from the base value, star by star.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table, require_rows
from starmass.reporting.legends import (
    Look,
    draw_method,
    key_height,
    looks_of,
    place_key,
    wrap_names,
)
from starmass.reporting.typesetting import escape_mathtext

NEEDED = (
    "varied",
    "method",
    "label",
    "split",
    "value",
    "base",
    "r2",
    "r2_low",
    "r2_high",
    "r2_difference",
)
LOWEST, OFF = -1.0, -3.0
"""Intervals are cut off below the one, and points below the other."""
LENGTHS = {
    "finest_cell_pc": ("finest cell", "-."),
    "accretion_radius_pc": ("accretion radius", "--"),
}
PANELS = {"r2": r"$R^2$ of $\log_{10} M_\star$", "r2_difference": r"$R^2 - R^2_\mathrm{base}$"}
LEFT, RIGHT, TITLE, GAP, ABOVE = 0.55, 0.08, 0.26, 0.08, 0.4
"""Inches about panels.

They are left and right of a panel, over it for the split's name, between two that share an axis,
and for an axis above.
"""


@dataclass(frozen=True)
class Values:
    """The axis of an ablation: its values as in the table, their places on it, and its label.

    ``scale`` is matplotlib's, or ``names`` where the values have no places of their own;
    ``parsecs`` is the length of one unit of the axis, where it is the size of a beam.
    """

    written: list[str]
    places: np.ndarray
    scale: str
    names: list[str]
    parsecs: float | None


def plot_ablation(
    *,
    ablation: str | Path,
    axis: str,
    rows: Mapping[str, Sequence[str]],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    width: str,
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw a study's ``ablations/{ablation}.csv``, which holds all of ``rows``.

    Each row is a split, method and value.

    ``axis`` says what is varied, with its unit; ``width`` is a key of ``style.WIDTHS``.
    """
    table = read_table(ablation, NEEDED)
    require_rows(ablation, table, **rows)
    with style.journal_style():
        figure = draw_ablation(table, axis, width, footer(simulations))
        style.save_figure(
            figure, outputs, resolution=resolution, title=f"Ablation: {axis}", facts=facts
        )


def draw_ablation(table: pd.DataFrame, axis: str, width: str = "column", below: str = "") -> Figure:
    """Draw two panels a split, R2 and its difference from the base value.

    They are one above the other in a column, and side by side in a text's width.
    """
    page, splits = style.WIDTHS[width], list(dict.fromkeys(table["split"]))
    stacked = width == "column"
    side = page - LEFT - RIGHT if stacked else page / 2 - LEFT - RIGHT
    values = read_values(table, side)
    methods = dict(zip(table["method"], map(escape_mathtext, table["label"]), strict=True))
    base = values.names[values.written.index(table["base"].iloc[0])].replace("\n", " ")
    names = wrap_names({**methods, "": f"open symbols: base ({base})"}, page)
    label = "\n".join(style.wrap_text(escape_mathtext(axis), side, 9))
    under = 0.24 + 0.155 * (max(name.count("\n") for name in values.names) + label.count("\n") + 1)
    above = ABOVE if values.parsecs else 0.0
    heights = (1.35, 1.1) if stacked else (1.75, 1.75)
    block = TITLE + (sum(heights) + GAP if stacked else above + heights[0] + under)
    panels = len(splits) * block + (above + under if stacked else 0)
    height = panels + 0.05 + key_height(names, page) + style.footer_height(below, page)
    figure = Figure(figsize=(page, height))
    looks = looks_of(methods)
    handles: dict[str, Any] = {}
    for line, split in enumerate(splits):
        start = line * block + (above if stacked and line else 0)
        top = start + TITLE + (0 if stacked and line else above)
        rows = table[table["split"] == split]
        style.place_text(figure, LEFT, start + 0.08, f"split: {split}", fontsize=8)
        for place, name in enumerate(PANELS):
            left = LEFT + (0 if stacked else place * page / 2)
            axes = style.place_axes(
                figure,
                left,
                top + (place * (heights[0] + GAP) if stacked else 0),
                side,
                heights[place],
            )
            handles |= _draw_panel(axes, rows, name, values, looks)
            first, last = (
                line == place == 0 or not stacked,
                (line, place) == (len(splits) - 1, 1) or not stacked,
            )
            axes.set(ylabel=PANELS[name], xlabel=label if last else "")
            axes.tick_params(labelbottom=last)
            if values.parsecs:
                _draw_lengths(axes, table, values, named=place == 0, ticked=first)
    look: dict[str, Any] = {"color": style.INK, "markerfacecolor": "white", "linestyle": ""}
    handles[""] = Line2D([], [], marker=next(iter(looks.values())).marker, markersize=4, **look)
    place_key(figure, panels + 0.05, handles, names)
    style.place_footer(figure, below)
    return figure


def read_values(table: pd.DataFrame, width: float) -> Values:
    """Return the values of an ablation and how an axis of a width [inch] shows them."""
    written = list(dict.fromkeys(table["value"]))
    try:
        places = np.array([float(value) for value in written])
        if not np.isfinite(places).all():  # nan and inf are names here
            raise ValueError
    except ValueError:
        room = width / len(written) - 0.06
        names = [
            style.SYMBOLS.get(
                value, "\n".join(style.wrap_text(escape_mathtext(value.replace("_", " ")), room))
            )
            for value in written
        ]
        return Values(written, np.arange(len(written), dtype=float), "names", names, None)
    least = places[places > 0].min(initial=np.inf)
    wide = places.max() >= 4 * least
    scale = "linear" if not wide or places.min() < 0 else "log" if places.min() > 0 else "symlog"
    parsecs = None
    if (table["varied"] == "observation.beam").all() and np.isfinite(least):
        parsecs = float(
            (table["beam_pc"] / table["value"].astype(float))[
                table["value"].astype(float) > 0
            ].iloc[0]
        )
    return Values(written, places, scale, [style.plain_number(place) for place in places], parsecs)


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, name: str, values: Values, looks: Mapping[str, Look]
) -> dict[str, Any]:
    """Draw one number of all methods of a split; return the handle of each method."""
    limits = bounds(rows, name)
    _scale(axes, values)
    axes.axhline(0, color=style.INK, linewidth=0.6, linestyle=":")
    axes.set_ylim(limits)
    handles: dict[str, Any] = {}
    places = dict(zip(values.written, values.places, strict=True))
    for method, part in rows.groupby("method", sort=False):
        at, look = part["value"].map(places), looks[str(method)]
        part = part.iloc[np.argsort(at.to_numpy(), kind="stable")]
        at = at.sort_values(kind="stable")
        joined = values.scale != "names"
        line = draw_method(
            axes,
            at,
            part[name],
            part[f"{name}_low"],
            part[f"{name}_high"],
            look,
            limits,
            joined=joined,
        )
        handles[str(method)] = line
        base = (part["value"] == part["base"]).to_numpy()
        shown: dict[str, Any] = {
            "color": look.colour,
            "marker": look.marker,
            "markersize": 4,
            "markerfacecolor": "white",
            "linestyle": "",
        }
        axes.plot(at[base], part[name][base], transform=line.get_transform(), zorder=5, **shown)
    return handles


def bounds(rows: pd.DataFrame, name: str) -> tuple[float, float]:
    """Return limits that include zero and the points, and not all of a long interval below."""
    numbers = rows[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)
    numbers = numbers[np.isfinite(numbers)]  # without an interval the points alone
    low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=0.0))
    least = rows[name].min()
    seen = min(LOWEST, max(OFF if pd.isna(least) else float(least), OFF))
    low, high = max(min(low, 0.0), seen), min(max(high, 0.0), 1.0)
    margin = 0.06 * (high - low) or 0.06
    return low - margin, high + margin


def _scale(axes: Axes, values: Values) -> None:
    """Set the scale of the axis, ticks at the values, and room beside the outermost."""
    places = np.sort(values.places)
    axes.xaxis.set_minor_locator(NullLocator())
    if values.scale == "names":
        axes.set_xticks(values.places, values.names)
        axes.tick_params(axis="x", top=False)
        axes.set_xlim(-0.5, len(places) - 0.5)
        return
    if (
        values.scale == "symlog"
    ):  # zero stands one step, of a factor of two, before the least of the others
        axes.set_xscale(
            "symlog", linthresh=float(places[places > 0][0]), linscale=float(np.log10(2)), subs=[]
        )
    elif values.scale == "log":
        axes.set_xscale("log")
    to_page = axes.xaxis.get_transform()
    ends = to_page.transform(places[[0, -1]])
    margin = 0.07 * (float(ends[1] - ends[0]) or 1.0)
    axes.set_xlim(*to_page.inverted().transform(np.array([ends[0] - margin, ends[1] + margin])))
    axes.xaxis.set_major_locator(FixedLocator(_apart(places, to_page.transform(places))))
    axes.xaxis.set_major_formatter(FuncFormatter(style.plain_number))
    axes.xaxis.set_minor_locator(NullLocator())


def _apart(values: np.ndarray, places: np.ndarray) -> list[float]:
    """Ticks whose numbers do not run into each other."""
    width = float(places[-1] - places[0]) or 1.0
    kept: list[int] = []
    for number, place in enumerate(places):
        if not kept or place - places[kept[-1]] > 0.07 * width:
            kept.append(number)
    return [float(values[number]) for number in kept]


def _draw_lengths(
    axes: Axes, table: pd.DataFrame, values: Values, *, named: bool, ticked: bool
) -> None:
    """The simulation's own lengths, and the beam in parsecs above the axis."""
    assert values.parsecs is not None
    low, high = axes.get_xlim()
    axes.tick_params(axis="x", which="both", top=False)
    if ticked:
        above = axes.twiny()
        _scale(above, values)
        parsecs = values.parsecs
        above.xaxis.set_major_formatter(FuncFormatter(lambda beam, _: f"{beam * parsecs:.2g}"))
        above.set_xlabel("beam [pc]", labelpad=3)
    for column, (words, dashes) in LENGTHS.items():
        length = float(table[column].iloc[0]) / values.parsecs
        if np.isfinite(length) and low < length < high:
            axes.axvline(length, color=style.INK, linewidth=0.8, linestyle=dashes)
            if named:
                halo = [withStroke(linewidth=2, foreground="white")]
                place: dict[str, Any] = {
                    "rotation": 90,
                    "ha": "right",
                    "va": "bottom",
                    "fontsize": 7,
                    "path_effects": halo,
                    "zorder": 6,
                }
                axes.text(length, 0.02, words + " ", transform=axes.get_xaxis_transform(), **place)

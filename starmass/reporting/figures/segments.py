"""What the segments hold: gas or channels of images, and how much of its variance they explain.

Its numbers have intervals over protostars, or objects.
"""

from collections.abc import Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table, require_rows
from starmass.reporting.typesetting import escape_mathtext

NEEDED = (
    "segment",
    "quantity",
    "unit",
    "mean",
    "mean_low",
    "mean_high",
    "spread",
    "n_maps",
    "n_protostars",
)
COMPARED = (
    "segments",
    "quantity",
    "eta2",
    "eta2_low",
    "eta2_high",
    "eta2_difference",
    "eta2_difference_low",
    "eta2_difference_high",
)
QUANTITIES = {
    "area_fraction": "share of the area",
    "log10_column_density": style.quantity_label("column_density", "cm**-2"),
    "v_los_from_star": r"$v_\mathrm{los} - v_\star$ [km s$^{-1}$]",
    "sigma_v": style.quantity_label("sigma_v", "km/s"),
    "distance": "distance [pc]",
}
"""What the upper panels show of gas, and their axes' labels."""
CHANNELS = ("log10_column_density", "v_los", "sigma_v")
"""Quantities of gas whose variance is explained."""
SHOWN = 5
"""Maximum number of channels of other images that are shown, the first."""
WAYS: Mapping[str, tuple[str, str, str]] = {
    "tokens": ("tokens of the encoder", style.POINTS, "o"),
    "random_weights": ("tokens of random weights", style.ACCENT, "s"),
    "pixels": ("the pixels themselves", "#009e73", "^"),
    "rings": ("rings about the star", "#cc79a7", "D"),
}
"""Ways to segment: words, colour, marker."""
LEFT, TOP, ROOM, GAP, HEIGHT, MIDDLE, BELOW, BOTTOM = 0.42, 0.3, 6.6, 0.1, 1.45, 1.0, 1.55, 0.5
"""Inches about panels.

They are left of the panels, over them, of all upper panels with a gap each, between two, of their
height, between lines, of the lower ones, and under them.
"""


def plot(
    *,
    segments: str | Path,
    explained: str | Path,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw the two tables of a segmentation."""
    table, compared = read_segments(segments), read_explained(explained)
    with style.journal_style():
        figure = draw_segments(table, compared, footer(simulations))
        style.save_figure(
            figure, outputs, resolution=resolution, title="What the segments hold", facts=facts
        )


def read_segments(path: str | Path) -> pd.DataFrame:
    """Read what the segments hold, and check that all are there: together they cover the maps."""
    table = read_table(path, NEEDED)
    known = [*panel_labels(table), "area_fraction", "distance"]
    require_rows(path, table, segment=table["segment"].unique(), quantity=known)
    area = float(table.loc[table["quantity"] == "area_fraction", "mean"].sum())
    if not np.isclose(area, 1, atol=1e-3):
        raise InputError(
            f"{path}: its segments cover {area:.0%} of the maps, so some are missing; delete the"
            " file and run Snakemake again."
        )
    return table


def read_explained(path: str | Path) -> pd.DataFrame:
    """Read the share of each channel's variance that each way to segment explains.

    Check that all of them are there.
    """
    table = read_table(path, COMPARED)
    require_rows(path, table, segments=WAYS, quantity=explained_channels(table))
    return table


def explained_channels(compared: pd.DataFrame) -> list[str]:
    """Return the quantities whose variance is explained: those of gas, or an image's channels."""
    return list(dict.fromkeys(compared["quantity"]))


def words_of(way: str, compared: pd.DataFrame) -> str:
    """Return words for a way to segment: only maps of gas have a star in the middle."""
    gas = set(CHANNELS) <= set(compared["quantity"])
    return WAYS[way][0] if gas else WAYS[way][0].replace("the star", "the middle")


def panel_labels(table: pd.DataFrame) -> dict[str, str]:
    """Return the quantities of the upper panels with their axes' labels, in order."""
    units = table.drop_duplicates("quantity").set_index("quantity")["unit"].fillna("")
    length = {"distance": f"distance [{units.get('distance', 'pc')}]"}
    if "v_los_from_star" in units.index:
        return {**QUANTITIES, **length}
    ends = ("area_fraction", "distance")
    channels = [name for name in units.index if name not in ends][:SHOWN]
    area = {"area_fraction": QUANTITIES["area_fraction"]}
    return {**area, **{name: _label(name, str(units[name])) for name in channels}, **length}


def _label(quantity: str, unit: str = "") -> str:
    """Return symbol and unit of a channel."""
    if quantity == "log10_column_density":
        return style.quantity_label("column_density", "cm**-2" if unit else "")
    return style.quantity_label(
        quantity if quantity in style.SYMBOLS else escape_mathtext(quantity), escape_mathtext(unit)
    )


def draw_segments(table: pd.DataFrame, compared: pd.DataFrame, below: str = "") -> Figure:
    """Draw the quantities above, one panel each, and the explained variance below.

    The lower panels show the share of each channel's variance by way to segment, and its
    differences.
    """
    height = TOP + HEIGHT + MIDDLE + BELOW + BOTTOM + style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    maps, stars = int(compared["n_maps"].iloc[0]), int(compared["n_protostars"].iloc[0])
    labels = panel_labels(table)
    gas = "v_los_from_star" in labels
    what = f"{maps} test maps of {stars} protostars" if gas else f"{maps} test images"
    letters = ascii_lowercase[: len(labels) + 2]
    words = f"(a)\u2013({letters[-3]}) what a segment holds: {what}"
    style.place_text(figure, LEFT, 0.08, words, fontsize=8)
    width = ROOM / len(labels) - GAP
    for place, (quantity, label) in enumerate(labels.items()):
        axes = style.place_axes(figure, LEFT + place * (width + GAP), TOP, width, HEIGHT)
        _draw_quantity(axes, table[table["quantity"] == quantity].sort_values("segment"), quantity)
        axes.set_xlabel(label, labelpad=2)
        style.label_panel(axes, f"({ascii_lowercase[place]})")
        axes.set_yticklabels([]) if place else axes.set_ylabel("segment", labelpad=2)
    top = TOP + HEIGHT + MIDDLE
    both = (
        style.place_axes(figure, LEFT + 0.32, top, 2.75, BELOW),
        style.place_axes(figure, LEFT + 3.83, top, 2.68, BELOW),
    )
    style.place_text(
        figure,
        LEFT,
        top - 0.22,
        f"({letters[-2]}) share of the variance between segments of",
        fontsize=8,
    )
    style.place_text(
        figure,
        LEFT + 3.5,
        top - 0.22,
        f"({letters[-1]}) the encoder's share minus that of",
        fontsize=8,
    )
    for axes, value in zip(both, ("eta2", "eta2_difference"), strict=True):
        _draw_shares(axes, compared, value)
    both[0].set(xlabel=r"$\eta^2$", xlim=(-0.03, 1))
    both[1].set(xlabel=r"difference of $\eta^2$")
    both[1].axvline(0, color=style.INK, linewidth=0.6, linestyle=":")
    middle = (0.5, 1 - (top - 0.4) / height)
    figure.legend(
        *both[0].get_legend_handles_labels(),
        frameon=False,
        loc="center",
        bbox_to_anchor=middle,
        ncols=4,
        handlelength=1.6,
    )
    style.place_footer(figure, below)
    return figure


def _draw_quantity(axes: Axes, rows: pd.DataFrame, quantity: str) -> None:
    """Thick: the mean's interval; thin: the spread of protostars about it."""
    count = len(rows)
    for (_, row), colour in zip(rows.iterrows(), style.CHOICES[count], strict=True):
        place = int(row["segment"])
        around, sure = (
            (row["mean"] - row["spread"], row["mean"] + row["spread"]),
            (row["mean_low"], row["mean_high"]),
        )
        if quantity == "log10_column_density":
            around, sure = (10 ** around[0], 10 ** around[1]), (10 ** sure[0], 10 ** sure[1])
        middle = 10 ** row["mean"] if quantity == "log10_column_density" else row["mean"]
        axes.plot(around, (place, place), color=colour, linewidth=0.8)
        axes.plot(sure, (place, place), color=colour, linewidth=2.6, solid_capstyle="butt")
        axes.plot(
            middle,
            place,
            color=colour,
            marker="o",
            markersize=5,
            markeredgecolor=style.INK,
            markeredgewidth=0.5,
        )
    axes.set(ylim=(0.4, count + 1.1), yticks=range(1, count + 1))
    axes.tick_params(axis="y", which="both", left=False, right=False)
    if quantity == "log10_column_density":
        axes.set_xscale("log")
        style.plain_ticks(axes.xaxis)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    if quantity in ("area_fraction", "distance"):
        axes.set_xlim(0, None)


def _draw_shares(axes: Axes, compared: pd.DataFrame, value: str) -> None:
    channels = explained_channels(compared)[:SHOWN]
    shown = [way for way in WAYS if way in set(compared.loc[compared[value].notna(), "segments"])]
    for number, way in enumerate(shown):
        _, colour, marker = WAYS[way]
        rows = compared[compared["segments"] == way].set_index("quantity").loc[channels]
        places = -np.arange(len(channels)) - 0.2 * (number - (len(shown) - 1) / 2)
        bars = [
            np.maximum(rows[value] - rows[f"{value}_low"], 0),
            np.maximum(rows[f"{value}_high"] - rows[value], 0),
        ]
        axes.errorbar(
            rows[value],
            places,
            xerr=bars,
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1,
            linestyle="none",
            label=words_of(way, compared),
        )
    axes.set_yticks(-np.arange(len(channels)), [_label(name) for name in channels])
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.set_ylim(-len(channels) + 0.4, 0.6)
    for border in range(1, len(channels)):
        axes.axhline(0.5 - border, color=style.INK, linewidth=0.3)

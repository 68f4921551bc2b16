"""What the segments hold: their gas, and how much of its variance they explain.

The gas's numbers have intervals over protostars.
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

NEEDED = (
    "segment",
    "quantity",
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
"""What the upper panels show, and their axes' labels."""
CHANNELS = {
    name: style.SYMBOLS[name.removeprefix("log10_")]
    for name in ("log10_column_density", "v_los", "sigma_v")
}
WAYS: Mapping[str, tuple[str, str, str]] = {
    "tokens": ("tokens of the encoder", style.POINTS, "o"),
    "random_weights": ("tokens of random weights", style.ACCENT, "s"),
    "pixels": ("the pixels themselves", "#009e73", "^"),
    "rings": ("rings about the star", "#cc79a7", "D"),
}
"""Ways to segment: words, colour, marker."""
LEFT, TOP, WIDTH, GAP, HEIGHT, MIDDLE, BELOW, BOTTOM = 0.42, 0.3, 1.22, 0.1, 1.45, 1.0, 1.55, 0.5
"""Inches about panels.

They are left of the panels, over them, of an upper panel and between two, of its height, between
lines, of the lower ones, and under them.
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
            figure, outputs, resolution=resolution, title="Gas in the segments", facts=facts
        )


def read_segments(path: str | Path) -> pd.DataFrame:
    """Read what the segments hold, and check that all are there: together they cover the maps."""
    table = read_table(path, NEEDED)
    require_rows(path, table, segment=table["segment"].unique(), quantity=QUANTITIES)
    area = float(table.loc[table["quantity"] == "area_fraction", "mean"].sum())
    if not np.isclose(area, 1, atol=1e-3):
        raise InputError(
            f"{path}: its segments cover {area:.0%} of the maps, so some are missing; delete the"
            " file and run Snakemake again."
        )
    return table


def read_explained(path: str | Path) -> pd.DataFrame:
    """Read the share of the gas's variance that each way to segment explains.

    Check that all of them are there.
    """
    table = read_table(path, COMPARED)
    require_rows(path, table, segments=WAYS, quantity=CHANNELS)
    return table


def draw_segments(table: pd.DataFrame, compared: pd.DataFrame, below: str = "") -> Figure:
    """Draw the quantities above, one panel each, and the explained variance below.

    The lower panels show the share of each channel's variance by way to segment, and its
    differences.
    """
    height = TOP + HEIGHT + MIDDLE + BELOW + BOTTOM + style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    maps, stars = int(compared["n_maps"].iloc[0]), int(compared["n_protostars"].iloc[0])
    style.place_text(
        figure,
        LEFT,
        0.08,
        f"(a)\u2013(e) what a segment holds: {maps} test maps of {stars} protostars",
        fontsize=8,
    )
    for place, (quantity, label) in enumerate(QUANTITIES.items()):
        axes = style.place_axes(figure, LEFT + place * (WIDTH + GAP), TOP, WIDTH, HEIGHT)
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
        figure, LEFT, top - 0.22, "(f) share of the variance between segments of", fontsize=8
    )
    style.place_text(
        figure, LEFT + 3.5, top - 0.22, "(g) the encoder's share minus that of", fontsize=8
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
    shown = [way for way in WAYS if way in set(compared.loc[compared[value].notna(), "segments"])]
    for number, way in enumerate(shown):
        words, colour, marker = WAYS[way]
        rows = compared[compared["segments"] == way].set_index("quantity").loc[list(CHANNELS)]
        places = -np.arange(len(CHANNELS)) - 0.2 * (number - (len(shown) - 1) / 2)
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
            label=words,
        )
    axes.set_yticks(-np.arange(len(CHANNELS)), list(CHANNELS.values()))
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.set_ylim(-len(CHANNELS) + 0.4, 0.6)
    for border in range(1, len(CHANNELS)):
        axes.axhline(0.5 - border, color=style.INK, linewidth=0.3)

"""Where the information is: R2 from the middle of maps alone, without it, and by channel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table, require_rows

NEEDED = (
    "part",
    "radius_pc",
    "channel",
    "method",
    "r2",
    "r2_low",
    "r2_high",
    "finest_cell_pc",
    "accretion_radius_pc",
    "split",
    "n_radii",
)
LOOKS: dict[str, dict[str, Any]] = {
    "ridge": {"linestyle": "-", "marker": "o"},
    "knn": {"linestyle": "--", "marker": "s"},
}
NAMES = {"ridge": "ridge", "knn": "20-NN"}
LOWEST = -0.6
"""R2 below is off the scale: no information is left there."""


def plot(
    *,
    information: str | Path,
    channels: Sequence[str],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    width: str,
    resolution: int,
    facts: Mapping[str, Any],
    beam_pc: float | None = None,
) -> None:
    """Draw a study's information.csv: R2 against radius, and by channel.

    Maps of ``channels`` are seen within the radius or beyond it.

    ``beam_pc`` is the full width at half maximum of their beam, if any; ``width`` is a key of
    ``style.WIDTHS``.
    """
    table = read_information(information, channels).assign(
        beam_pc=np.nan if beam_pc is None else beam_pc
    )
    with style.journal_style():
        figure = draw_information(table, width, footer(simulations))
        style.save_figure(
            figure, outputs, resolution=resolution, title="Where the information is", facts=facts
        )


def read_information(path: str | Path, channels: Sequence[str]) -> pd.DataFrame:
    """Read a study's information.csv and make sure that all its parts are there."""
    table = read_table(path, NEEDED)
    require_rows(path, table, part=["all"], method=NAMES)
    radii, wanted = table["radius_pc"].dropna().unique(), int(table["n_radii"].iloc[0])
    if len(radii) != wanted:
        raise InputError(
            f"{path}: it holds {len(radii)} of {wanted} radii; delete the file and run Snakemake"
            " again to remake it."
        )
    require_rows(path, table, part=["inside", "outside"], radius_pc=radii, method=NAMES)
    if len(channels) > 1:
        require_rows(path, table, part=["only", "without"], channel=channels, method=NAMES)
    return table


def draw_information(table: pd.DataFrame, width: str = "column", below: str = "") -> Figure:
    """Draw two panels: (a) radius, (b) channels, below it or beside it.

    The first marks the accretion radius, the finest cell and the beam.
    """
    page, channels = (
        style.WIDTHS[width],
        0.19 * (table["part"].isin(["all", "only", "without"]) & (table["method"] == "ridge")).sum()
        + 0.1,
    )
    if width == "column":
        left, top, sides, heights = 1.1, 3.05, (page - 0.65, page - 1.25), (2.2, channels)
    else:
        left, top, sides, heights = 5.05, 0.3, (3.5, 1.85), (2.2, 2.2)
    height = top + heights[1] + 0.45 + style.footer_height(below, page)
    figure = Figure(figsize=(page, height))
    radii, other = (
        style.place_axes(figure, 0.55, 0.3, sides[0], heights[0]),
        style.place_axes(figure, left, top, sides[1], heights[1]),
    )
    lowest = max(LOWEST, float(table["r2_low"].min()))
    _draw_radii(radii, table)
    _draw_channels(other, table)
    radii.axhline(0, color=style.INK, linewidth=0.6, linestyle=":")
    radii.set_ylim(
        lowest - 0.05, 1.35
    )  # room for the legend above the largest R2 that there can be
    radii.set_yticks([tick for tick in radii.get_yticks() if lowest - 0.05 <= tick <= 1])
    style.place_text(
        figure,
        0.1,
        0.08,
        f"(a) by distance from the protostar, split: {table['split'].iloc[0]}",
        fontsize=8,
    )
    style.place_text(
        figure, 0.1 if width == "column" else left, top - 0.22, "(b) by channel, ridge", fontsize=8
    )
    style.place_footer(figure, below)
    return figure


def _draw_radii(axes: Axes, table: pd.DataFrame) -> None:
    for part, colour, words in (
        ("inside", style.POINTS, "only within r"),
        ("outside", style.ACCENT, "only beyond r"),
    ):
        for method, look in LOOKS.items():
            line = table[(table["part"] == part) & (table["method"] == method)].sort_values(
                "radius_pc"
            )
            axes.plot(
                line["radius_pc"],
                line["r2"],
                color=colour,
                markersize=3,
                label=f"{words}, {NAMES[method]}",
                **look,
            )
            if method == "ridge":
                axes.fill_between(
                    line["radius_pc"],
                    line["r2_low"],
                    line["r2_high"],
                    color=colour,
                    alpha=0.15,
                    linewidth=0,
                )
    lengths = {
        "finest_cell_pc": ("finest cell", "-."),
        "accretion_radius_pc": ("accretion radius", "--"),
        "beam_pc": ("beam", ":"),
    }
    values = {name: float(table[name].iloc[0]) for name in lengths}
    shown = [*table["radius_pc"].dropna(), *(value for value in values.values() if value > 0)]
    axes.set_xlim(0.7 * min(shown), 1.15 * max(shown))  # with room for the words left of a line
    for name, (words, dashes) in lengths.items():
        value = values[name]
        if value > 0:
            axes.axvline(value, color=style.INK, linewidth=0.8, linestyle=dashes)
            halo = [withStroke(linewidth=2, foreground="white")]
            place: dict[str, Any] = {
                "rotation": 90,
                "ha": "right",
                "va": "bottom",
                "fontsize": 7,
                "path_effects": halo,
                "zorder": 6,
            }
            axes.text(value, 0.02, words + " ", transform=axes.get_xaxis_transform(), **place)
    whole = table[(table["part"] == "all") & (table["method"] == "ridge")]["r2"].iloc[0]
    axes.axhline(whole, color=style.INK, linewidth=0.8, alpha=0.5)
    axes.set(xscale="log", xlabel="r [pc]", ylabel=r"$R^2$ of $\log_{10} M_\star$")
    style.plain_ticks(axes.xaxis)
    ground = {"facecolor": "white", "edgecolor": "none", "framealpha": 1}  # over the vertical lines
    axes.legend(loc="upper center", ncols=2, fontsize=7, handlelength=2.5, **ground)


def _draw_channels(axes: Axes, table: pd.DataFrame) -> None:
    rows = table[table["part"].isin(["all", "only", "without"]) & (table["method"] == "ridge")]
    names, colours = [], {"all": style.INK, "only": style.POINTS, "without": style.ACCENT}
    for place, (_, row) in enumerate(rows.sort_values("part", kind="stable").iterrows()):
        bars = [[max(row["r2"] - row["r2_low"], 0)], [max(row["r2_high"] - row["r2"], 0)]]
        axes.errorbar(
            row["r2"],
            -place,
            xerr=bars,
            color=colours[row["part"]],
            marker="o",
            markersize=4,
            linewidth=1,
        )
        names.append(
            "all channels"
            if row["part"] == "all"
            else f"{row['part']} {style.SYMBOLS.get(row['channel'], row['channel'])}"
        )
    axes.axvline(0, color=style.INK, linewidth=0.6, linestyle=":")
    axes.set_yticks([-place for place in range(len(names))], names)
    axes.tick_params(axis="y", which="both", right=False)
    axes.set(
        xlabel=r"$R^2$",
        xlim=(max(LOWEST, float(rows["r2_low"].min()) - 0.05), 1),
        ylim=(-len(names) + 0.4, 0.6),
    )

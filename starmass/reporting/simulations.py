"""One page a simulation.

It has the whole box with its protostars, maps of some of them by rising mass, and how masses and
ages are distributed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from starmass.reporting import style
from starmass.reporting.inputs import SKY, TOY, MapRow, read_map_row, read_table
from starmass.reporting.panels import channel_scales, draw_channel, draw_channel_bar
from starmass.spacing import spread_evenly

COLUMNS, AXIS = 4, "z"
"""Map triplets in one line of the gallery, seen along this axis."""
MARGIN, HEADING, GAP, GUTTER, BAR = 0.52, 0.24, 0.03, 0.12, 0.42
"""Inches about axes and images.

They are left of axes with numbers, for a heading, between images, between triplets, and for a
colour bar under images.
"""
BOX = 3.55
"""Side of the map of the box [inch]."""


def plot_simulation(
    *,
    box: np.ndarray,
    box_left: Sequence[float],
    box_side: float,
    snapshot: str,
    catalogue: str | Path,
    outputs: Mapping[str, str | Path],
    gallery: int,
    palettes: Mapping[str, str],
    resolution: int,
    facts: Mapping[str, Any],
    toy: bool,
) -> None:
    """Draw the page.

    Parameters
    ----------
    box : (row, column) column density of the whole box along z [cm^-2] in ``snapshot``
    box_left, box_side : its lower left corner and width [pc]
    catalogue : the simulation's samples; those that a cut removes are left out
    gallery : number of map triplets, spread over the ranks of mass
    facts : keywords of :func:`starmass.provenance.provenance`
    toy : whether the simulation is made of formulas
    """
    needed = (
        "simulation",
        "snapshot",
        "sink_id",
        "mass_msun",
        "age_yr",
        "map_file",
        "sink_index",
        "kept",
        "x_pc",
        "y_pc",
    )
    listed = read_table(catalogue, needed)
    samples = listed[listed["kept"] == 1].sort_values(
        ["mass_msun", "snapshot", "sink_id"], kind="stable"
    )
    rows = [
        read_map_row(_as_row(sample)) for _, sample in choose_triplets(samples, gallery).iterrows()
    ]
    with style.journal_style():
        figure = _draw(box, box_left, box_side, snapshot, listed, samples, rows, palettes, toy)
        style.save_figure(
            figure,
            outputs,
            resolution=resolution,
            title=f"Simulation: {Path(catalogue).parent.name}",
            facts=facts,
        )


def choose_triplets(samples: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return ``count`` samples of a table ordered by mass, spread evenly over its ranks.

    The lightest and the heaviest are among them.
    """
    return samples.iloc[spread_evenly(np.arange(len(samples)), count)]


def _as_row(sample: pd.Series) -> dict[str, Any]:
    return {**sample.to_dict(), "axis": AXIS, "axis_index": "xyz".index(AXIS)}


def _draw(
    box: np.ndarray, box_left: Sequence[float], box_side: float, snapshot: str,
    listed: pd.DataFrame, samples: pd.DataFrame, rows: Sequence[MapRow],
    palettes: Mapping[str, str], toy: bool,
) -> Figure:  # fmt: skip
    triplet = (style.TEXT_WIDTH - (COLUMNS - 1) * GUTTER) / COLUMNS
    cell = triplet / 3 - GAP
    lines = -(-len(rows) // COLUMNS)
    top = HEADING + BOX + BAR + 0.45
    height = (
        top
        + (HEADING + lines * (HEADING + cell) + BAR if rows else 0)
        + style.footer_height(TOY if toy else "", style.TEXT_WIDTH)
    )
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    _draw_box(figure, box, box_left, box_side, snapshot, listed, palettes)
    left = BOX + MARGIN + 0.75
    half = (BOX + BAR - 0.75) / 2
    mass, age = samples["mass_msun"].to_numpy(float), samples["age_yr"].to_numpy(float)
    title = (
        f"{len(samples)} samples of {samples['sink_id'].nunique()} protostars,"
        f" {listed['snapshot'].nunique()} snapshots"
    )
    style.place_text(figure, left, 0.06, title)
    _draw_histogram(figure, left, HEADING + 0.02, half, mass, style.MASS_LABEL, samples)
    _draw_histogram(figure, left, HEADING + half + 0.52, half, age / 1e3, style.AGE_LABEL, samples)
    if rows:
        _draw_gallery(figure, top, cell, triplet, rows, palettes)
    style.place_footer(figure, TOY if toy else "")
    return figure


def _draw_box(
    figure: Figure, box: np.ndarray, left: Sequence[float], side: float, snapshot: str,
    listed: pd.DataFrame, palettes: Mapping[str, str]
) -> None:  # fmt: skip
    here = listed[listed["snapshot"] == snapshot]
    name = str(listed["simulation"].iloc[0]) if len(listed) else ""
    title = f"{name}, {snapshot}: {len(here)} protostars"
    style.place_text(figure, MARGIN, 0.06, title)
    axes = style.place_axes(figure, MARGIN, HEADING, BOX, BOX)
    colours, scale = (
        style.palette(palettes["column_density"]),
        style.channel_scale("column_density", box),
    )
    axes.imshow(
        box, norm=scale, cmap=colours, extent=(left[0], left[0] + side, left[1], left[1] + side)
    )
    size = 12 * (here["mass_msun"].to_numpy(float) / 1.0) ** 0.5 + 6
    for colour, width in (("black", 1.8), ("white", 0.9)):
        axes.scatter(
            here["x_pc"],
            here["y_pc"],
            s=size,
            facecolors="none",
            edgecolors=colour,
            linewidths=width,
        )
    axes.set_xlim(left[0], left[0] + side)
    axes.set_ylim(left[1], left[1] + side)
    axes.set_xlabel("$x$ [pc]", labelpad=1)
    axes.set_ylabel("$y$ [pc]", labelpad=1)
    bar = style.place_axes(figure, MARGIN, HEADING + BOX + 0.36, BOX, 0.07)
    style.draw_colour_bar(
        bar, colours, scale, style.quantity_label("column_density", "cm**-2") + ", along $z$"
    )


def _draw_histogram(
    figure: Figure,
    left: float,
    top: float,
    height: float,
    values: np.ndarray,
    label: str,
    samples: pd.DataFrame,
) -> None:
    """All samples, and each protostar's last one."""
    axes = style.place_axes(figure, left, top, style.TEXT_WIDTH - left - 0.05, height)
    axes.set_xlabel(label, labelpad=1)
    axes.set_ylabel("number", labelpad=2)
    positive = values[values > 0]
    if not positive.size:
        return
    last = (
        samples.sort_values("time_yr", kind="stable").groupby("sink_id").tail(1).index
        if "time_yr" in samples
        else samples.index
    )
    edges = np.geomspace(positive.min() * 0.999, positive.max() * 1.001, 17).tolist()
    axes.hist(positive, edges, color=style.POINTS, alpha=0.55, label="all samples")
    final = values[samples.index.isin(last)]
    axes.hist(
        final[final > 0], edges, histtype="step", color=style.ACCENT, label="a protostar's last"
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(style.round_values(edges[0], edges[-1])))
    style.plain_ticks(axes.xaxis)
    axes.legend(frameon=False, loc="upper left", handlelength=1.2)
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])


def _draw_gallery(
    figure: Figure,
    top: float,
    cell: float,
    triplet: float,
    rows: Sequence[MapRow],
    palettes: Mapping[str, str],
) -> None:
    names = rows[0].names
    scales = channel_scales(rows)
    across, up = SKY[AXIS]
    depth = "" if rows[0].depth is None else f", {rows[0].depth:.3g} pc deep"
    heading = (
        f"Maps of {rows[0].side:g} pc about protostars{depth}, by rising mass, seen along ${AXIS}$"
        f" (${across}$ to the right, ${up}$ up)"
    )
    style.place_text(figure, 0.02, top, heading)
    for place, row in enumerate(rows):
        left = 0.02 + (place % COLUMNS) * (triplet + GUTTER)
        above = top + 0.7 * HEADING + (place // COLUMNS) * (HEADING + cell)
        title = rf"{row.mass:.3g} M$_\odot$, {style.format_age(row.age)}"
        style.place_text(figure, left + triplet / 2, above + 0.06, title, ha="center", fontsize=8)
        for channel in range(len(names)):
            axes = style.place_axes(
                figure, left + channel * (cell + GAP), above + HEADING, cell, cell
            )
            draw_channel(axes, row, channel, scales[channel], palettes, marked=False)
    below = top + 0.7 * HEADING + -(-len(rows) // COLUMNS) * (HEADING + cell) + 0.06
    width = style.TEXT_WIDTH / 3
    for channel in range(len(names)):
        draw_channel_bar(
            figure,
            channel * width + 0.15,
            below,
            width - 0.3,
            rows[0],
            channel,
            scales[channel],
            palettes,
        )

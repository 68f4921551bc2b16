"""Figure 3: the three channels of example maps beside the colours of their patch tokens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.examples import format_age
from starmass.reporting.inputs import SKY, MapRow, Segmentation, footer, read_map_row, read_samples, read_segmentation

LABEL, GAP, BAR, FOOTER = 0.24, 0.05, 0.52, 0.2
"""Inches for the label left of a line, between images, under them for colour bars, and for a last line."""


def plot_segmentation(
    *,
    segmentation: str | Path,
    samples: str | Path,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    palettes: Mapping[str, str],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw the examples of a segmentation file, one a line: column density, velocity, dispersion, token colours."""
    found = read_segmentation(segmentation)
    table = read_samples(samples).set_index("row")
    if unknown := [int(row) for row in found.rows if row not in table.index]:
        raise InputError(f"{segmentation}: row {unknown[0]} is not in {samples}; delete the file and run Snakemake again to remake it.")
    examples = [read_map_row(table.loc[int(row)]) for row in found.rows]
    with style.journal_style():
        figure = draw_segmentation(examples, found, palettes, footer(simulations))
        style.save_figure(figure, outputs, resolution=resolution, title="Segmentation by patch tokens", facts=facts)


def draw_segmentation(examples: Sequence[MapRow], found: Segmentation, palettes: Mapping[str, str], below: str = "") -> Figure:
    """Lay out examples, one a line, with the colours of their tokens at the right; sizes in inches."""
    names, units = examples[0].names, examples[0].units
    cell = (style.TEXT_WIDTH - LABEL) / (len(names) + 1) - GAP
    bars = len(examples) * (cell + GAP)
    height = bars + BAR + (FOOTER if below else 0)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    shown = np.stack([row.channels for row in examples])
    scales = [style.channel_scale(name, shown[:, c]) for c, name in enumerate(names)]
    for line, row in enumerate(examples):
        half = row.side / 2
        for c in range(len(names) + 1):
            axes = style.place_axes(figure, LABEL + c * (cell + GAP), GAP / 2 + line * (cell + GAP), cell, cell)
            extent = (-half, half, -half, half)
            if c < len(names):
                axes.imshow(row.channels[c], norm=scales[c], cmap=style.palette(palettes[names[c]]), extent=extent)
            else:
                side = (found.side or row.side) / 2
                axes.imshow(found.colours[line], extent=(-side, side, -side, side))
                axes.set(xlim=(-half, half), ylim=(-half, half))
            style.bare(axes)
            style.mark_protostar(axes)
            if c == 0:
                style.draw_scale_bar(axes, row.side)
                style.draw_compass(axes, row.side, *SKY[row.axis])
                name = rf"({ascii_lowercase[line % 26]})  {row.mass:.2g} M$_\odot$, {format_age(row.age)}, along ${row.axis}$"
                axes.set_ylabel(name, labelpad=3)
    for c, name in enumerate(names):
        axes = style.place_axes(figure, LABEL + c * (cell + GAP) + 0.03, bars + 0.04, cell - 0.06, 0.08)
        style.draw_colour_bar(axes, style.palette(palettes[name]), scales[c], style.quantity_label(name, units[c]))
    right = LABEL + len(names) * (cell + GAP) + cell / 2
    name = f"first three components of the\npatch tokens as RGB\n({found.explained.sum():.0%} of variance)"
    style.place_text(figure, right, bars + 0.06, name, ha="center", linespacing=1.3, fontsize=8)
    style.place_text(figure, style.TEXT_WIDTH / 2, height - 0.04, below, ha="center", va="bottom", fontsize=8)
    return figure

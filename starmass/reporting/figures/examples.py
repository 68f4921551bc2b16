"""Figure 1: fractal images that the encoder learns from, and maps that it never learned from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from starmass.fractals.shards import FractalImages
from starmass.reporting import style
from starmass.reporting.inputs import MapRow, footer, read_map_row, read_samples
from starmass.reporting.panels import (
    channel_scales,
    draw_channel,
    draw_channel_bar,
    line_of_sight,
    orient,
)
from starmass.spacing import spread_evenly

COLUMNS = 6
"""Images in a line of the figure: fractals, or the three channels of two protostars."""
HEADING, LABEL, GUTTER, GAP, BAR = 0.27, 0.2, 0.12, 0.04, 0.5
"""Inches about blocks of images.

They are for a heading, for the label left of a block, between blocks, between images, and under
them for colour bars.
"""


def plot(
    *,
    shard: str | Path,
    samples: str | Path,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    fractals: int,
    protostars: int,
    palettes: Mapping[str, str],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw ``fractals`` images of a shard above the maps of ``protostars`` of the samples."""
    there = FractalImages([shard])
    shown = spread_evenly(np.arange(len(there)), fractals)
    images = np.stack([there[int(index)] for index in shown])
    chosen = choose_protostars(read_samples(samples), protostars)
    blocks = [[read_map_row(row) for _, row in rows.iterrows()] for rows in chosen]
    with style.journal_style():
        figure = draw_examples(images, blocks, palettes, footer(simulations))
        style.save_figure(
            figure,
            outputs,
            resolution=resolution,
            title="Examples of fractals and maps",
            facts=facts,
        )


def choose_protostars(samples: pd.DataFrame, count: int) -> list[pd.DataFrame]:
    """Return rows (lines of sight) of ``count`` protostars, evenly over the ranks of mass.

    They are in order of rising mass.
    """
    moments = (
        samples.groupby(["simulation", "sink_id", "snapshot"], sort=True)["mass_msun"]
        .first()
        .sort_values(kind="stable")
    )
    chosen: list[pd.DataFrame] = []
    seen: set[tuple[Any, Any]] = set()
    for rank in (np.arange(count) + 0.5) / count * (len(moments) - 1):
        nearest = np.argsort(np.abs(np.arange(len(moments)) - rank), kind="stable")
        free = [moments.index[place] for place in nearest if moments.index[place][:2] not in seen]
        if free:
            simulation, sink_id, snapshot = free[0]
            seen.add((simulation, sink_id))
            same = (
                (samples["simulation"] == simulation)
                & (samples["sink_id"] == sink_id)
                & (samples["snapshot"] == snapshot)
            )
            chosen.append(samples[same].sort_values("axis_index", kind="stable"))
    return sorted(chosen, key=lambda rows: float(rows["mass_msun"].iloc[0]))


def draw_examples(
    images: np.ndarray,
    blocks: Sequence[Sequence[MapRow]],
    palettes: Mapping[str, str],
    below: str = "",
) -> Figure:
    """Lay out fractals [image, row, column, (3)] above blocks of maps [protostar][axis].

    Sizes are in inches.
    """
    cell = (style.TEXT_WIDTH - GUTTER - 2 * LABEL) / COLUMNS - GAP
    fractals_height = HEADING + -(-len(images) // COLUMNS) * (style.TEXT_WIDTH / COLUMNS)
    block_height = HEADING + max(len(block) for block in blocks) * (cell + GAP)
    lines = -(-len(blocks) // 2)
    height = (
        fractals_height
        + HEADING
        + lines * block_height
        + BAR
        + style.footer_height(below, style.TEXT_WIDTH)
    )
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    _draw_fractals(figure, images)
    style.place_text(figure, 0.02, fractals_height + 0.06, "(2) Maps of the gas about protostars")

    scales = channel_scales([row for block in blocks for row in block])
    for place, block in enumerate(blocks):
        left = (place % 2) * (style.TEXT_WIDTH + GUTTER) / 2
        top = fractals_height + HEADING + (place // 2) * block_height
        _draw_block(figure, left, top, cell, block, scales, palettes)
    bars = fractals_height + HEADING + lines * block_height + 0.04
    for c in range(len(blocks[0][0].names)):
        # One bar a channel, under the first block: all blocks share the scales.
        for left in (0.0, (style.TEXT_WIDTH + GUTTER) / 2)[: min(len(blocks), 2)]:
            draw_channel_bar(
                figure,
                left + LABEL + c * (cell + GAP) + 0.02,
                bars,
                cell - 0.04,
                blocks[0][0],
                c,
                scales[c],
                palettes,
            )
    style.place_footer(figure, below)
    return figure


def _draw_fractals(figure: Figure, images: np.ndarray) -> None:
    style.place_text(figure, 0.02, 0.06, "(1) Fractal images")
    pitch = style.TEXT_WIDTH / COLUMNS
    for place, image in enumerate(images):
        left, top = (place % COLUMNS) * pitch, HEADING + (place // COLUMNS) * pitch
        axes = style.place_axes(figure, left + GAP / 2, top, pitch - GAP, pitch - GAP)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        style.bare(axes)


def _draw_block(
    figure: Figure,
    left: float,
    top: float,
    cell: float,
    block: Sequence[MapRow],
    scales: Sequence[Normalize],
    palettes: Mapping[str, str],
) -> None:
    head = block[0]
    age = f", {style.format_age(head.age)} old" if head.age == head.age else ""
    title = rf"$M_\star = {head.mass:.3g}$ M$_\odot${age} ({head.simulation})"
    middle = left + LABEL + len(head.names) * (cell + GAP) / 2
    style.place_text(figure, middle, top + 0.05, title, ha="center")
    for line, row in enumerate(block):
        for c in range(len(row.names)):
            axes = style.place_axes(
                figure,
                left + LABEL + c * (cell + GAP),
                top + HEADING + line * (cell + GAP),
                cell,
                cell,
            )
            draw_channel(axes, row, c, scales[c], palettes)
            if c == 0:
                axes.set_ylabel(line_of_sight(row), labelpad=3)
                orient(axes, row, bar=line == 0)

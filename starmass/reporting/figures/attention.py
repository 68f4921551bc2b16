"""Where the encoder looks: attention of the class token in the last block, head by head.

It is drawn over the examples of the segmentation.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.inputs import MapRow, Segmentation, footer, read_examples
from starmass.reporting.panels import (
    channel_scales,
    draw_channel,
    draw_channel_bar,
    draw_tokens,
    in_grey,
    name_line,
    picture_words,
)

LABEL, GAP, BAR, HEADING = 0.36, 0.05, 0.44, 0.2
"""Inches left of a line (label), between images, under them (colour bars) and over them."""
HEADS, FEWEST = 5, 4
"""Minimum number of columns that the width is divided by, and maximum number of heads shown."""


def plot(
    *,
    segmentation: str | Path,
    samples: str | Path,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    palettes: Mapping[str, str],
    resolution: int,
    facts: Mapping[str, Any],
    target: Mapping[str, Any] | None = None,
) -> None:
    """Draw the attention of a segmentation file, one example a line, one head a column.

    ``target`` is what the study predicts, as the config has it; None for the mass.
    """
    found, examples = read_examples(segmentation, samples, target)
    if found.attention is None:
        raise InputError(
            f"{segmentation}: the encoder has no class token whose attention could be shown; set"
            " evaluation.studies.*.segmentation."
            "attention_mass to null."
        )
    with style.journal_style():
        figure = draw_attention(examples, found, palettes, footer(simulations))
        style.save_figure(
            figure,
            outputs,
            resolution=resolution,
            title="Attention of the class token",
            facts=facts,
        )


def draw_attention(
    examples: Sequence[MapRow], found: Segmentation, palettes: Mapping[str, str], below: str = ""
) -> Figure:
    """Lay out examples, one a line: column density or a picture, then where each head looks.

    Attention is drawn over the first in grey.
    """
    assert found.attention is not None and found.attended is not None
    heads = choose_heads(found)
    columns = max(1 + len(heads), FEWEST)
    cell = (style.TEXT_WIDTH - LABEL) / columns - GAP
    bars = HEADING + len(examples) * (cell + GAP) + 0.05
    height = bars + BAR + style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    scales, brightest = channel_scales(examples), attention_scale(found)
    shown = "image" if examples[0].picture else "column_density"
    place = examples[0].names.index(shown)
    grey = [in_grey(row) for row in examples]
    for column, head in enumerate(heads):
        total = found.attention.shape[1] - 1
        style.place_text(
            figure,
            LABEL + (column + 1) * (cell + GAP) + cell / 2,
            0.05,
            f"head {head + 1} of {total}",
            ha="center",
            fontsize=8,
        )
    for line, row in enumerate(examples):
        top = HEADING + GAP / 2 + line * (cell + GAP)
        axes = style.place_axes(figure, LABEL, top, cell, cell)
        draw_channel(axes, row, place, scales[place], palettes)
        name_line(axes, row, line)
        for column, head in enumerate(heads):
            axes = style.place_axes(figure, LABEL + (column + 1) * (cell + GAP), top, cell, cell)
            draw_channel(
                axes, grey[line], place, scales[place], {**palettes, shown: "Greys"}, marked=False
            )
            colours = style.palette(palettes["attention"]).with_extremes(bad=(0, 0, 0, 0))
            draw_tokens(axes, attended(found, line, head), row, found.side, colours, brightest)
            style.label_panel(axes, f"{found.attended[line, head].mean():.0%}")
    if examples[0].picture:
        words = picture_words(examples[0])
        middle = LABEL + cell / 2
        style.place_text(figure, middle, bars, words, ha="center", linespacing=1.3, fontsize=8)
    else:
        draw_channel_bar(
            figure, LABEL + 0.03, bars, cell - 0.06, examples[0], place, scales[place], palettes
        )
    draw_attention_bar(
        style.place_axes(figure, LABEL + cell + GAP + 0.03, bars, cell - 0.06, 0.07),
        palettes,
        brightest,
    )
    words = (
        f"Coloured: the fewest tokens that hold {found.attention_mass:.0%} of a head's attention,\n"
        f"and the share of the map that they are ({found.attention_mass:.0%} if it were spread"
        " evenly)."
    )
    style.place_text(
        figure, LABEL + 2 * (cell + GAP) + 0.1, bars, words, linespacing=1.3, fontsize=8
    )
    style.place_footer(figure, below)
    return figure


def choose_heads(found: Segmentation) -> list[int]:
    """Return which heads are shown: all, or those that look at the smallest part of the maps."""
    assert found.attended is not None
    area = found.attended[:, :-1].mean(axis=(0, 2, 3))
    return sorted(int(head) for head in np.argsort(area, kind="stable")[:HEADS])


def attended(found: Segmentation, example: int, head: int) -> np.ndarray:
    """Return attention in units of its uniform value, nan where it is not in the share kept."""
    assert found.attention is not None and found.attended is not None
    attention = found.attention[example, head]
    return np.where(found.attended[example, head], attention * attention.size, np.nan)


def attention_scale(found: Segmentation) -> Normalize | None:
    """Return the scale that all panels of attention share; the outermost per cents saturate."""
    if found.attention is None or found.attended is None:
        return None
    kept = found.attention[found.attended] * found.attention[0, 0].size
    low, high = np.percentile(kept, [1, 99])
    return Normalize(float(low), float(max(high, low + 1e-3)))


def draw_attention_bar(axes: Axes, palettes: Mapping[str, str], scale: Normalize | None) -> None:
    """Fill axes with the colour bar of attention."""
    assert scale is not None
    style.draw_colour_bar(
        axes, style.palette(palettes["attention"]), scale, "attention / even spread", extend="both"
    )
    axes.xaxis.label.set_fontsize(8)

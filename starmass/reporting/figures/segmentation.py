"""Figure 3: example maps, or images, beside their patch tokens' colours, segments and attention."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from starmass.reporting import style
from starmass.reporting.figures.attention import attended, attention_scale, draw_attention_bar
from starmass.reporting.inputs import MapRow, Segmentation, footer, read_examples
from starmass.reporting.panels import (
    channel_scales,
    draw_channel,
    draw_channel_bar,
    draw_segment_key,
    draw_tokens,
    name_line,
    picture_words,
    segment_colours,
)
from starmass.reporting.typesetting import escape_mathtext

LABEL, GAP, BAR = 0.36, 0.05, 0.52
"""Inches for the label left of a line, between images, and under them for colour bars."""
FEWEST = 4
"""Minimum number of columns that the width is divided by."""


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
    brightness: str = "column density",
) -> None:
    """Draw the examples of a segmentation file, one a line.

    Parameters
    ----------
    target : what the study predicts, as the config has it; None for the mass
    brightness : words for the channel that segments are numbered by
    """
    found, examples = read_examples(segmentation, samples, target)
    with style.journal_style():
        figure = draw_segmentation(examples, found, palettes, footer(simulations), brightness)
        style.save_figure(
            figure,
            outputs,
            resolution=resolution,
            title="Segmentation by patch tokens",
            facts=facts,
        )


def draw_segmentation(
    examples: Sequence[MapRow],
    found: Segmentation,
    palettes: Mapping[str, str],
    below: str = "",
    brightness: str = "column density",
) -> Figure:
    """Lay out examples, one a line; sizes in inches.

    Each line has three channels, or a picture, then colours, segments and attention of the tokens.
    """
    first = examples[0]
    channels = len(first.names)
    columns = channels + 2 + (found.attention is not None)
    cell = (style.TEXT_WIDTH - LABEL) / max(columns, FEWEST) - GAP
    bars = len(examples) * (cell + GAP) + 0.05
    height = bars + BAR + style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    scales = channel_scales(examples)
    brightest = attention_scale(found)
    for line, row in enumerate(examples):
        top = GAP / 2 + line * (cell + GAP)
        panels = [
            style.place_axes(figure, LABEL + column * (cell + GAP), top, cell, cell)
            for column in range(columns)
        ]
        for channel in range(channels):
            draw_channel(panels[channel], row, channel, scales[channel], palettes)
        name_line(panels[0], row, line)
        draw_tokens(panels[channels], found.colours[line], row, found.side)
        draw_tokens(
            panels[channels + 1],
            found.segments[line] - 1,
            row,
            found.side,
            segment_colours(found.segment_count),
            Normalize(-0.5, found.segment_count - 0.5),
        )
        if found.attention is not None:
            draw_tokens(
                panels[-1],
                attended(found, line, -1),
                row,
                found.side,
                style.palette(palettes["attention"]),
                brightest,
            )
    middle = [LABEL + column * (cell + GAP) + cell / 2 for column in range(columns)]
    if first.picture:
        style.place_text(
            figure, middle[0], bars - 0.02, picture_words(first), ha="center", linespacing=1.3,
            fontsize=8,
        )  # fmt: skip
    for channel in range(0 if first.picture else channels):
        draw_channel_bar(
            figure,
            LABEL + channel * (cell + GAP) + 0.03,
            bars,
            cell - 0.06,
            first,
            channel,
            scales[channel],
            palettes,
        )
    words = f"components 1, 2, 3\nof the patch tokens\n({found.explained.sum():.0%} of variance)"
    style.place_text(
        figure, middle[channels], bars - 0.02, words, ha="center", linespacing=1.3, fontsize=8
    )
    draw_segment_key(
        style.place_axes(
            figure, middle[channels + 1] - cell / 2 + 0.03, bars - 0.02, cell - 0.06, 0.15
        ),
        found.segment_count,
    )
    named = escape_mathtext(brightness)
    words = "\n".join(["segments, by rising", *style.wrap_text(named, cell)])
    style.place_text(
        figure, middle[channels + 1], bars + 0.17, words, ha="center", linespacing=1.2, fontsize=8
    )
    if found.attention is not None:
        draw_attention_bar(
            style.place_axes(figure, middle[-1] - cell / 2 + 0.03, bars, cell - 0.06, 0.07),
            palettes,
            brightest,
        )
    style.place_footer(figure, below)
    return figure

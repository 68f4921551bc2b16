"""Which classes are confused: the share of each true class that is predicted as each class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table, require_rows
from starmass.reporting.legends import TITLE_LINE, panel_titles
from starmass.reporting.typesetting import escape_mathtext

NEEDED = ("split", "method", "truth", "predicted", "count", "share", "share_low", "share_high")
LEFT, GAP, ROOM, BOTTOM, BAR = 0.45, 0.15, 0.14, 0.45, 0.5
"""Inches about panels.

They are left of panels beside the classes' names, between two, over their titles, under them, and
over all for the colour bar.

Names of classes that are wider than a column stand upright, in more room under it.
"""
WIDEST = 2.6
"""Of a panel [inch]."""
PALETTE = "Blues"


def plot(
    *,
    confusion: str | Path,
    splits: Sequence[str],
    labels: Mapping[str, str],
    target: Mapping[str, Any],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw one line of panels a split.

    Parameters
    ----------
    confusion : the study's confusion.csv
    splits : that are shown
    labels : method that is shown -> its name
    target : what is predicted
    """
    table = read_table(confusion, NEEDED, text=("truth", "predicted"))
    names = list(table["truth"].drop_duplicates())
    require_rows(confusion, table, split=splits, method=labels, truth=names, predicted=names)
    with style.journal_style():
        figure = draw_confusion(table, splits, labels, target["name"], footer(simulations))
        style.save_figure(
            figure, outputs, resolution=resolution, title="Confusion of classes", facts=facts
        )


def draw_confusion(
    table: pd.DataFrame,
    splits: Sequence[str],
    labels: Mapping[str, str],
    name: str,
    below: str = "",
) -> Figure:
    """Lay out a panel for each split (line) and method (column); sizes in inches."""
    width = style.TEXT_WIDTH
    names = [escape_mathtext(one) for one in table["truth"].drop_duplicates()]
    longest = max(map(style.text_width, names))
    start = LEFT + longest
    side = min(WIDEST, (width - start - GAP * len(labels)) / len(labels))
    upright = longest > side / len(names)
    titles = panel_titles(labels.values(), splits, side)
    room = ROOM + TITLE_LINE * max(map(len, titles.values()))
    line = room + side + BOTTOM + (longest if upright else 0)
    figure = Figure(figsize=(width, BAR + len(splits) * line + style.footer_height(below, width)))
    scale, colours = Normalize(0, 1), style.palette(PALETTE)
    bar = style.place_axes(figure, start, BAR - 0.12, side, 0.07)
    style.draw_colour_bar(
        bar, colours, scale, "share of the true class", extend="neither", above=True
    )
    for number, split in enumerate(splits):
        for column, (method, label) in enumerate(labels.items()):
            top = BAR + number * line + room
            axes = style.place_axes(figure, start + column * (side + GAP), top, side, side)
            rows = table[(table["split"] == split) & (table["method"] == method)]
            _draw_matrix(axes, rows, side, scale, upright)
            axes.set_xlabel(f"predicted {escape_mathtext(name)}", labelpad=2)
            axes.set_title("\n".join(titles[split, label]), fontsize=8, pad=3)
            if column == 0:
                axes.set_ylabel(f"true {escape_mathtext(name)}", labelpad=2)
            else:
                axes.set_yticklabels([])
    style.place_footer(figure, below)
    return figure


def _draw_matrix(
    axes: Axes, rows: pd.DataFrame, side: float, scale: Normalize, upright: bool
) -> None:
    """Draw shares as colours and numbers, with their intervals where cells have room."""
    names = list(rows["truth"].drop_duplicates())
    share = rows.pivot(index="truth", columns="predicted", values="share").loc[names, names]
    axes.imshow(
        share, norm=scale, cmap=style.palette(PALETTE), origin="upper", interpolation="nearest"
    )
    room = side / len(names)
    for row in rows.itertuples():
        if pd.isna(row.share) or room < 0.22:
            continue
        text = f"{row.share:.2f}"
        if pd.notna(row.share_low) and room > 0.5:
            text += f"\n{row.share_low:.2f}–{row.share_high:.2f}"
        axes.text(
            names.index(row.predicted),
            names.index(row.truth),
            text,
            ha="center",
            va="center",
            fontsize=7,
            linespacing=1.3,
            color="white" if float(row.share) > 0.6 else style.INK,
        )
    words = [escape_mathtext(name) for name in names]
    axes.set_xticks(range(len(names)), words, rotation=90 if upright else 0)
    axes.set_yticks(range(len(names)), words)
    axes.tick_params(length=0)

"""The figure of a detector: true boxes, and those that it finds, on test images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from starmass.reporting import style
from starmass.reporting.panels import as_picture
from starmass.reporting.typesetting import escape_mathtext
from starmass.spacing import spread_evenly

ACROSS, GAP, HEADING, FOOT = 3, 0.05, 0.2, 0.05
"""Images in a line; inches between images, above each for its row, and below all."""


def plot_detections(
    path: str | Path, images: np.ndarray, truth: pd.DataFrame, predicted: pd.DataFrame,
    test: np.ndarray, *, examples: int, least_score: float, resolution: int,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """Draw boxes on test images, those with sources first, spread evenly over the rows.

    Parameters
    ----------
    path : PNG to write
    images : float [row, channel, y, x], 0 black and 1 white; three channels are colours, of any
        other number the first is shown
    truth, predicted : columns row, x_min, y_min, x_max, y_max, class, and score of ``predicted``
    test : rows of the test images
    examples : number of images
    least_score : lowest score of a box that is drawn
    resolution : dots per inch
    facts : keywords of :func:`starmass.provenance.provenance`
    """
    rows = choose_examples(truth, test, examples)
    across = min(ACROSS, len(rows))
    side = (style.TEXT_WIDTH - GAP * (across + 1)) / ACROSS
    down = -(-len(rows) // across)
    words = (
        "White, solid: true boxes. Orange, dashed: boxes that were found, with their score, where"
        f" it is {least_score:g} or more."
    )
    top = down * (side + HEADING + GAP)
    with style.journal_style():
        width = across * (side + GAP) + GAP
        height = top + style.footer_height(words, width) + FOOT
        figure = Figure(figsize=(width, height))
        for at, row in enumerate(rows):
            left = GAP + (at % across) * (side + GAP)
            upper = (at // across) * (side + HEADING + GAP)
            axes = style.place_axes(figure, left, upper + HEADING, side, side)
            axes.set_title(f"image {row}", fontsize=8, pad=2)
            _draw_image(axes, images[row])
            for box in truth[truth["row"] == row].to_dict("records"):
                _draw_box(axes, box, "white", "-", str(box["class"]), below=True)
            seen = predicted[(predicted["row"] == row) & (predicted["score"] >= least_score)]
            for box in seen.to_dict("records"):
                words_of_box = f"{box['class']} {box['score']:.2f}"
                _draw_box(axes, box, style.ACCENT, "--", words_of_box)
        style.place_footer(figure, words)
        style.save_figure(
            figure, {"png": path}, resolution=resolution, title="Detected sources", facts=facts
        )


def choose_examples(truth: pd.DataFrame, test: np.ndarray, examples: int) -> np.ndarray:
    """Return rows of test images, spread evenly over those with a true box, then over others."""
    full = np.isin(test, truth["row"])
    known, others = np.sort(test[full]), np.sort(test[~full])
    taken = spread_evenly(known, examples)
    return np.concatenate([taken, spread_evenly(others, examples - len(taken))])


def _draw_image(axes: Axes, image: np.ndarray) -> None:
    """Draw one image [channel, y, x] with its first row on top, as boxes are counted."""
    pixels = image.shape[-1]
    axes.imshow(
        as_picture(image), cmap="gray", vmin=0, vmax=1, origin="upper",
        extent=(0, pixels, pixels, 0),
    )  # fmt: skip
    style.bare(axes)


def _draw_box(
    axes: Axes, box: Mapping[Any, Any], colour: str, line: str, words: str, *, below: bool = False
) -> None:
    low, width = (box["x_min"], box["y_min"]), box["x_max"] - box["x_min"]
    height = box["y_max"] - box["y_min"]
    axes.add_patch(Rectangle(low, width, height, fill=False, edgecolor=colour, linestyle=line))
    axes.text(
        box["x_min"],
        box["y_max"] if below else box["y_min"],
        escape_mathtext(words),
        color=colour,
        fontsize=6,
        va="top" if below else "bottom",
        ha="left",
        clip_on=True,
        path_effects=[withStroke(linewidth=1.5, foreground="black")],
    )

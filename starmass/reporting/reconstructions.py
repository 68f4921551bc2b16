"""The figure of a MAE: images, the patches that it sees, and what it paints in the others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from starmass.reporting import style
from starmass.reporting.panels import as_picture

ACROSS, GAP, BETWEEN, HEADING = 2, 0.03, 0.15, 0.2
"""Images in a line; inches between panels, between images, and above the first line."""
HIDDEN = 0.85
"""Grey of hidden patches, 0 black and 1 white."""
HEADINGS = ("image", "seen", "reconstruction")


def plot_reconstructions(
    images: np.ndarray,
    hidden: np.ndarray,
    painted: np.ndarray,
    *,
    outputs: Mapping[str, str | Path],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw three panels an image.

    Parameters
    ----------
    images, painted : float [image, channel, y, x], 0 black and 1 white; three channels are colours,
        of any other number the first is shown
    hidden : bool [image, rows, columns] of patches
    outputs : files by ``pdf`` and ``png``
    resolution : dots per inch
    facts : keywords of :func:`starmass.provenance.provenance`
    """
    with style.journal_style():
        style.save_figure(
            draw_reconstructions(images, hidden, painted), outputs, resolution=resolution,
            title="Reconstructions", facts=facts,
        )  # fmt: skip


def draw_reconstructions(images: np.ndarray, hidden: np.ndarray, painted: np.ndarray) -> Figure:
    """Lay out the panels of all images; sizes in inches."""
    across = min(ACROSS, len(images))
    block = (style.TEXT_WIDTH - BETWEEN * (ACROSS - 1)) / ACROSS
    side = (block - GAP * len(HEADINGS)) / len(HEADINGS)
    height = HEADING + -(-len(images) // across) * (side + GAP)
    figure = Figure(figsize=(across * (block + BETWEEN) - BETWEEN, height))
    for number, (image, mask, whole) in enumerate(zip(images, hidden, painted, strict=True)):
        left, top = (number % across) * (block + BETWEEN), number // across * (side + GAP)
        colours = as_colours(image)
        mask = np.kron(mask, np.ones(np.array(image.shape[1:]) // mask.shape, bool))
        panels = (colours, np.where(mask[..., None], HIDDEN, colours), as_colours(whole))
        for place, (panel, words) in enumerate(zip(panels, HEADINGS, strict=True)):
            start = left + GAP + place * (side + GAP)
            axes = style.place_axes(figure, start, HEADING + top, side, side)
            axes.imshow(panel, origin="upper")
            style.bare(axes)
            if number < across:
                style.place_text(figure, start + side / 2, 0.04, words, ha="center", fontsize=8)
    return figure


def as_colours(image: np.ndarray) -> np.ndarray:
    """Return an image [channel, y, x] as colours [y, x, 3]."""
    picture = as_picture(image)
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)

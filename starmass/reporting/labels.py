"""Few labels: R2 against the share of the training protostars that is labelled."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table

NEEDED = ("split", "method", "label", "fraction", "r2", "r2_low", "r2_high", "r2_draw_lowest", "r2_draw_highest", "n_train_protostars")
COLOURS = (style.POINTS, style.ACCENT, "#009e73", "#cc79a7", style.INK, "#56b4e9", "#e69f00")
"""Okabe & Ito (2008), yellow left out."""
MARKERS = "osD^vPX"
LOWEST = -0.6
"""R2 below is off the scale."""
APART = 1.025
"""Factor between the places of neighbouring methods on the logarithmic axis."""
WIDTH, HEIGHT, GAP, LINE = 2.9, 2.4, 0.8, 0.15


def plot_few_labels(
    *,
    few_labels: str | Path,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw a study's few_labels.csv."""
    table = read_table(few_labels, NEEDED)
    with style.journal_style():
        style.save_figure(draw_few_labels(table, footer(simulations)), outputs, resolution=resolution, title="Few labels", facts=facts)


def draw_few_labels(table: pd.DataFrame, below: str = "") -> Figure:
    """One panel a split, two a line; the methods' names below, for they are long."""
    splits, labels = list(dict.fromkeys(table["split"])), dict(zip(table["method"], table["label"], strict=True))
    lines = -(-len(splits) // 2)
    panels, legend = lines * (HEIGHT + GAP), LINE * -(-len(labels) // 2) + 0.1
    height = 0.25 + panels + legend + (0.2 if below else 0)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    looks = dict(
        zip(labels, zip(cycle(COLOURS), cycle(MARKERS), [*["-"] * len(COLOURS), *["--"] * len(labels)], strict=False), strict=False)
    )
    lowest = max(LOWEST, float(table["r2_low"].min()) - 0.05)
    handles: dict[str, Any] = {}
    for number, split in enumerate(splits):
        line, column = divmod(number, 2)
        width = WIDTH if len(splits) > 1 else style.TEXT_WIDTH - 0.7
        axes = style.place_axes(figure, 0.52 + column * (WIDTH + 0.55), 0.3 + line * (HEIGHT + GAP), width, HEIGHT)
        rows = table[table["split"] == split]
        for at, (method, part) in enumerate(rows.groupby("method", sort=False)):
            aside = APART ** (at - (rows["method"].nunique() - 1) / 2)
            handles[str(method)] = _draw_method(axes, part.sort_values("fraction"), looks[str(method)], lowest, aside)
        _label(axes, rows, lowest)
        style.place_text(figure, 0.52 + column * (WIDTH + 0.55), 0.08 + line * (HEIGHT + GAP), f"split: {split}", fontsize=8)
    shown = {"ncols": 2, "frameon": False, "fontsize": 7, "handlelength": 2.5, "labelspacing": 0.25, "borderpad": 0}
    place = (0.3 / style.TEXT_WIDTH, 1 - (0.25 + panels) / height)
    figure.legend(handles.values(), [labels[method] for method in handles], loc="upper left", bbox_to_anchor=place, **shown)
    style.place_footer(figure, below)
    return figure


def _draw_method(axes: Axes, part: pd.DataFrame, look: tuple[str, str, str], lowest: float, aside: float) -> Any:
    """Draw a method's line, a little aside of its neighbours': thin bars are the bootstrap's interval, thick ones the draws."""
    colour, marker, dashes = look
    shares = 100 * part["fraction"] * aside
    # Out of sight is drawn at the lower edge, so that a line leaves the panel where it leaves it.
    low, high, value = (part[name].clip(lower=lowest - 1) for name in ("r2_low", "r2_high", "r2"))
    axes.vlines(shares, low, high, color=colour, linewidth=0.6)
    axes.vlines(shares, part["r2_draw_lowest"], part["r2_draw_highest"], color=colour, linewidth=2.5, alpha=0.35)
    return axes.plot(shares, value, color=colour, marker=marker, markersize=3.5, linestyle=dashes)[0]


def _label(axes: Axes, rows: pd.DataFrame, lowest: float) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.6, linestyle=":")
    taught = rows.drop_duplicates("fraction").set_index("fraction")["n_train_protostars"]
    axes.set(xscale="log", ylim=(lowest, 1), ylabel=r"$R^2$ of $\log_{10} M_\star$")
    axes.set_xlabel("labelled training protostars [%], and how many they are")
    axes.xaxis.set_major_locator(FixedLocator([100 * fraction for fraction in taught.index]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda share, _: f"{share:.3g}\n({taught.iloc[(taught.index - share / 100).map(abs).argmin()]:g})")
    )
    axes.xaxis.set_minor_locator(NullLocator())

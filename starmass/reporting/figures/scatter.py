"""Predicted against true values of the test rows, where the target is a number."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starmass.reporting import style
from starmass.reporting.grids import with_interval
from starmass.reporting.inputs import footer, read_table, require_rows
from starmass.reporting.legends import TITLE_LINE, panel_titles
from starmass.reporting.typesetting import escape_mathtext

LEFT, GAP, ROOM, BOTTOM, WIDEST = 0.55, 0.12, 0.14, 0.42, 2.8
"""Inches left of panels, between two, over their titles, under them, and of the widest panel."""
OUTLIER = 0.05
"""Beyond this abs(dz) a redshift is an outlier."""
SHOWN = {
    "r2": (r"$R^2$", 2),
    "rmse": ("RMSE", 3),
    "rmse_dex": ("RMSE", 3),
    "sigma_mad": (r"$\sigma_\mathrm{MAD}$", 4),
    "outlier_share": ("outliers", 4),
}
"""Metrics that a panel has, their symbols and digits."""


def plot(
    *,
    predictions: Mapping[str, Mapping[str, str]],
    metrics: str | Path,
    target: Mapping[str, Any],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw one line of panels a split.

    Parameters
    ----------
    predictions : split -> method -> its table of predictions
    metrics : the study's metrics.csv
    target : what is predicted
    """
    table = read_table(metrics, ("split", "method", "label"))
    for split, methods in predictions.items():
        require_rows(metrics, table, split=[split], method=methods)
    rows = table.set_index(["split", "method"])
    panels = {
        split: [
            (rows.loc[(split, method)], read_table(path, ("row", "truth", "predicted")))
            for method, path in methods.items()
        ]
        for split, methods in predictions.items()
    }
    with style.journal_style():
        figure = draw_scatter(panels, target, footer(simulations))
        style.save_figure(
            figure, outputs, resolution=resolution, title="Predicted values", facts=facts
        )


def draw_scatter(
    panels: Mapping[str, list[tuple[Any, pd.DataFrame]]], target: Mapping[str, Any], below: str = ""
) -> Figure:
    """Lay out a panel for each split (line) and method (column); sizes in inches.

    Parameters
    ----------
    panels : split -> of each method its metrics, and its test rows with ``truth`` and ``predicted``
    target : what is predicted
    below : last lines of the figure
    """
    columns = max(map(len, panels.values()))
    width = style.TEXT_WIDTH
    side = min(WIDEST, (width - LEFT - GAP * columns) / columns)
    labels = {str(facts["label"]): None for one in panels.values() for facts, _ in one}
    titles = panel_titles(labels, panels, side)
    room = ROOM + TITLE_LINE * max(map(len, titles.values()))
    line = room + side + BOTTOM
    figure = Figure(figsize=(width, len(panels) * line + style.footer_height(below, width)))
    values = np.concatenate(
        [
            rows[["truth", "predicted"]].to_numpy().ravel()
            for one in panels.values()
            for _, rows in one
        ]
    )
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low or 1.0)
    limits = low - margin, high + margin
    for number, (split, methods) in enumerate(panels.items()):
        for column, (facts, rows) in enumerate(methods):
            left, top = LEFT + column * (side + GAP), number * line + room
            axes = style.place_axes(figure, left, top, side, side)
            _draw_rows(axes, rows, limits, target)
            style.label_panel(axes, metrics_text(facts))
            axes.set_title("\n".join(titles[split, str(facts["label"])]), fontsize=8, pad=3)
            axes.set_xlabel(f"true {axis_label(target)}")
            if column:
                axes.set_yticklabels([])
            else:
                axes.set_ylabel(f"predicted {axis_label(target)}")
    style.place_footer(figure, below)
    return figure


def axis_label(target: Mapping[str, Any]) -> str:
    """Return name and unit of what is predicted, for an axis."""
    name, unit = (escape_mathtext(target.get(key, "")) for key in ("name", "unit"))
    label = f"{name} [{unit}]" if unit else name
    return rf"$\log_{{10}}$ {label}" if target["transform"] == "log10" else label


def metrics_text(facts: Any) -> str:
    """Return the metrics of a panel that are known, with their intervals."""
    return "\n".join(
        f"{symbol} = {with_interval(facts, name, digits)}"
        for name, (symbol, digits) in SHOWN.items()
        if pd.notna(facts.get(name))
    )


def _draw_rows(
    axes: Axes, rows: pd.DataFrame, limits: tuple[float, float], target: Mapping[str, Any]
) -> None:
    line = np.array(limits)
    axes.scatter(
        rows["truth"],
        rows["predicted"],
        s=5,
        color=style.POINTS,
        alpha=float(np.clip(300 / len(rows), 0.15, 0.7)),
        linewidths=0,
        rasterized=True,
    )
    axes.plot(line, line, color=style.INK, linewidth=0.8, linestyle="--")
    for sign in (-1, 1) if target["metrics"] == "redshift" else ():
        beyond = line + sign * OUTLIER * (1 + line)
        axes.plot(line, beyond, color=style.ACCENT, linewidth=0.8, linestyle=":")
    axes.set(xlim=limits, ylim=limits)

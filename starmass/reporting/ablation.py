"""An ablation: R2 against the values of what was varied, and the difference from the base value, star by star."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from starmass.reporting import style
from starmass.reporting.inputs import footer, read_table

NEEDED = ("varied", "method", "label", "split", "value", "base", "r2", "r2_low", "r2_high", "r2_difference")
COLOURS, MARKERS = (style.POINTS, style.ACCENT, "#009e73", "#cc79a7", style.INK), "osD^v"
LOWEST, OFF = -1.0, -3.0
"""Intervals are cut off below the one, and points below the other."""
HEIGHT, GAP, LINE = 1.9, 0.62, 0.15
LENGTHS = {"finest_cell_pc": ("finest cell", "-."), "accretion_radius_pc": ("accretion radius", "--")}


def plot_ablation(
    *,
    ablation: str | Path,
    axis: str,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw a study's ``ablations/{ablation}.csv``; ``axis`` says what is varied, with its unit."""
    table = read_table(ablation, NEEDED).astype({"value": str, "base": str})
    with style.journal_style():
        figure = draw_ablation(table, axis, footer(simulations))
        style.save_figure(figure, outputs, resolution=resolution, title=f"Ablation: {axis}", facts=facts)


def draw_ablation(table: pd.DataFrame, axis: str, below: str = "") -> Figure:
    """One line of two panels a split: R2, and its difference from the base value."""
    splits, labels = list(dict.fromkeys(table["split"])), dict(zip(table["method"], table["label"], strict=True))
    values = list(dict.fromkeys(table["value"]))
    numbers = _numbers(values)
    turned = numbers is None and max(map(len, values)) * len(values) > 40
    beam = _beam(table, numbers)
    step = HEIGHT + GAP + (0.4 if turned else 0) + (0.3 if beam else 0)
    legend, top = 0.1 + LINE * len(labels), 0.3 + (0.3 if beam else 0)
    height = top + len(splits) * step - 0.2 + legend + (0.2 if below else 0)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    handles: dict[str, Any] = {}
    for line, split in enumerate(splits):
        place = top + line * step
        panels = [style.place_axes(figure, left, place, 2.85, HEIGHT) for left in (0.55, 4.05)]
        rows = table[table["split"] == split]
        for name, axes in zip(("r2", "r2_difference"), panels, strict=True):
            for number, (method, part) in enumerate(rows.groupby("method", sort=False)):
                look = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
                shift = 0 if numbers is not None else 0.14 * (number - (len(labels) - 1) / 2)
                handles[str(method)] = _draw_line(axes, part, name, values, numbers, look, shift)
            _label_values(axes, values, numbers, turned)
            _bound(axes, rows, name)
            axes.set(
                xlabel=axis, ylabel=r"$R^2$ of $\log_{10} M_\star$" if name == "r2" else f"$R^2$ minus that of {table['base'].iloc[0]}"
            )
            if beam:
                _draw_lengths(axes, table, beam, named=name == "r2")
        style.place_text(figure, 0.55, place - (0.52 if beam else 0.22), f"split: {split}", fontsize=8)
    shown = {"frameon": False, "fontsize": 7, "labelspacing": 0.25, "borderpad": 0}
    anchor = (0.3 / style.TEXT_WIDTH, 1 - (top + len(splits) * step - 0.2) / height)
    figure.legend(handles.values(), [labels[method] for method in handles], loc="upper left", bbox_to_anchor=anchor, **shown)
    style.place_footer(figure, below)
    return figure


def _numbers(values: list[str]) -> np.ndarray | None:
    """The values where all are numbers, or None."""
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return None


def _beam(table: pd.DataFrame, numbers: np.ndarray | None) -> float | None:
    """Parsecs that one unit of the axis stands for, where the axis is the size of a beam."""
    if numbers is None or (table["varied"] != "observation.beam").any():
        return None
    value, length = table["value"].astype(float), table["beam_pc"]
    return float((length / value)[value > 0].iloc[0]) if (value > 0).any() else None


def _places(values: list[str], numbers: np.ndarray | None) -> dict[str, float]:
    return dict(zip(values, range(len(values)) if numbers is None else map(float, numbers), strict=True))


def _draw_line(
    axes: Axes, part: pd.DataFrame, name: str, values: list[str], numbers: np.ndarray | None, look: tuple[str, str], shift: float
) -> Any:
    colour, marker = look
    at = part["value"].map(_places(values, numbers)) + shift
    order = np.argsort(at.to_numpy())
    at, rows = at.iloc[order], part.iloc[order]
    value = rows[name]
    bars = np.stack([value - rows[f"{name}_low"], rows[f"{name}_high"] - value]).clip(min=0)
    line = axes.plot(at, value, color=colour, linestyle="-" if numbers is not None else "", marker=marker, markersize=4)[0]
    axes.errorbar(at, value, yerr=bars, color=colour, linewidth=0, elinewidth=0.8)
    base = (rows["value"] == rows["base"]).to_numpy()
    axes.plot(at[base], value[base], color=colour, marker=marker, markersize=4, markerfacecolor="white", linestyle="", zorder=5)
    return line


def _label_values(axes: Axes, values: list[str], numbers: np.ndarray | None, turned: bool) -> None:
    places = _places(values, numbers)
    if numbers is not None and numbers.min() > 0 and numbers.max() >= 8 * numbers.min():
        axes.set_xscale("log")
    if numbers is not None:
        axes.xaxis.set_major_locator(FixedLocator(_apart(sorted(places.values()), axes.get_xscale() == "log")))
        axes.xaxis.set_major_formatter(FuncFormatter(style.plain_number))
    else:
        names = [style.SYMBOLS.get(value, value) for value in places]
        axes.set_xticks(list(places.values()), names, rotation=30 if turned else 0, ha="right" if turned else "center")
        axes.set_xlim(-0.5, len(values) - 0.5)
    axes.xaxis.set_minor_locator(NullLocator())


def _apart(places: list[float], log: bool) -> list[float]:
    """Ticks whose numbers do not run into each other."""
    scale = np.log if log else np.asarray
    width = float(scale(places[-1]) - scale(places[0])) or 1.0
    kept: list[float] = []
    for place in places:
        if not kept or float(scale(place) - scale(kept[-1])) > 0.07 * width:
            kept.append(place)
    return kept


def _bound(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    """Limits that show what can be told apart: zero and the points, and not all of an interval far below."""
    axes.axhline(0, color=style.INK, linewidth=0.6, linestyle=":")
    low, high = float(rows[f"{name}_low"].min()), float(rows[f"{name}_high"].max())
    seen = min(LOWEST, max(float(rows[name].min()), OFF))
    low, high = max(min(low, 0.0), seen), min(max(high, 0.0), 1.0)
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def _draw_lengths(axes: Axes, table: pd.DataFrame, parsecs: float, *, named: bool) -> None:
    """The beam in parsecs above the axis, and the simulation's own lengths."""
    there_and_back: Any = (lambda beam: beam * parsecs, lambda length: length / parsecs)
    above = axes.secondary_xaxis("top", functions=there_and_back)
    above.set_xlabel("beam [pc]", fontsize=8)
    axes.tick_params(axis="x", which="both", top=False)
    for column, (words, dashes) in LENGTHS.items():
        length = float(table[column].iloc[0])
        if np.isfinite(length):
            axes.axvline(length / parsecs, color=style.INK, linewidth=0.8, linestyle=dashes)
            if named:
                halo = [withStroke(linewidth=2, foreground="white")]
                place: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "bottom", "fontsize": 7, "path_effects": halo, "zorder": 6}
                axes.text(length / parsecs, 0.02, words + " ", transform=axes.get_xaxis_transform(), **place)

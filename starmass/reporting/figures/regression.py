"""Figure 2: features in the plane of their first components, and predicted against true mass."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.inputs import (
    footer,
    read_features,
    read_predictions,
    read_samples,
    read_table,
    require_rows,
)
from starmass.reporting.typesetting import escape_mathtext

BIN_DEX = 0.25
"""Width of the mass bins of counts, medians and intervals."""
FEWEST = 5
"""Test maps that a bin needs before a median of it is drawn."""
LEFT, GAP, TITLE, LINE, STRIP, BOTTOM = 0.52, 0.08, 0.22, 0.14, 0.44, 0.46
"""Inches about panels.

They are left and right of a panel, over it for its name (first and further lines) and for counts,
and under it.
"""


@dataclass(frozen=True)
class Panel:
    """One method on one split: its name, its metrics, and its test rows.

    Masses of the test rows are true and predicted log10 mass [Msun].
    """

    label: str
    true: np.ndarray
    predicted: np.ndarray
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One split: its panels, and all rows that take part.

    Rows have features [row, dimension] and log10 mass, and a flag for those that train.
    """

    split: str
    features: np.ndarray
    log_mass: np.ndarray
    training: np.ndarray
    panels: Sequence[Panel]


def plot(
    *,
    samples: str | Path,
    splits: Mapping[str, Mapping[str, Any]],
    metrics: str | Path,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    palettes: Mapping[str, str],
    resolution: int,
    facts: Mapping[str, Any],
) -> None:
    """Draw one line of panels a split.

    Parameters
    ----------
    samples : the study's samples.csv
    splits : by split, the files ``split`` (its rows), ``features``, and ``predictions`` by method
    metrics : the study's metrics.csv
    """
    log_mass = np.log10(read_samples(samples).set_index("row")["mass_msun"])
    table = read_table(metrics, ("split", "method", "label", "r2", "rmse_dex"))
    for name, files in splits.items():
        require_rows(metrics, table, split=[name], method=files["predictions"])
    facts_of = table.set_index(["split", "method"])
    lines = [_read_line(name, files, facts_of, log_mass) for name, files in splits.items()]
    with style.journal_style():
        figure = draw_regression(lines, palettes["mass"], footer(simulations))
        style.save_figure(
            figure,
            outputs,
            resolution=resolution,
            title="Features and predicted masses",
            facts=facts,
        )


def _read_line(
    name: str, files: Mapping[str, Any], metrics: pd.DataFrame, log_mass: pd.Series
) -> Line:
    parts = read_table(files["split"], ("row", "fold", "part"))
    first = parts[parts["fold"] == parts["fold"].min()].set_index("row")["part"]
    taking_part = first.index[first.isin(["train", "test"])].to_numpy()
    features = read_features(files["features"])
    if len(features) <= taking_part.max():
        raise InputError(
            f"{files['features']}: has {len(features)} rows and {files['split']} more; delete both"
            " and run Snakemake again."
        )
    panels = []
    for method, predictions in files["predictions"].items():
        table = read_predictions(predictions)
        facts = metrics.loc[(name, method)].to_dict()
        panels.append(
            Panel(
                str(facts["label"]),
                table["log10_mass"].to_numpy(),
                table["predicted_log10_mass"].to_numpy(),
                facts,
            )
        )
    return Line(
        split=name,
        features=features[taking_part],
        log_mass=log_mass.loc[taking_part].to_numpy(),
        training=(first.loc[taking_part] == "train").to_numpy(),
        panels=panels,
    )


def principal_components(
    features: np.ndarray, training: np.ndarray, count: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Project features [row, dimension] on the first components of their training rows.

    Returns the scores [row, count] and the share of the training variance of each. Signs are fixed:
    the entry of a component that is largest in size is positive.
    """
    centre = features[training].mean(axis=0)
    _, singular, basis = np.linalg.svd(features[training] - centre, full_matrices=False)
    basis, variance = basis[:count], singular**2
    signs = np.sign(basis[np.arange(len(basis)), np.abs(basis).argmax(axis=1)])
    scores = (features - centre) @ (basis * signs[:, None]).T
    return scores, variance[:count] / max(float(variance.sum()), np.finfo(float).tiny)


def running_median(true: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Median and 16th to 84th percentile of predicted log10 mass in bins of true log10 mass.

    Bins with too few test rows are left out.
    """
    edges = mass_bins(true)
    place = np.clip(np.digitize(true, edges) - 1, 0, len(edges) - 2)
    found = []
    for index in range(len(edges) - 1):
        inside = predicted[place == index]
        if len(inside) >= FEWEST:
            low, middle, high = np.percentile(inside, [16, 50, 84])
            found.append((true[place == index].mean(), low, middle, high))
    return pd.DataFrame(found, columns=["true", "low", "median", "high"])


def mass_bins(log_mass: np.ndarray) -> np.ndarray:
    """Edges on whole multiples of the bin width that enclose all values."""
    low = np.floor(log_mass.min() / BIN_DEX)
    high = max(np.floor(log_mass.max() / BIN_DEX) + 1, low + 1)
    return np.arange(low, high + 1) * BIN_DEX


def draw_regression(lines: Sequence[Line], palette: str, below: str = "") -> Figure:
    """Lay out one line of panels a split: components coloured by mass, then one panel a method.

    Sizes are in inches.
    """
    column = style.TEXT_WIDTH / (1 + max(len(line.panels) for line in lines))
    side = column - LEFT - GAP
    letters = iter(ascii_lowercase)
    names = [
        [_panel_name(next(letters), label, line.split, column) for label in _labels(line)]
        for line in lines
    ]
    title = TITLE + LINE * max(name.count("\n") for row in names for name in row)
    pitch = title + STRIP + side + BOTTOM
    height = pitch * len(lines) + style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    every = np.concatenate([line.log_mass for line in lines])
    both = np.concatenate([every, *(panel.predicted for line in lines for panel in line.panels)])
    limits = 10 ** (both.min() - 0.08), 10 ** (both.max() + 0.08)
    scale = LogNorm(10 ** every.min(), 10 ** max(every.max(), every.min() + 0.1))
    for place, line in enumerate(lines):
        for number, panel in enumerate((None, *line.panels)):
            left, top = column * number + LEFT, pitch * place + title
            style.place_text(
                figure,
                left,
                top - 0.04,
                names[place][number],
                va="bottom",
                linespacing=1.2,
                fontsize=8,
            )
            axes = style.place_axes(figure, left, top + STRIP, side, side)
            if panel:
                _draw_prediction(axes, panel, limits)
                _draw_counts(
                    style.place_axes(figure, left, top, side, STRIP),
                    line.log_mass[line.training],
                    limits,
                )
            else:
                _draw_components(axes, line, scale, palette)
                _draw_mass_bar(
                    style.place_axes(figure, left, top + STRIP - 0.11, side, 0.07), scale, palette
                )
    style.place_footer(figure, below)
    return figure


def _labels(line: Line) -> list[str]:
    return ["features", *(panel.label for panel in line.panels)]


def _panel_name(letter: str, label: str, split: str, width: float) -> str:
    """Letter, method and split in lines that fit a column of ``width`` inches."""
    return "\n".join(
        [*textwrap.wrap(f"({letter}) {escape_mathtext(label)}", int(15 * width)), f"split: {split}"]
    )


def _draw_components(axes: Axes, line: Line, scale: LogNorm, palette: str) -> None:
    scores, shares = principal_components(line.features, line.training)
    order = np.random.default_rng(0).permutation(
        len(scores)
    )  # else the rows that come last would cover the rest
    size = float(np.clip(3000 / len(scores), 1, 10))
    masses = 10 ** line.log_mass[order]
    axes.scatter(
        scores[order, 0],
        scores[order, 1],
        c=masses,
        norm=scale,
        cmap=style.palette(palette),
        s=size,
        linewidths=0,
        rasterized=True,
    )
    axes.set_xlabel(f"PC 1 ({shares[0]:.0%} of variance)")
    axes.set_ylabel(f"PC 2 ({shares[1]:.0%} of variance)", labelpad=1)


def _draw_mass_bar(axes: Axes, scale: LogNorm, palette: str) -> None:
    style.draw_colour_bar(
        axes, style.palette(palette), scale, style.MASS_LABEL, extend="neither", above=True
    )


def _draw_prediction(axes: Axes, panel: Panel, limits: tuple[float, float]) -> None:
    alpha = float(np.clip(300 / len(panel.true), 0.15, 0.7))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.scatter(
        10**panel.true,
        10**panel.predicted,
        s=5,
        color=style.POINTS,
        alpha=alpha,
        linewidths=0,
        rasterized=True,
    )
    axes.plot(limits, limits, color=style.INK, linewidth=0.8, linestyle="--")
    middle = 10 ** running_median(panel.true, panel.predicted)
    bars = [middle["median"] - middle["low"], middle["high"] - middle["median"]]
    axes.errorbar(
        middle["true"],
        middle["median"],
        yerr=bars,
        color=style.ACCENT,
        marker="o",
        markersize=3,
        linewidth=1,
    )
    axes.set(xlim=limits, ylim=limits, xlabel=f"true {style.MASS_LABEL}")
    axes.set_ylabel(f"predicted {style.MASS_LABEL}", labelpad=1)
    style.label_panel(axes, metrics_text(panel.metrics))
    for axis in (axes.xaxis, axes.yaxis):
        style.plain_ticks(axis)


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """R2 with its interval, where there is one, and RMSE as the table has them."""
    text = rf"$R^2 = {metrics['r2']:.2f}$" if np.isfinite(metrics["r2"]) else "no $R^2$"
    if np.isfinite(metrics.get("r2_low", np.nan)):
        text += rf" [${metrics['r2_low']:.2f}$, ${metrics['r2_high']:.2f}$]"
    return text + f"\nRMSE = {metrics['rmse_dex']:.2f} dex"


def _draw_counts(axes: Axes, log_mass: np.ndarray, limits: tuple[float, float]) -> None:
    """Training maps a mass bin; where there are few, no method can be expected to do well."""
    edges = mass_bins(log_mass)
    counts, _ = np.histogram(log_mass, edges)
    axes.stairs(np.maximum(counts, 0.5), 10**edges, baseline=0.5, fill=True, color="#b8bcc6")
    axes.set(xscale="log", yscale="log", xlim=limits, ylim=(0.5, counts.max() * 3))
    axes.set_ylabel("training\nmaps", fontsize=7, labelpad=1)
    axes.tick_params(axis="x", which="both", labelbottom=False)
    axes.tick_params(axis="y", which="minor", left=False, right=False)
    style.plain_ticks(axes.yaxis)

"""Features in a plane: principal components and t-SNE.

They are coloured by mass, age and simulation, or by what else a study predicts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.inputs import SKY, footer, read_samples, read_table, require_rows
from starmass.reporting.typesetting import escape_mathtext

PLANES = {"pc": "PC", "tsne": "t-SNE"}
NEEDED = (
    "row",
    "part",
    "pc_1",
    "pc_2",
    "pc_1_share",
    "pc_2_share",
    "tsne_1",
    "tsne_2",
    "same_protostar",
    "same_simulation",
)
LEFT, GAP, TOP, BOTTOM, FOOTER = 0.48, 0.22, 0.58, 0.36, 0.24
"""Inches left of panels, between two, over them (colour bars), under them, for last lines."""

COLUMNS, KEY_LINE = 5, 0.16
"""Names of classes in a line below the panels, and the height of such a line [inch]."""


def plot(
    *,
    embedding: str | Path,
    samples: str | Path,
    split: str,
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    palettes: Mapping[str, str],
    resolution: int,
    facts: Mapping[str, Any],
    target: Mapping[str, Any] | None = None,
) -> None:
    """Draw a study's embedding; ``split`` is the one whose training rows gave the components.

    Without a ``target`` of the config it is the mass.
    """
    table, known = read_table(embedding, NEEDED), read_samples(samples).set_index("row")
    if not table["row"].isin(known.index).all():
        raise InputError(
            f"{embedding}: has rows that are not in {samples}; delete it and run Snakemake again"
            " to remake it."
        )
    require_rows(embedding, table, row=known.index)
    columns = ["simulation", "sink_id", "axis", "mass_msun", "age_yr"]
    table = table.join(known[columns], on="row")
    below = footer(simulations)
    with style.journal_style():
        if target is None:
            figure = draw_embedding(table, split, palettes, below)
        else:
            values = known.loc[table["row"], target["column"]].to_numpy()
            shown = table.assign(value=values)
            figure = draw_target(shown, split, target, palettes["mass"], below)
        style.save_figure(
            figure, outputs, resolution=resolution, title="Features in a plane", facts=facts
        )


def draw_embedding(
    table: pd.DataFrame, split: str, palettes: Mapping[str, str], below: str = ""
) -> Figure:
    """Two lines of three panels; sizes in inches."""
    side = (style.TEXT_WIDTH - LEFT - 2 * GAP - 0.05) / 3
    height = TOP + 2 * (side + BOTTOM) + FOOTER + style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    table = table.sample(
        frac=1, random_state=0
    )  # else the rows that come last would cover the rest
    kind, names = choose_kinds(table)
    for column in range(3):
        left = LEFT + column * (side + GAP)
        for line, plane in enumerate(PLANES):
            axes = style.place_axes(figure, left, TOP + line * (side + BOTTOM), side, side)
            if column < 2:
                _draw_values(axes, table, plane, ("mass_msun", "age_yr")[column], palettes)
            else:
                _draw_kinds(axes, table, plane, kind, names)
            _label(axes, table, plane, column)
            style.label_panel(axes, f"({ascii_lowercase[3 * line + column]})")
        if column < 2:
            value, label = (("mass_msun", style.MASS_LABEL), ("age_yr", style.AGE_LABEL))[column]
            bar = style.place_axes(figure, left, TOP - 0.13, side, 0.07)
            _, scale = _scaled(table, value)
            style.draw_colour_bar(
                bar,
                style.palette(palettes[_palette(value)]),
                scale,
                label,
                extend="neither",
                above=True,
            )
        else:
            _draw_key(style.place_axes(figure, left, 0.04, side, TOP - 0.1), kind, names)
    for place, words in enumerate(sentences(table, split)):
        style.place_text(
            figure,
            style.TEXT_WIDTH / 2,
            TOP + 2 * (side + BOTTOM) - 0.1 + 0.15 * place,
            words,
            ha="center",
            fontsize=8,
        )
    style.place_footer(figure, below)
    return figure


def draw_target(
    table: pd.DataFrame, split: str, target: Mapping[str, Any], palette: str, below: str = ""
) -> Figure:
    """Draw two panels coloured by what is predicted; sizes in inches.

    Parameters
    ----------
    table : embedding with what is predicted of each row as ``value``, number or class
    split : whose training rows gave the components
    target : what is predicted
    palette : colour map of numbers
    below : last lines of the figure
    """
    side = (style.TEXT_WIDTH - LEFT - 0.45 - 0.05) / 2
    top = TOP if target["kind"] == "number" else 0.2
    table = table.sample(frac=1, random_state=0)
    names: list[str] = []
    if target["kind"] == "classes":
        names = [*(target.get("classes") or sorted(table["value"].astype(str).unique()))]
    lines = -(-len(names) // COLUMNS)
    height = top + side + BOTTOM + FOOTER + KEY_LINE * lines
    height += style.footer_height(below, style.TEXT_WIDTH)
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    for column, plane in enumerate(PLANES):
        axes = style.place_axes(figure, LEFT + column * (side + 0.45), top, side, side)
        if names:
            _draw_kinds(axes, table, plane, "value", names)
        else:
            _draw_number(figure, axes, table, plane, (side, top), target, palette)
        _label(axes, table, plane, 0)
        style.label_panel(axes, f"({ascii_lowercase[column]})")
    if names:
        key = style.place_axes(
            figure, LEFT, top + side + BOTTOM, style.TEXT_WIDTH - LEFT, KEY_LINE * lines
        )
        _draw_key(key, "value", names, COLUMNS)
    place = top + side + BOTTOM + KEY_LINE * lines
    words = sentences(table, split, "images", "objects")
    style.place_text(figure, style.TEXT_WIDTH / 2, place, words[0], ha="center", fontsize=8)
    style.place_footer(figure, below)
    return figure


def _draw_number(
    figure: Figure,
    axes: Axes,
    table: pd.DataFrame,
    plane: str,
    sizes: tuple[float, float],
    target: Mapping[str, Any],
    palette: str,
) -> None:
    """Draw rows coloured by a number, with the bar over the left panel; ``sizes``: side, top."""
    values, (side, top) = table["value"].astype(float), sizes
    scale = (LogNorm if target["transform"] == "log10" else Normalize)(values.min(), values.max())
    look: Any = {"s": _size(table), "linewidths": 0, "rasterized": True}
    place = (table[f"{plane}_1"], table[f"{plane}_2"])
    axes.scatter(*place, c=values, norm=scale, cmap=style.palette(palette), **look)
    if plane == next(iter(PLANES)):
        unit = f" [{target['unit']}]" if target["unit"] else ""
        bar = style.place_axes(figure, LEFT, top - 0.13, side, 0.07)
        style.draw_colour_bar(
            bar,
            style.palette(palette),
            scale,
            escape_mathtext(f"{target['name']}{unit}"),
            extend="neither",
            above=True,
        )


def sentences(
    table: pd.DataFrame, split: str, rows: str = "maps", things: str = "protostars"
) -> list[str]:
    """Say what is shown, and what the neighbours in all dimensions, not those in the plane, are.

    ``rows`` and ``things`` are what these are called.
    """
    stars = table.groupby(["simulation", "sink_id"]).ngroup().to_numpy()
    number = np.bincount(stars)
    chance = float((number * (number - 1)).sum() / (len(stars) * (len(stars) - 1)))
    taught = int((table["part"] == "train").sum())
    return [
        f"All {len(table)} {rows} of {len(number)} {things}; components of the {taught} training"
        f" {rows} of split {split}, t-SNE of all {rows}.",
        "Nearest neighbour, in all dimensions, of the same protostar:"
        f" {table['same_protostar'].mean():.0%} of the maps"
        f" (by chance {chance:.0%}).",
    ]


def choose_kinds(table: pd.DataFrame) -> tuple[str, list[str]]:
    """Return what the last column is coloured by, and its values.

    It is the simulation, or the line of sight where there is only one simulation.
    """
    for kind in ("simulation", "axis"):
        names = sorted(table[kind].astype(str).unique())
        if len(names) > 1:
            break
    return kind, names


def _draw_values(
    axes: Axes, table: pd.DataFrame, plane: str, value: str, palettes: Mapping[str, str]
) -> None:
    shown, scale = _scaled(table, value)
    colours = style.palette(palettes[_palette(value)])
    axes.scatter(
        table[f"{plane}_1"],
        table[f"{plane}_2"],
        c=shown,
        norm=scale,
        cmap=colours,
        s=_size(table),
        linewidths=0,
        rasterized=True,
    )
    if not np.isfinite(shown).any():
        place = axes.transAxes
        axes.text(0.5, 0.5, "not known", fontsize=8, ha="center", va="center", transform=place)


def _draw_kinds(
    axes: Axes, table: pd.DataFrame, plane: str, kind: str, names: Sequence[str]
) -> None:
    for place, name in enumerate(names):
        own = table[table[kind].astype(str) == name]
        axes.scatter(
            own[f"{plane}_1"],
            own[f"{plane}_2"],
            **_look(place),
            s=_size(table),
            linewidths=0,
            alpha=0.8,
            rasterized=True,
        )


def _draw_key(axes: Axes, kind: str, names: Sequence[str], most: int = 2) -> None:
    handles = [
        axes.scatter([], [], **_look(place), s=14, linewidths=0) for place in range(len(names))
    ]
    labels = [
        f"along ${name}$" if kind == "axis" and name in SKY else escape_mathtext(name)
        for name in names
    ]
    axes.set_axis_off()
    columns = min(len(names), 3 if kind == "axis" else most)
    # Given as such: of a handle's own label, one that begins with an underscore is not shown.
    axes.legend(
        handles,
        labels,
        frameon=False,
        loc="lower center",
        ncols=columns,
        handletextpad=0.1,
        columnspacing=1,
        borderaxespad=0.1,
    )


def _look(place: int) -> dict[str, Any]:
    return {
        "color": style.CATEGORIES[place % len(style.CATEGORIES)],
        "marker": style.MARKERS[place % len(style.MARKERS)],
    }


def _label(axes: Axes, table: pd.DataFrame, plane: str, column: int) -> None:
    """Name the axes; those of t-SNE have no unit, and their ticks would say nothing."""
    for number, setter in ((1, axes.set_xlabel), (2, axes.set_ylabel)):
        share = (
            f" ({table['pc_' + str(number) + '_share'].iloc[0]:.0%} of variance)"
            if plane == "pc"
            else ""
        )
        if number == 1 or column == 0:
            setter(f"{PLANES[plane]} {number}{share}", labelpad=2)
    if plane == "tsne":
        style.bare(axes)
    elif column:
        axes.set_yticklabels([])


def _scaled(table: pd.DataFrame, value: str) -> tuple[np.ndarray, LogNorm]:
    """Return values in the unit of their label and a logarithmic scale.

    Values that are not positive have the lowest colour; those that are not known have none.
    """
    shown = table[value].to_numpy(float) / (1e3 if value == "age_yr" else 1)
    positive = shown[shown > 0]
    low = float(positive.min()) if positive.size else 1.0
    high = float(positive.max()) if positive.size else low
    return np.maximum(shown, low), LogNorm(low, max(high, low * 1.25))


def _palette(value: str) -> str:
    return {"mass_msun": "mass", "age_yr": "age"}[value]


def _size(table: pd.DataFrame) -> float:
    return float(np.clip(3000 / len(table), 1, 10))

"""The figure of an observed object: its maps above its neighbours', masses, and what is off."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from starmass.reporting import style
from starmass.reporting.object_inputs import ObjectResults, SkyMap
from starmass.reporting.typesetting import escape_mathtext
from starmass.units import ARCSEC_RADIAN

CELL, GAP, HEADING, BAR = 1.12, 0.03, 0.2, 0.45
"""Inches: side of a map, space between maps, room of a line of text, and of a colour bar."""
RIGHT = 4.35
"""Left edge of the panels on the right [inch]."""
LABELS = {
    "column_density": r"$N_\mathrm{H}$ [cm$^{-2}$]",
    "v_los gradient": r"$|\nabla v_\mathrm{los}|$ [km s$^{-1}$ pc$^{-1}$]",
    "sigma_v": r"$\sigma_v$ [km s$^{-1}$]",
    "v_los": r"$v_\mathrm{los} - v_\star$ [km s$^{-1}$]",
}
LOG = ("column_density", "sigma_v", "v_los gradient")


def draw(results: ObjectResults, palettes: Mapping[str, str]) -> Figure:
    """Draw the figure."""
    lines = [results.own, *results.others]
    height = len(lines) * (CELL + HEADING) + BAR + 0.1
    figure = Figure(figsize=(style.TEXT_WIDTH, height))
    scales = [_scale(results, place) for place in range(len(results.channels))]
    for number, line in enumerate(lines):
        _draw_line(figure, number, line, results, scales, palettes)
    below = len(lines) * (CELL + HEADING) + 0.05
    for place, name in enumerate(results.channels):
        bar = style.place_axes(figure, 0.04 + place * (CELL + GAP), below, CELL - 0.06, 0.07)
        label = style.quantity_label(name, results.own.units[place])
        style.draw_colour_bar(bar, style.palette(palettes[name]), scales[place], label)
    _draw_masses(figure, results)
    _draw_profiles(figure, results, height)
    return figure


def _scale(results: ObjectResults, place: int) -> Normalize:
    """Return the colour scale of a channel, the object's and its neighbours' alike."""
    maps = [results.own, *results.others]
    shown = np.stack([one.values[place] for one in maps])
    return style.channel_scale(results.channels[place], shown)


def _draw_line(
    figure: Figure, number: int, line: SkyMap, results: ObjectResults,
    scales: Sequence[Normalize], palettes: Mapping[str, str],
) -> None:  # fmt: skip
    top = number * (CELL + HEADING)
    style.place_text(figure, 0.02, top + 0.05, _title(number, line, results), fontsize=8)
    half = results.side_pc / 2
    for place, name in enumerate(results.channels):
        left, lowest = 0.02 + place * (CELL + GAP), scales[place].vmin
        axes = style.place_axes(figure, left, top + HEADING, CELL, CELL)
        axes.imshow(
            # Noise may leave a column density at 0 or below, which has no logarithm.
            np.maximum(line.values[place], -np.inf if lowest is None else lowest),
            norm=scales[place],
            cmap=style.palette(palettes[name]),
            extent=(-half, half, -half, half),
        )
        style.bare(axes)
        style.mark_protostar(axes)
        if number == 0 and place == 0:
            style.draw_scale_bar(axes, results.side_pc)
            _draw_beam(axes, results)
        if number == 0 and place == 1:
            _draw_directions(axes, results.side_pc)


def _title(number: int, line: SkyMap, results: ObjectResults) -> str:
    if number == 0:
        return f"{escape_mathtext(results.name)} (observed; grey pixels are missing)"
    row = results.neighbours.iloc[number - 1]
    return rf"{number}. {escape_mathtext(line.title)}: {row['mass_msun']:.2g} M$_\odot$"


def _draw_beam(axes: Axes, results: ObjectResults) -> None:
    beam = float(results.facts["beam_arcsec"]) * ARCSEC_RADIAN * float(results.facts["distance_pc"])
    if beam:
        place = (0.42 * results.side_pc, -0.4 * results.side_pc)
        axes.add_patch(Circle(place, beam / 2, facecolor="white", edgecolor="black", linewidth=0.6))


def _draw_directions(axes: Axes, side: float) -> None:
    """Say that north is up and east is left."""
    corner, length = (0.42 * side, -0.42 * side), 0.14 * side
    for name, (x, y) in (("E", (-length, 0.0)), ("N", (0.0, length))):
        arrow = {"arrowstyle": "-|>,head_width=0.12,head_length=0.2", "color": "black"}
        end = (corner[0] + x, corner[1] + y)
        axes.annotate("", end, corner, arrowprops={**arrow, "linewidth": 0.8, "shrinkA": 0})
        axes.text(
            corner[0] + 1.4 * x, corner[1] + 1.4 * y, name, ha="center", va="center", fontsize=7
        )


def _draw_masses(figure: Figure, results: ObjectResults) -> None:
    """Draw each method's mass with its interval, and the neighbours' masses."""
    rows = results.prediction.to_dict("records")
    height = 0.3 * len(rows) + 0.35
    words = {"refused": "no mass is given", "inside": "90% intervals"}.get(
        results.verdict, f"90% intervals; {results.verdict}"
    )
    style.place_text(figure, RIGHT, 0.05, f"Mass by method, {words}", fontsize=9)
    axes = style.place_axes(figure, RIGHT, HEADING + 0.05, style.TEXT_WIDTH - RIGHT - 0.08, height)
    colour = style.POINTS if results.verdict == "inside" else "#8c8c8c"
    axes.set_xscale("log")
    masses = [*results.neighbours["mass_msun"]]
    for place, row in enumerate(rows):
        level = -place
        if np.isfinite(row["mass_msun"]):
            if np.isfinite(row["lower_msun"]):
                masses += [row["lower_msun"], row["upper_msun"]]
                axes.plot([row["lower_msun"], row["upper_msun"]], [level] * 2, color=colour)
            masses.append(row["mass_msun"])
            axes.plot(row["mass_msun"], level, "o", color=colour, markersize=5)
        axes.text(
            0.01, level + 0.2, escape_mathtext(str(row["label"])), fontsize=6.5, va="bottom",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    axes.plot(
        results.neighbours["mass_msun"], [-len(rows)] * len(results.neighbours), "|",
        color=style.ACCENT, markersize=8, markeredgewidth=1.2,
    )  # fmt: skip
    axes.text(
        0.01, -len(rows) + 0.2, "the five nearest simulated stars", fontsize=6.5, va="bottom",
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip
    axes.set_ylim(-len(rows) - 0.6, 0.9)
    axes.set_yticks([])
    axes.set_xlim(min(masses) / 1.5, max(masses) * 1.5)
    style.plain_ticks(axes.xaxis)
    axes.set_xlabel(style.MASS_LABEL, labelpad=1)


def _draw_profiles(figure: Figure, results: ObjectResults, height: float) -> None:
    """Draw each quantity by radius, above the range of the simulated stars."""
    table = results.novelty[
        (results.novelty["test"] == "statistic") & (results.novelty["measure"] == "mean")
    ]
    names = list(dict.fromkeys(table["quantity"]))
    start = HEADING + 0.3 * len(results.prediction) + 1.1
    style.place_text(
        figure, RIGHT, start - 0.28,
        "Means in annuli (geometric, but of $v$); range of stars", fontsize=8,
    )  # fmt: skip
    room = (height - start - 0.4) / max(len(names), 1)
    for place, name in enumerate(names):
        rows = table[table["quantity"] == name]
        axes = style.place_axes(
            figure, RIGHT + 0.42, start + place * room, style.TEXT_WIDTH - RIGHT - 0.5, room - 0.1
        )
        transform = (lambda v: 10**v) if name in LOG else (lambda v: v)
        radius = rows["radius_pc"].to_numpy()
        axes.fill_between(
            radius,
            transform(rows["training_low"].to_numpy()),
            transform(rows["training_high"].to_numpy()),
            color="#d9d9d9",
            linewidth=0,
        )
        axes.plot(radius, transform(rows["measured"].to_numpy()), "o-", color=style.ACCENT, ms=3)
        axes.set_xscale("log")
        axes.set_yscale("log" if name in LOG else "linear")
        axes.tick_params(labelsize=7)
        p = results.novelty[
            (results.novelty["test"] == "offset") & (results.novelty["quantity"] == name)
        ]["p"].iloc[0]
        style.label_panel(axes, f"{LABELS[name]}, offset $p$ = {p:.2g}")
        low, high = axes.get_ylim()
        axes.set_ylim(
            low, high * (high / low) ** 0.35 if name in LOG else high + 0.35 * (high - low)
        )
        style.plain_ticks(axes.xaxis)
        if place < len(names) - 1:
            axes.set_xticklabels([])
    axes.set_xlabel("radius [pc]", labelpad=1)

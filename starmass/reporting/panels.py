"""Panels of several figures: a channel of a map, an image over it, the key of segment colours."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from string import ascii_lowercase

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from starmass.channels import BASE
from starmass.config.reporting import Palettes
from starmass.errors import InputError
from starmass.reporting import style
from starmass.reporting.inputs import CHANNELS, SKY, MapRow
from starmass.reporting.typesetting import escape_mathtext

GAP, BAR = 0.06, 0.42
"""Inches about a panel, and for colour bars under a line of panels."""


def channel_scales(rows: Sequence[MapRow]) -> list[Normalize]:
    """Return the scale of each channel that all maps of a figure share."""
    if rows[0].picture:
        return [Normalize(0, 1)]
    shown = np.stack([row.channels for row in rows])
    return [style.channel_scale(name, shown[:, place]) for place, name in enumerate(rows[0].names)]


def draw_channel(
    axes: Axes,
    row: MapRow,
    channel: int,
    scale: Normalize,
    palettes: Mapping[str, str],
    *,
    marked: bool = True,
) -> None:
    """Draw one channel of a map, its protostar in a circle; or a picture as it is shown."""
    half = row.side / 2
    if row.picture:
        axes.imshow(
            as_picture(row.channels),
            norm=scale,
            cmap=style.palette(palettes.get(row.names[0], "gray")),
            origin="upper",
            extent=(-half, half, -half, half),
        )
        style.bare(axes)
        return
    axes.imshow(
        row.channels[channel],
        norm=scale,
        cmap=style.palette(palettes[row.names[channel]]),
        extent=(-half, half, -half, half),
    )
    style.bare(axes)
    if marked:
        style.mark_protostar(axes)


def as_picture(image: np.ndarray) -> np.ndarray:
    """Return an image [channel, y, x] as it is drawn, within 0..1.

    Three channels are colours [y, x, 3]; of any other number it is the first [y, x].
    """
    return np.clip(np.moveaxis(image, 0, -1) if len(image) == 3 else image[0], 0, 1)


def in_grey(row: MapRow) -> MapRow:
    """Return a picture of three channels as the mean of these; any other map as it is."""
    if not row.picture or len(row.channels) != 3:
        return row
    return replace(row, channels=row.channels.mean(axis=0, keepdims=True))


def picture_words(row: MapRow) -> str:
    """Return what a picture shows, in two lines."""
    channels = len(row.channels)
    colours = {1: "", 3: "\n(channels as colours)"}.get(channels, f"\n(the first of {channels})")
    return f"image{colours}"


def draw_map(
    channels: np.ndarray, *, side: float, axis: str = "", palettes: Palettes | None = None
) -> Figure:  # fmt: skip
    """Draw the three channels of one map, with a scale bar and a colour bar each.

    Parameters
    ----------
    channels : [channel, row, column]: column density [cm^-2], ``v_los`` and ``sigma_v`` [km/s]
    side : of the map in the sky [pc]
    axis : line of sight, ``x``, ``y`` or ``z``, for arrows along the other two; none where the map
        says nothing of them
    palettes : colour maps by channel; None for the config's defaults

    Raises
    ------
    InputError
        when ``channels`` has another shape
    """
    if np.ndim(channels) != 3 or len(channels) != len(CHANNELS):
        raise InputError(
            f"a map of shape {np.shape(channels)} can't be drawn; give one map, [channel, row,"
            f" column], with the channels {', '.join(CHANNELS)}."
        )
    row = MapRow(
        channels, CHANNELS, tuple(BASE[name].unit for name in CHANNELS), axis=axis, side=side,
        mass=np.nan, age=np.nan, simulation="", sink_id=0, oriented=axis in SKY,
    )  # fmt: skip
    colours = (palettes or Palettes()).plain()
    with style.journal_style():
        pitch = style.TEXT_WIDTH / len(CHANNELS)
        figure = Figure(figsize=(style.TEXT_WIDTH, pitch + BAR))
        for place, scale in enumerate(channel_scales([row])):
            left, width = place * pitch + GAP, pitch - 2 * GAP
            axes = style.place_axes(figure, left, GAP, width, width)
            draw_channel(axes, row, place, scale, colours)
            if place == 0:
                orient(axes, row)
            draw_channel_bar(figure, left, pitch, width, row, place, scale, colours)
    return figure


def draw_tokens(
    axes: Axes,
    picture: np.ndarray,
    row: MapRow,
    side: float,
    colours: Colormap | None = None,
    scale: Normalize | None = None,
) -> None:
    """Draw an image of the tokens, [row, column] or [row, column, 3].

    They cover a square of ``side`` pc about the protostar.
    """
    half = row.side / 2
    axes.imshow(
        picture,
        cmap=colours,
        norm=scale,
        origin="upper" if row.picture else "lower",
        extent=(-side / 2, side / 2, -side / 2, side / 2),
    )
    axes.set(xlim=(-half, half), ylim=(-half, half))
    style.bare(axes)
    if not row.picture:
        style.mark_protostar(axes)


def orient(axes: Axes, row: MapRow, *, bar: bool = True) -> None:
    """Say how long, and which way up, a map is."""
    if row.oriented:
        style.draw_compass(axes, row.side, *SKY[row.axis])
    if bar and row.sized:
        style.draw_scale_bar(axes, row.side)


def name_line(axes: Axes, row: MapRow, line: int) -> None:
    """Write letter, mass (or label), age and line of sight left of a line of panels.

    Scale and orientation go into its first panel.
    """
    orient(axes, row)
    first = f"({ascii_lowercase[line % 26]})"
    if row.label:
        height = axes.get_window_extent().height / axes.figure.dpi
        words = style.wrap_text(f"{first} {escape_mathtext(row.label)}", height)
        first = "\n".join(words)
    elif np.isfinite(row.mass):
        first = rf"{first}  {row.mass:.2g} M$_\odot$"
    second = ", ".join(filter(None, (style.format_age(row.age), line_of_sight(row))))
    axes.set_ylabel(
        f"{first}\n{second}".rstrip(),
        labelpad=3,
        fontsize=8,
        linespacing=1.2,
    )


def line_of_sight(row: MapRow) -> str:
    """Return words for the line of sight, none where it is not known."""
    return f"along ${row.axis}$" if row.axis in SKY else ""


def draw_channel_bar(
    figure: Figure,
    left: float,
    top: float,
    width: float,
    row: MapRow,
    channel: int,
    scale: Normalize,
    palettes: Mapping[str, str],
) -> None:
    """Draw the colour bar of a channel at a place in inches."""
    axes = style.place_axes(figure, left, top, width, 0.07)
    name, unit = row.names[channel], row.units[channel]
    style.draw_colour_bar(
        axes, style.palette(palettes[name]), scale, style.quantity_label(name, unit)
    )


def segment_colours(count: int) -> ListedColormap:
    """Return one colour a segment, darker for thinner gas."""
    return ListedColormap(style.CHOICES[count])


def draw_segment_key(axes: Axes, count: int) -> None:
    """Draw the segments' numbers on their colours, side by side."""
    for place, colour in enumerate(style.CHOICES[count]):
        axes.add_patch(
            Rectangle((place, 0), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.6)
        )
        ink = "white" if place < count / 2 else "black"
        axes.text(
            place + 0.5, 0.46, str(place + 1), ha="center", va="center", fontsize=7, color=ink
        )
    axes.set(xlim=(0, count), ylim=(0, 1))
    axes.set_axis_off()

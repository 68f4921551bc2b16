"""How figures look: a journal's column widths, colours that all readers can distinguish.

Their files are the same bytes each time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from starmass.errors import InputError, closest
from starmass.provenance import provenance_json
from starmass.storage import written_aside

COLUMN_WIDTH, TEXT_WIDTH = 3.5, 7.0
"""Width [inch] of one column and of the full text of the field's journals (ApJ: 3.5 and 7.1)."""
WIDTHS = {"column": COLUMN_WIDTH, "text": TEXT_WIDTH}
FOOTER_LINE = 0.15
"""Of a figure's last lines [inch]."""

INK = "#1f2430"
ACCENT = "#d55e00"
POINTS = "#0072b2"
"""Vermilion and blue of Okabe & Ito (2008): distinct with any colour vision, and in grey."""

CATEGORIES = (
    "#0072b2",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#f0e442",
    "#000000",
)
"""Blue, green, vermilion, purple, orange, sky, yellow and black of Okabe & Ito (2008).

For what has no order of its own.
"""
RISING = ("#000000", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
"""The same from dark to light: what has an order."""
CHOICES = {
    count: [RISING[place] for place in places]
    for count, places in enumerate(
        (
            (),
            (1,),
            (1, 5),
            (1, 3, 7),
            (1, 3, 5, 7),
            (1, 2, 3, 5, 7),
            (1, 2, 3, 4, 5, 7),
            (1, 2, 3, 4, 5, 6, 7),
            range(8),
        )
    )
}
"""Colours that are easiest to distinguish, for each number of them."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

SYMBOLS = {
    "column_density": r"$N_\mathrm{H}$",
    "v_los": r"$v_\mathrm{los}$",
    "sigma_v": r"$\sigma_v$",
}
UNITS = {"cm**-2": r"cm$^{-2}$", "km/s": r"km s$^{-1}$"}
MASS_LABEL = r"$M_\star$ [M$_\odot$]"
AGE_LABEL = "age [kyr]"

_STYLE: Any = {
    "font.family": "STIXGeneral",  # ships with matplotlib: a figure is the same on every machine
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "image.origin": "lower",
    "image.interpolation": "nearest",
    "pdf.fonttype": 42,  # TrueType: text stays text in the journal's hands
}


@contextmanager
def journal_style() -> Iterator[None]:
    """Draw with the settings of this page, whatever the caller's are, and put those back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def place_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place given in inches from the upper left corner of the figure."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / page_width,
            1 - (top + height) / page_height,
            width / page_width,
            height / page_height,
        )
    )


def place_text(figure: Figure, left: float, top: float, text: str, **options: Any) -> None:
    """Write text at a place given in inches from the upper left corner of the figure."""
    page_width, page_height = figure.get_size_inches()
    figure.text(left / page_width, 1 - top / page_height, text, **{"va": "top", **options})


def place_footer(figure: Figure, text: str) -> None:
    """Write last lines below all else, in the room of :func:`footer_height`.

    Nothing is written where the text is empty.
    """
    width, height = figure.get_size_inches()
    lines = wrap_text(text, width - 0.1)
    place_text(
        figure,
        width / 2,
        height - 0.04,
        "\n".join(lines),
        ha="center",
        va="bottom",
        fontsize=8,
        linespacing=1.2,
    )


def footer_height(text: str, width: float) -> float:
    """Return the room [inch] that last lines take in a figure of a width [inch]."""
    return FOOTER_LINE * len(wrap_text(text, width - 0.1)) + 0.05 if text else 0.0


@cache
def text_width(text: str, size: float = 8) -> float:
    """Return the width of a text in the style's font [inch], with the 5% that PNG hinting adds."""
    font = FontProperties(
        family=_STYLE["font.family"], math_fontfamily=_STYLE["mathtext.fontset"], size=size
    )
    points, _, _ = text_to_path.get_text_width_height_descent(text, font, "$" in text)
    return 1.05 * float(points) / 72


def wrap_text(text: str, width: float, size: float = 8) -> list[str]:
    """Break a text between words into lines not wider than ``width`` [inch], if words allow."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis at its main ticks, with plain numbers where these are short."""
    axis.set_major_formatter(FuncFormatter(plain_number))
    axis.set_minor_formatter(NullFormatter())


def draw_colour_bar(
    axes: Axes,
    colours: Colormap,
    scale: Normalize,
    label: str,
    extend: Literal["both", "neither"] = "both",
    *,
    above: bool = False,
) -> None:
    """Fill ``axes`` with a horizontal colour bar, numbers and label under or above it.

    Logarithmic ones are labelled at round values.
    """
    bar = axes.figure.colorbar(
        ScalarMappable(scale, colours),
        cax=axes,
        orientation="horizontal",
        extend=extend,
        extendfrac=0.04,
    )
    if above:
        bar.ax.xaxis.set_ticks_position("top")
        bar.ax.xaxis.set_label_position("top")
    bar.set_label(label, labelpad=4 if above else 1)
    if isinstance(scale, LogNorm):
        bar.ax.xaxis.set_major_locator(FixedLocator(round_values(scale.vmin, scale.vmax)))
        plain_ticks(bar.ax.xaxis)


def round_values(low: float | None, high: float | None) -> list[float]:
    """Powers of ten between two positive values, as ticks.

    Where these are too few, 3 times, or 2 and 5 times them are added.
    """
    low, high = float(low or 1), float(high or 1)
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        values = [
            float(decade * step)
            for decade in decades
            for step in steps
            if low <= decade * step <= high
        ]
        # Powers of ten are long labels.
        if len(values) >= (3 if low >= 1e-3 and high < 1e4 else 2):
            break
    return values


def plain_number(value: float, _position: int | None = None) -> str:
    """Return a tick's label: 0.1, 1 and 30 as they are, others as powers of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    exponent = int(np.floor(np.log10(value)))
    factor = value / 10.0**exponent
    return (
        f"$10^{{{exponent}}}$"
        if np.isclose(factor, 1)
        else rf"${factor:.2g}{{\times}}10^{{{exponent}}}$"
    )


def save_figure(
    figure: Figure,
    paths: Mapping[str, str | Path],
    *,
    resolution: int,
    title: str,
    facts: Mapping[str, Any],
) -> None:
    """Write one drawing to several files, each whole or absent.

    They name their origin and have no time stamp.

    Parameters
    ----------
    paths : file name by format, ``{"pdf": ..., "png": ...}``
    resolution : dots per inch of the PNG and of what is rasterised inside the PDF
    title : what the file calls itself
    facts : keywords of :func:`starmass.provenance.provenance`
    """
    origin = provenance_json(**facts)
    metadata: dict[str, dict[str, str | None]] = {
        "pdf": {"Title": title, "Subject": origin, "CreationDate": None},
        "png": {"Title": title, "Description": origin, "Software": None},
    }
    for kind, path in paths.items():
        with written_aside(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=resolution, metadata=metadata[kind])


def palette(name: str) -> Colormap:
    """Return the colour map of a config's ``name``; pixels without a value are light grey."""
    try:
        return matplotlib.colormaps[name].with_extremes(bad="#d9d9d9")
    except KeyError:
        near = closest(name, list(matplotlib.colormaps))
        raise InputError(
            f"reporting.palettes: matplotlib has no colour map {name!r}{near}; cividis, viridis"
            " and magma are safe."
        ) from None


def format_age(years: float) -> str:
    """Return an age with the unit that an astronomer would choose; nothing where it is NaN."""
    if years != years:
        return ""
    for factor, unit in ((1e6, "Myr"), (1e3, "kyr")):
        if years >= factor:
            return f"{years / factor:.3g} {unit}"
    return f"{years:.3g} yr"


def quantity_label(channel: str, unit: str) -> str:
    """Return symbol and unit of a channel for an axis, e.g. ``N_H [cm^-2]``."""
    return f"{SYMBOLS.get(channel, channel)}{f' [{UNITS.get(unit, unit)}]' if unit else ''}"


def channel_scale(channel: str, values: np.ndarray) -> Normalize:
    """Return the colour scale that all maps of a channel in one figure share.

    Column density and dispersion span decades and get a logarithmic scale; velocities a linear one,
    symmetric about zero, so that white is at rest. The outermost per cent of pixels saturates.
    """
    values = values[np.isfinite(values)]
    if channel == "v_los":
        limit = float(np.percentile(np.abs(values), 99)) if values.size else 1.0
        limit = limit or 1.0
        return Normalize(-limit, limit)
    positive = values[values > 0]
    low, high = np.percentile(positive, [0.5, 99.5]) if positive.size else (0.1, 1.0)
    return LogNorm(float(low), float(high) if high > low else float(low) * 10)


def bare(axes: Axes) -> None:
    """Leave an image its frame and no ticks (a scale bar shows its size)."""
    axes.set_xticks([])
    axes.set_yticks([])


def draw_scale_bar(axes: Axes, side: float) -> None:
    """Draw a bar of a round length [pc] into the lower left of a map that is ``side`` pc wide."""
    length = round_length(side / 3)
    start, height = -0.45 * side, -0.42 * side
    outline = [withStroke(linewidth=1.8, foreground="black")]
    axes.plot(
        [start, start + length],
        [height, height],
        color="white",
        linewidth=1.4,
        solid_capstyle="butt",
        path_effects=outline,
    )
    place = (start + length / 2, height + 0.025 * side)
    axes.text(
        *place,
        f"{length:g} pc",
        color="white",
        ha="center",
        va="bottom",
        fontsize=7,
        path_effects=outline,
    )


def round_length(limit: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above ``limit``."""
    decade = 10.0 ** np.floor(np.log10(limit))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= limit * (1 + 1e-9)))


def draw_compass(axes: Axes, side: float, right: str, up: str) -> None:
    """Say in the lower right corner which coordinates of the box run right and up."""
    outline = [withStroke(linewidth=1.5, foreground="black")]
    corner, length = (0.26 * side, -0.44 * side), 0.12 * side
    for name, (x, y) in ((right, (length, 0.0)), (up, (0.0, length))):
        arrow = {
            "arrowstyle": "-|>,head_width=0.12,head_length=0.2",
            "color": "white",
            "linewidth": 0.8,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        axes.annotate(
            "",
            (corner[0] + x, corner[1] + y),
            corner,
            arrowprops={**arrow, "path_effects": outline},
        )
        axes.text(
            corner[0] + 1.4 * x,
            corner[1] + 1.4 * y,
            f"${name}$",
            color="white",
            ha="center",
            va="center",
            fontsize=7,
            path_effects=outline,
        )


def label_panel(axes: Axes, text: str) -> None:
    """Write a panel's letter, or a number, into its upper left corner."""
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    axes.text(
        0.03, 0.97, text, transform=axes.transAxes, ha="left", va="top", fontsize=8, bbox=ground
    )


def mark_protostar(axes: Axes) -> None:
    """Mark the centre of a map, where the protostar is, without hiding the pixels there."""
    axes.plot(
        0,
        0,
        marker="o",
        markersize=5,
        markerfacecolor="none",
        markeredgecolor="black",
        markeredgewidth=1.4,
    )
    axes.plot(
        0,
        0,
        marker="o",
        markersize=5,
        markerfacecolor="none",
        markeredgecolor="white",
        markeredgewidth=0.7,
    )

"""Channels beyond the default three: named entries of the config, each one map (or several) an axis, from the same cells by exact overlap.

``mean`` is the density-weighted mean of a quantity; ``vector`` a part of the density-weighted mean of a vector, as seen along each axis;
``spectrum`` a position-position-velocity cube, cut into so many channels; ``components`` the number of peaks of the line profile.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from starmass.errors import InputError, closest
from starmass.maps.projection import Blocks, Cube, flat_blocks, overlap_block
from starmass.maps.units import PARSEC_CM

# Unit, how it adds up over the sky (column: by itself; mean: weighted by the column density; dispersion: about the mean before it;
# other: not at all), definition.
DEFAULT_CHANNELS = {
    "column_density": ("cm**-2", "column", "hydrogen nuclei in the cube along the line of sight, per area"),
    "v_los": ("km/s", "mean", "density-weighted mean velocity along +axis, in the frame that velocity_frame names"),
    "sigma_v": (
        "km/s",
        "dispersion",
        "density-weighted dispersion of that velocity about v_los, from one cell to another (no thermal part)",
    ),
}
PARTS = {
    "along": "component along +axis",
    "columns": "component along the map's columns",
    "rows": "component along the map's rows",
    "sky": "length of the component in the plane of the sky",
}


@dataclass(frozen=True)
class Channel:
    """An extra channel: its name, the config's entry, and what follows from it."""

    name: str
    entry: Mapping[str, Any]

    @property
    def fields(self) -> dict[str, str]:
        """Quantities that it needs of the cells, each with the unit that it wants."""
        if self.entry["kind"] == "mean":
            return {self.entry["field"]: self.entry["unit"]}
        if self.entry["kind"] == "vector":
            return {f"{self.entry['field']}_{axis}": self.entry["unit"] for axis in "xyz"}
        return {}

    @property
    def maps(self) -> dict[str, tuple[str, str, str]]:
        """Name -> (unit, how it adds up, definition) of the maps that it gives along each axis, as in :data:`DEFAULT_CHANNELS`."""
        entry = self.entry
        if entry["kind"] == "mean":
            return {self.name: (entry["unit"], "mean", f"density-weighted mean of {entry['field']}")}
        if entry["kind"] == "vector":
            adds_up = "other" if entry["part"] == "sky" else "mean"
            return {self.name: (entry["unit"], adds_up, f"density-weighted mean of {entry['field']}: {PARTS[entry['part']]}")}
        own = f"own width {entry['line_width']} km/s"
        if entry["kind"] == "components":
            text = f"peaks of the line profile ({own}) that stand out by {entry['prominence']} of the highest"
            return {self.name: ("", "other", text)}
        edges = np.linspace(entry["lowest"], entry["highest"], entry["count"] + 1)
        return {
            f"{self.name}_{index:03d}": ("cm**-2", "column", f"hydrogen nuclei per area at {low:g} to {high:g} km/s ({own})")
            for index, (low, high) in enumerate(itertools.pairwise(edges))
        }

    def project(self, blocks: Blocks, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Maps (axis, map, row, column) of the cube; ``frame`` (3,) is the velocity that counts as rest [km/s]."""
        entry = self.entry
        if entry["kind"] == "mean":
            return project_means(blocks, cube, [self.fields_of(blocks) * 3])
        if entry["kind"] == "vector":
            vector = self.fields_of(blocks)
            along, columns, rows = (project_means(blocks, cube, [[vector[(axis + step) % 3] for axis in range(3)]]) for step in range(3))
            return {"along": along, "columns": columns, "rows": rows, "sky": np.hypot(columns, rows)}[entry["part"]]
        if entry["kind"] == "spectrum":
            spectra = project_spectra(blocks, cube, frame, entry["lowest"], entry["highest"], entry["count"], entry["line_width"])
            return spectra / nucleus_mass
        return self._count_components(blocks, cube, frame)

    def fields_of(self, blocks: Blocks) -> list[np.ndarray]:
        """The quantities that it needs, in order."""
        return [blocks.fields[name] for name in self.fields]

    def _count_components(self, blocks: Blocks, cube: Cube, frame: np.ndarray) -> np.ndarray:
        width = self.entry["line_width"]
        if not blocks.density.size:
            return np.full((3, 1, cube.pixels, cube.pixels), np.nan)
        # Bins of half the line's own width over all velocities there are, with room for the wings.
        moving = blocks.velocity - np.reshape(frame, (3, 1, 1, 1, 1))
        lowest, highest = float(moving.min()) - 4 * width, float(moving.max()) + 4 * width
        count = max(1, int(np.ceil((highest - lowest) / (0.5 * width))))
        spectra = project_spectra(blocks, cube, frame, lowest, lowest + 0.5 * width * count, count, width)
        return count_peaks(spectra, float(self.entry["prominence"]))[:, None]


DEFAULTS: dict[str, dict[str, Any]] = {
    "components": {"line_width": 0.2, "prominence": 0.1},
    "spectrum": {"line_width": 0.0},
    "vector": {"part": "along"},
    "mean": {},
}


def extra_channels(names: Sequence[str], entries: Mapping[str, Mapping[str, Any]]) -> list[Channel]:
    """Return the extra channels of these names; ``entries`` is the config's ``maps.channels``."""
    chosen = []
    for name in names:
        if name not in entries:
            listed = ", ".join(entries) or "none yet"
            raise InputError(
                f"maps: channel {name!r} is no entry of maps.channels{closest(name, entries)}; mend the list, or add it ({listed})."
            )
        if name in DEFAULT_CHANNELS:
            raise InputError(f"maps.channels.{name}: this is the name of a default channel; choose another.")
        entry = {**DEFAULTS[entries[name]["kind"]], **entries[name]}
        if entry["kind"] == "spectrum" and not entry["lowest"] < entry["highest"]:
            raise InputError(f"maps.channels.{name}: lowest ({entry['lowest']}) has to be below highest ({entry['highest']}).")
        chosen.append(Channel(name, entry))
    return chosen


def project_means(blocks: Blocks, cube: Cube, wanted: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Density-weighted means (axis, map, row, column); ``wanted`` names for every map the quantity for each axis, (block, i, j, k) each."""
    left, width, density = flat_blocks(blocks, cube)
    values = np.ascontiguousarray([[np.reshape(quantity, density.shape) for quantity in one] for one in wanted], float)
    sums = np.zeros((3, len(wanted), cube.pixels, cube.pixels))
    weight = np.zeros((3, cube.pixels, cube.pixels))
    sides = np.array(blocks.density.shape[1:])
    _deposit_values(left, width, sides, density, values, float(cube.side), np.asarray(cube.period, float), weight, sums)
    with np.errstate(invalid="ignore"):
        return sums / weight[:, None]


def project_spectra(
    blocks: Blocks, cube: Cube, frame: np.ndarray, lowest: float, highest: float, count: int, line_width: float
) -> np.ndarray:  # fmt: skip
    """Mass per area [g cm^-2] within each of ``count`` velocity channels: (axis, channel, row, column).

    A cell shines at its own velocity along the line of sight, relative to ``frame``, with a Gaussian line of dispersion ``line_width``
    [km/s]; what lies below ``lowest`` or from ``highest`` on is in no channel.
    """
    left, width, density = flat_blocks(blocks, cube)
    velocity = np.ascontiguousarray(blocks.velocity, float).reshape(3, *density.shape) - np.reshape(np.asarray(frame, float), (3, 1, 1))
    spectra = np.zeros((3, count, cube.pixels, cube.pixels))
    sides = np.array(blocks.density.shape[1:])
    edges = np.linspace(lowest, highest, count + 1)
    _deposit_lines(
        left, width, sides, density, velocity, edges, float(line_width), float(cube.side), np.asarray(cube.period, float), spectra
    )
    return spectra * (cube.pixels / cube.side) ** 2 * PARSEC_CM


@numba.njit(cache=True)
def _deposit_values(left, width, sides, density, values, side, period, weight, sums):  # type: ignore[no-untyped-def]
    """Add density x overlap to ``weight``, and times the values (map, axis, block, cell) to ``sums``."""
    pixels = weight.shape[1]
    overlap = np.zeros((3, sides.max(), pixels))
    reach = np.zeros((3, sides.max(), 2), np.int64)
    depth = np.zeros((3, sides.max()))
    stride = np.array([sides[1] * sides[2], sides[2], 1])
    line = np.empty(len(values))
    for block in range(density.shape[0]):
        if not overlap_block(left[block], width[block], sides, side, period, overlap, reach, depth):
            continue
        for axis in range(3):
            across, up = (axis + 1) % 3, (axis + 2) % 3
            for p in range(sides[across]):
                for q in range(sides[up]):
                    start = p * stride[across] + q * stride[up]
                    gas_in_line = 0.0
                    line[:] = 0.0
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        gas = density[block, here] * depth[axis, cell]
                        if gas > 0.0:
                            gas_in_line += gas
                            for one in range(len(values)):
                                line[one] += gas * values[one, axis, block, here]
                    for row in range(reach[up, q, 0], reach[up, q, 1] + 1):
                        for column in range(reach[across, p, 0], reach[across, p, 1] + 1):
                            area = overlap[up, q, row] * overlap[across, p, column]
                            weight[axis, row, column] += gas_in_line * area
                            for one in range(len(values)):
                                sums[axis, one, row, column] += line[one] * area


@numba.njit(cache=True)
def _deposit_lines(left, width, sides, density, velocity, edges, line_width, side, period, spectra):  # type: ignore[no-untyped-def]
    """Add density x overlap to the velocity channels that each cell's line reaches."""
    pixels = spectra.shape[2]
    count = len(edges) - 1
    step = (edges[-1] - edges[0]) / count
    overlap = np.zeros((3, sides.max(), pixels))
    reach = np.zeros((3, sides.max(), 2), np.int64)
    depth = np.zeros((3, sides.max()))
    stride = np.array([sides[1] * sides[2], sides[2], 1])
    line = np.zeros(count)
    for block in range(density.shape[0]):
        if not overlap_block(left[block], width[block], sides, side, period, overlap, reach, depth):
            continue
        for axis in range(3):
            across, up = (axis + 1) % 3, (axis + 2) % 3
            for p in range(sides[across]):
                for q in range(sides[up]):
                    if depth[across, p] == 0.0 or depth[up, q] == 0.0:
                        continue
                    start = p * stride[across] + q * stride[up]
                    lowest, highest = count, -1
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        gas = density[block, here] * depth[axis, cell]
                        if gas == 0.0:
                            continue
                        place = (velocity[axis, block, here] - edges[0]) / step
                        spread = 6.0 * line_width / step
                        first = max(int(np.floor(place - spread)), 0)
                        last = min(int(np.floor(place + spread)), count - 1)
                        for channel in range(first, last + 1):
                            line[channel] += gas * _share(place - channel, line_width / step)
                        lowest, highest = min(lowest, first), max(highest, last)
                    for row in range(reach[up, q, 0], reach[up, q, 1] + 1):
                        for column in range(reach[across, p, 0], reach[across, p, 1] + 1):
                            area = overlap[up, q, row] * overlap[across, p, column]
                            for channel in range(lowest, highest + 1):
                                spectra[axis, channel, row, column] += line[channel] * area
                    for channel in range(lowest, highest + 1):
                        line[channel] = 0.0


@numba.njit(cache=True)
def _share(place, width):  # type: ignore[no-untyped-def]
    """Share of a Gaussian line at ``place`` of dispersion ``width`` that falls between 0 and 1."""
    if width == 0.0:
        return 1.0 if 0.0 <= place < 1.0 else 0.0
    scale = 1.0 / (width * np.sqrt(2.0))
    return 0.5 * (math.erf((1.0 - place) * scale) + math.erf(place * scale))


@numba.njit(cache=True)
def count_peaks(spectra, prominence):  # type: ignore[no-untyped-def]
    """Number of peaks (axis, row, column) of spectra (axis, channel, row, column) that stand out by ``prominence`` of the highest, or more.

    Walks up and down each spectrum and counts a peak when the way down from it, and up to it, is long enough. NaN where there is no gas.
    """
    axes, channels, rows, columns = spectra.shape
    peaks = np.zeros((axes, rows, columns))
    for axis in range(axes):
        for row in range(rows):
            for column in range(columns):
                tallest = 0.0
                for channel in range(channels):
                    tallest = max(tallest, spectra[axis, channel, row, column])
                if tallest == 0.0:
                    peaks[axis, row, column] = np.nan
                    continue
                rising, low, high = True, 0.0, 0.0  # there is nothing before the first channel, nor after the last
                for channel in range(channels + 1):
                    value = spectra[axis, channel, row, column] if channel < channels else 0.0
                    if rising:
                        high = max(high, value)
                        if high > value and high - value >= prominence * tallest:
                            peaks[axis, row, column] += 1.0
                            rising, low = False, value
                    else:
                        low = min(low, value)
                        if value - low >= prominence * tallest and value > low:
                            rising, high = True, value
    return peaks

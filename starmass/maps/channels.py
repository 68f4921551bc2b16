"""Channels beyond the default three: named entries of the config, from the same gas by the same shares.

``mean`` is the density-weighted mean of a quantity; ``vector`` a part of the density-weighted mean of a
vector, as seen along each axis; ``spectrum`` a position-position-velocity cube, cut into ``count`` channels;
``components`` the number of peaks of the line profile. Each is one map (or several) an axis.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from starmass.errors import InputError, closest
from starmass.maps.kernels import count_peaks
from starmass.maps.projection import Cube, Gas
from starmass.maps.units import PARSEC_CM

# Unit, how it adds up over the sky (column: by itself; mean: weighted by the column density; dispersion: about the mean before it;
# other: not at all), definition.
DEFAULT_CHANNELS = {
    "column_density": (
        "cm**-2",
        "column",
        "hydrogen nuclei in the cube along the line of sight, per area",
    ),
    "v_los": (
        "km/s",
        "mean",
        "density-weighted mean velocity along +axis, in the frame that velocity_frame names",
    ),
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
            return {
                self.name: (entry["unit"], "mean", f"density-weighted mean of {entry['field']}")
            }
        if entry["kind"] == "vector":
            adds_up = "other" if entry["part"] == "sky" else "mean"
            return {
                self.name: (
                    entry["unit"],
                    adds_up,
                    f"density-weighted mean of {entry['field']}: {PARTS[entry['part']]}",
                )
            }
        own = f"own width {entry['line_width']} km/s"
        if entry["kind"] == "components":
            text = f"peaks of the line profile ({own}) that stand out by {entry['prominence']} of the highest"
            return {self.name: ("", "other", text)}
        edges = np.linspace(entry["lowest"], entry["highest"], entry["count"] + 1)
        return {
            f"{self.name}_{index:03d}": (
                "cm**-2",
                "column",
                f"hydrogen nuclei per area at {low:g} to {high:g} km/s ({own})",
            )
            for index, (low, high) in enumerate(itertools.pairwise(edges))
        }

    def project(self, gas: Gas, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Maps (axis, map, row, column) of the cube; ``frame`` (3,) is the velocity that counts as rest [km/s]."""
        entry = self.entry
        if entry["kind"] == "mean":
            return project_means(gas, cube, [self.fields_of(gas) * 3])
        if entry["kind"] == "vector":
            vector = self.fields_of(gas)
            along, columns, rows = (
                project_means(gas, cube, [[vector[(axis + step) % 3] for axis in range(3)]])
                for step in range(3)
            )
            return {
                "along": along,
                "columns": columns,
                "rows": rows,
                "sky": np.hypot(columns, rows),
            }[entry["part"]]
        if entry["kind"] == "spectrum":
            spectra = project_spectra(
                gas,
                cube,
                frame,
                entry["lowest"],
                entry["highest"],
                entry["count"],
                entry["line_width"],
            )
            return spectra / nucleus_mass
        return self._count_components(gas, cube, frame)

    def fields_of(self, gas: Gas) -> list[np.ndarray]:
        """The quantities that it needs, in order."""
        return [gas.fields[name] for name in self.fields]

    def _count_components(self, gas: Gas, cube: Cube, frame: np.ndarray) -> np.ndarray:
        width = self.entry["line_width"]
        if not gas.velocity.size:
            return np.full((3, 1, cube.pixels, cube.pixels), np.nan)
        # Bins of half the line's own width over all velocities there are, with room for the wings.
        moving = in_frame(gas.velocity, frame)
        lowest, highest = float(moving.min()) - 4 * width, float(moving.max()) + 4 * width
        count = max(1, int(np.ceil((highest - lowest) / (0.5 * width))))
        spectra = project_spectra(
            gas, cube, frame, lowest, lowest + 0.5 * width * count, count, width
        )
        return count_peaks(spectra, float(self.entry["prominence"]))[:, None]


DEFAULTS: dict[str, dict[str, Any]] = {
    "components": {"line_width": 0.2, "prominence": 0.1},
    "spectrum": {"line_width": 0.0},
    "vector": {"part": "along"},
    "mean": {},
}


def described_channels(
    extra: Sequence[Channel], hydrogen_mass: float
) -> dict[str, tuple[str, str, str]]:
    """Return all channels of a map file, in order, as in :data:`DEFAULT_CHANNELS`.

    Parameters
    ----------
    extra : channels beyond the default three
    hydrogen_mass : of gas for each hydrogen nucleus [hydrogen atoms]; what is counted says it
    """
    maps = {**DEFAULT_CHANNELS, **{k: facts for one in extra for k, facts in one.maps.items()}}
    mass = f"; {hydrogen_mass:g} hydrogen atoms of gas for each nucleus"
    return {
        name: (unit, kind, definition + mass if kind == "column" else definition)
        for name, (unit, kind, definition) in maps.items()
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
            raise InputError(
                f"maps.channels.{name}: this is the name of a default channel; choose another."
            )
        entry = {**DEFAULTS[entries[name]["kind"]], **entries[name]}
        if entry["kind"] == "spectrum" and not entry["lowest"] < entry["highest"]:
            raise InputError(
                f"maps.channels.{name}: lowest ({entry['lowest']}) has to be below highest ({entry['highest']})."
            )
        chosen.append(Channel(name, entry))
    maker: dict[str, str] = {}
    for channel in chosen:
        for name in channel.maps:
            if name in maker:
                raise InputError(
                    f"maps.channels.{channel.name}: makes a map {name!r}, and so does {maker[name]}; rename one of them."
                )
            maker[name] = channel.name
    return chosen


def project_means(gas: Gas, cube: Cube, wanted: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Density-weighted means (axis, map, row, column).

    ``wanted`` has for every map the quantity as seen along each axis: one value for each element of gas.
    """
    sums = np.zeros((3, len(wanted), cube.pixels, cube.pixels))
    weight = np.zeros((3, cube.pixels, cube.pixels))
    gas.deposit_values(cube, np.array(wanted, float), weight, sums)
    with np.errstate(invalid="ignore"):
        return sums / weight[:, None]


def project_spectra(
    gas: Gas, cube: Cube, frame: np.ndarray, lowest: float, highest: float, count: int, line_width: float
) -> np.ndarray:  # fmt: skip
    """Mass per area [g cm^-2] within each of ``count`` velocity channels: (axis, channel, row, column).

    A cell or particle shines at its own velocity along the line of sight, relative to ``frame``, with a
    Gaussian line of dispersion ``line_width`` [km/s]; what lies below ``lowest`` or from ``highest`` on
    is in no channel.
    """
    spectra = np.zeros((3, count, cube.pixels, cube.pixels))
    edges = np.linspace(lowest, highest, count + 1)
    gas.deposit_lines(cube, in_frame(gas.velocity, frame), edges, float(line_width), spectra)
    return spectra * (cube.pixels / cube.side) ** 2 * PARSEC_CM


def in_frame(velocity: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """(3, ...) velocities relative to ``frame`` (3,)."""
    return velocity - np.reshape(np.asarray(frame, float), (3,) + (1,) * (np.ndim(velocity) - 1))

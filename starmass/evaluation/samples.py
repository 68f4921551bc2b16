"""Which maps a study looks at: one row a map, with its label, over its simulations' map files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from starmass.channels import BASE
from starmass.errors import InputError, closest
from starmass.storage import open_hdf5
from starmass.tables import OF_SAMPLES, check_masses, read_table, write_table
from starmass.tables import read_samples as read_list

__all__ = [
    "COLUMNS", "Maps", "collect_samples", "load_maps", "log_mass", "protostars", "read_samples",
    "write_table",
]  # fmt: skip

COLUMNS = OF_SAMPLES
BASE_VIEWS = {name: (facts.from_behind, facts.turns) for name, facts in BASE.items()}


@dataclass(frozen=True)
class Maps:
    """The maps of a study's rows, in memory.

    Attributes
    ----------
    values : float32 [row, channel, row of pixels, column], in the files' units
    channels : names of the channels
    star_velocity : float64 [row], the star's own velocity along the line of sight in the frame of
        ``v_los`` [km/s]
    pixel_pc : side of a pixel [pc]
    views : channel -> its sign from behind (0: another channel there), and whether it only moves
        with its pixels when the sky is turned (:class:`starmass.channels.Facts`)
    units : of the channels, none where nobody asks for them
    """

    values: np.ndarray
    channels: tuple[str, ...]
    star_velocity: np.ndarray
    pixel_pc: float
    views: Mapping[str, tuple[int, bool]] = field(default_factory=lambda: dict(BASE_VIEWS))
    units: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)


def collect_samples(
    map_files: Sequence[str | Path],
    *,
    catalogues: Sequence[str | Path] = (),
    minimum_mass: float = 0.0,
    axes: Sequence[str] = ("x", "y", "z"),
    label: str | None = None,
) -> pd.DataFrame:
    """List every map of every sink of at least ``minimum_mass`` [Msun].

    They are in the order of the files, sinks and axes.

    Parameters
    ----------
    map_files : of all snapshots, as simulated or as observed
    catalogues : of the simulations; what their cuts remove (``kept`` 0) is left out
    axes : lines of sight
    label : data set of the map files [sink] that becomes a column too, unless it is one already

    Raises
    ------
    InputError
        when no row is left, a file lacks one of ``axes`` or the label, or a mass that the cuts
        leave has no logarithm
    """
    rows, labels = [], []
    label = None if label in COLUMNS else label
    cut = _cut_away(catalogues)
    for map_file in map_files:
        with open_hdf5(map_file) as file:
            known = [str(axis) for axis in file["maps"].attrs["axes"]]
            simulation, snapshot, time = (
                str(file.attrs["simulation"]),
                str(file.attrs["snapshot"]),
                float(file.attrs["time_yr"]),
            )
            identifiers, masses, ages = (file[name][:] for name in ("sink_id", "mass", "age"))
            values = _read_label(file, label, len(masses), map_file) if label else None
        missing = [axis for axis in axes if axis not in known]
        if missing:
            raise InputError(
                f"{map_file}: holds no maps along {missing[0]}, only along {', '.join(known)};"
                " change the study's axes."
            )
        there = pd.DataFrame(
            {"row": np.arange(len(masses)), "sink_id": identifiers, "mass_msun": masses}
        ).assign(simulation=simulation, snapshot=snapshot)
        left = [(simulation, snapshot, int(one)) not in cut for one in identifiers]
        there = there[np.array(left, bool)]
        check_masses(there, map_file)
        for sink in there["row"][there["mass_msun"] >= minimum_mass]:
            facts = (int(identifiers[sink]), float(masses[sink]), float(ages[sink]), int(sink))
            rows += [
                (
                    simulation,
                    snapshot,
                    facts[0],
                    axis,
                    *facts[1:3],
                    str(map_file),
                    facts[3],
                    known.index(axis),
                    time,
                )
                for axis in axes
            ]
            labels += [] if values is None else [values[sink]] * len(axes)
    if not rows:
        raise InputError(
            f"no protostar of {minimum_mass} Msun or more is left in the study's {len(map_files)}"
            " map files; lower its minimum_mass or widen maps.cuts."
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS[1:]))
    table.insert(0, "row", np.arange(len(table)))
    return table.assign(**{label: labels}) if label else table


def _read_label(file: h5py.File, label: str, sinks: int, path: str | Path) -> np.ndarray:
    """Return a data set with one value a sink: numbers, or text [sink]."""
    found = file.get(label)
    if not isinstance(found, h5py.Dataset) or found.shape != (sinks,):
        known = [name for name, one in file.items() if getattr(one, "shape", None) == (sinks,)]
        raise InputError(
            f"{path}: there is no data set {label!r} with one value a sink"
            f"{closest(label, known)}; there are {', '.join(known)}. Change the study's"
            " target.column."
        )
    return found.asstr()[:] if h5py.check_string_dtype(found.dtype) else found[:]


def _cut_away(catalogues: Sequence[str | Path]) -> set[tuple[str, str, int]]:
    """Return (simulation, snapshot, sink) of every sample that the cuts of the maps remove."""
    tables = [
        read_table(path, ("simulation", "snapshot", "sink_id", "kept")) for path in catalogues
    ]
    removed = [table[table["kept"] == 0] for table in tables]
    return {
        (str(row.simulation), str(row.snapshot), int(row.sink_id))
        for table in removed
        for row in table.itertuples()
    }


def read_samples(path: str | Path) -> pd.DataFrame:
    """Read the table that :func:`collect_samples` made."""
    return read_list(path, COLUMNS)


def log_mass(samples: pd.DataFrame) -> np.ndarray:
    """The label of every row: log10 of the stellar mass in Msun; one that has none is refused."""
    check_masses(samples, "samples")
    return np.log10(samples["mass_msun"].to_numpy(np.float64))


def protostars(samples: pd.DataFrame) -> np.ndarray:
    """A number for every row that identifies its protostar.

    Rows of one sink of one simulation share it, at all times and axes.
    """
    for name in ("simulation", "sink_id"):
        if samples[name].isna().any():  # pandas would make one protostar of all of them
            raise InputError(
                f"samples: row {samples['row'][samples[name].isna()].iloc[0]} has no {name}; delete"
                " samples.csv and run Snakemake again to remake it."
            )
    return samples.groupby(["simulation", "sink_id"], sort=True).ngroup().to_numpy()


def load_maps(samples: pd.DataFrame) -> Maps:
    """Read the maps of all rows.

    Raises
    ------
    InputError
        when the files differ in pixels, side or channels, or a map holds a value that is not finite
    """
    values: np.ndarray | None = None
    star_velocity = np.zeros(len(samples))
    first: tuple | None = None
    units: tuple[str, ...] = ()
    views = dict(BASE_VIEWS)
    for map_file, part in samples.groupby("map_file", sort=False):
        at = part.index.to_numpy()
        sinks, axes = part["sink_index"].to_numpy(), part["axis_index"].to_numpy()
        with open_hdf5(str(map_file)) as file:
            maps = file["maps"]
            frame = (
                tuple(str(c) for c in maps.attrs["channels"]),
                maps.shape[3:],
                float(file.attrs["side_pc"]),
            )
            if first is None or values is None:
                first, values = (
                    frame,
                    np.empty((len(samples), maps.shape[2], *maps.shape[3:]), np.float32),
                )
                units = tuple(str(unit) for unit in maps.attrs.get("channel_units", ()))
            if frame != first:
                raise InputError(
                    f"{map_file}: channels, pixels and side {frame} differ from the study's first"
                    f" file ({first}); make all maps alike."
                )
            signs, turns = (
                maps.attrs.get(key, ()) for key in ("channel_from_behind", "channel_turns")
            )
            views |= {
                name: (int(sign), bool(turn))
                for name, sign, turn in zip(frame[0], signs, turns, strict=False)
            }
            used, place = np.unique(sinks, return_inverse=True)
            values[at] = maps[used][place, axes]
            if str(file.attrs["velocity_frame"]) == "box":
                star_velocity[at] = file["velocity"][:][sinks, axes]
            observation = str(file.attrs["observation"]) if "missing" in file else ""
        wrong = ~np.isfinite(values[at]).all(axis=(1, 2, 3))
        if wrong.any():
            sink = part[wrong].iloc[0]
            raise InputError(
                f"{map_file}: the map of sink {sink['sink_id']} along {sink['axis']} holds pixels"
                f" that are not finite"
                f" (so do {wrong.sum()} of the {len(part)} maps taken from this file); "
                + (
                    f"set maps.observations.{observation}.missing_fill to nearest."
                    if observation
                    else "make the file again, or raise the study's minimum_mass past that sink."
                )
            )
    assert values is not None and first is not None
    return Maps(values, first[0], star_velocity, first[2] / first[1][0], views, units)

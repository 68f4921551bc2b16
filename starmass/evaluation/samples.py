"""Which maps a study looks at: one row a map, with its label, over the map files of its simulations."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.files import check_readable, remedy, unreadable
from starmass.storage import open_hdf5, written_aside

COLUMNS = (
    "row", "simulation", "snapshot", "sink_id", "axis", "mass_msun", "age_yr", "map_file", "sink_index", "axis_index", "time_yr",
)  # fmt: skip


@dataclass(frozen=True)
class Maps:
    """The maps of a study's rows, in memory.

    Attributes
    ----------
    values : float32 [row, channel, row of pixels, column], in the files' units
    channels : names of the channels
    star_velocity : float64 [row], the star's own velocity along the line of sight in the frame of ``v_los`` [km/s]
    pixel_pc : side of a pixel [pc]
    """

    values: np.ndarray
    channels: tuple[str, ...]
    star_velocity: np.ndarray
    pixel_pc: float

    def __len__(self) -> int:
        return len(self.values)


def collect_samples(
    map_files: Sequence[str | Path],
    *,
    catalogues: Sequence[str | Path] = (),
    minimum_mass: float = 0.0,
    axes: Sequence[str] = ("x", "y", "z"),
) -> pd.DataFrame:
    """List every map of every sink of at least ``minimum_mass`` [Msun], in the order of the files, sinks and axes.

    Parameters
    ----------
    map_files : of all snapshots, as simulated or as observed
    catalogues : of the simulations; what their cuts remove (``kept`` 0) is left out
    axes : lines of sight

    Raises
    ------
    InputError
        when no row is left, or a file lacks one of ``axes``
    """
    rows = []
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
        missing = [axis for axis in axes if axis not in known]
        if missing:
            raise InputError(
                f"{map_file}: holds no maps along {missing[0]}, only along {', '.join(known)}; change the study's axes."
            )
        for sink in np.flatnonzero(masses >= minimum_mass):
            if (simulation, snapshot, int(identifiers[sink])) in cut:
                continue
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
    if not rows:
        raise InputError(
            f"no protostar of {minimum_mass} Msun or more is left in the study's {len(map_files)} map files;"
            " lower its minimum_mass or widen maps.cuts."
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS[1:]))
    table.insert(0, "row", np.arange(len(table)))
    return table


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


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    with written_aside(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV table that has at least ``columns``; names of simulations and snapshots stay text even when they look like numbers."""
    check_readable(path)
    try:
        text = dict.fromkeys(("simulation", "snapshot", "split", "study", "method"), str)
        with open(path, "rb") as file:
            whole = (
                not file.seek(0, os.SEEK_END)
                or file.seek(-1, os.SEEK_END) < 0
                or file.read(1) == b"\n"
            )
        if not whole:
            raise ValueError("its last line is cut short")
        table = pd.read_csv(path, dtype=text)
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise InputError(f"{path}: not a readable table ({error}); {remedy(path)}.") from error
    for column in columns:
        if column not in table:
            raise InputError(
                f"{path}: has no column {column!r}; delete it and run Snakemake again to remake it."
            )
    return table


def read_samples(path: str | Path) -> pd.DataFrame:
    """Read the table that :func:`collect_samples` made."""
    return read_table(path, COLUMNS)


def log_mass(samples: pd.DataFrame) -> np.ndarray:
    """The label of every row: log10 of the stellar mass in Msun."""
    return np.log10(samples["mass_msun"].to_numpy(np.float64))


def protostars(samples: pd.DataFrame) -> np.ndarray:
    """A number for every row that tells its protostar: rows of one sink of one simulation share it, at all times and axes."""
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
            if frame != first:
                raise InputError(
                    f"{map_file}: channels, pixels and side {frame} differ from the study's first file ({first}); make all maps alike."
                )
            used, place = np.unique(sinks, return_inverse=True)
            values[at] = maps[used][place, axes]
            if str(file.attrs["velocity_frame"]) == "box":
                star_velocity[at] = file["velocity"][:][sinks, axes]
        if not np.isfinite(values[at]).all():
            raise InputError(
                f"{map_file}: a map holds values that are not finite; remake it, or raise the study's minimum_mass past that sink."
            )
    assert values is not None and first is not None
    return Maps(values, first[0], star_velocity, first[2] / first[1][0])

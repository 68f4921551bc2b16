"""What the figures read from earlier stages.

Maps, fractal images, splits, features, predictions and metrics.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.storage import open_hdf5
from starmass.tables import read_samples, read_table

# What columns and rows of a map run along, for a line of sight along each axis (the cyclic order in
# which maps are stored).
SKY = {"x": ("y", "z"), "y": ("z", "x"), "z": ("x", "y")}

CHANNELS = ("column_density", "v_los", "sigma_v")
"""What the paper shows of a map; files may hold more."""
TOY = (
    "analytic clouds, drawn from formulae and not from a solver: a test of the pipeline, not a"
    " result about stars"
)
"""What every table and figure says of toy clouds."""


@dataclass(frozen=True)
class MapRow:
    """One protostar at one time along one line of sight.

    ``channels`` is float32 [channel, row, column] with ``names`` and ``units`` by channel; ``side``
    in pc, ``mass`` in Msun, ``age`` in yr (NaN where unknown). Of images that others made, the side
    may not be known (``sized``; it is in pixels then), nor which way is up (``oriented``). Channels
    of a ``picture`` are of any number and as an encoder sees them, 0 to 1, first row on top.
    ``label`` is what a study predicts of the row in place of the mass, in words.
    """

    channels: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]
    axis: str
    side: float
    mass: float
    age: float
    simulation: str
    sink_id: int
    depth: float | None = None
    sized: bool = True
    oriented: bool = True
    picture: bool = False
    label: str = ""


def require_rows(path: str | Path, table: pd.DataFrame, **columns: Iterable[Any]) -> None:
    """Make sure that a table has a row for every combination of what its ``columns`` should hold.

    A file that was cut at the end of a line can be read and drawn, and shows less than there was.
    """
    # A missing name is not the name "nan".
    there = set(
        zip(
            *(
                table[name].astype(object).where(table[name].notna(), "").map(str)
                for name in columns
            ),
            strict=True,
        )
    )
    for row in product(*(map(str, values) for values in columns.values())):
        if row not in there:
            words = ", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True))
            raise InputError(
                f"{path}: there is no row of {words}; delete the file and run Snakemake again to"
                " remake it."
            )


def read_map_row(sample: Any) -> MapRow:
    """Read the map that a row of the samples points at."""
    with open_hdf5(sample["map_file"]) as file:
        maps = file["maps"]
        lengths = file.attrs.get("depth_pc")
        known, units = _texts(maps.attrs["channels"]), _texts(maps.attrs["channel_units"])
        lacking = [name for name in CHANNELS if name not in known]
        if lacking:
            raise InputError(
                f"{sample['map_file']}: its maps have no channel {lacking[0]}, and the figure shows"
                f" {', '.join(CHANNELS)}; they have {', '.join(known)}."
            )
        places = [known.index(name) for name in CHANNELS]
        side = float(file.attrs["side_pc"])
        sized = bool(np.isfinite(side))
        return MapRow(
            channels=maps[int(sample["sink_index"]), int(sample["axis_index"])][places],
            names=CHANNELS,
            units=tuple(units[place] for place in places),
            axis=str(sample["axis"]),
            side=side if sized else float(maps.shape[-1]),
            mass=float(sample["mass_msun"]),
            age=float(sample["age_yr"]),
            simulation=str(sample["simulation"]),
            sink_id=int(sample["sink_id"]),
            depth=None if lengths is None else float(lengths[int(sample["axis_index"])]),
            sized=sized,
            oriented="sky" not in _texts(maps.attrs.get("axes", ())),
        )


def read_features(path: str | Path) -> np.ndarray:
    """Return the features of the first fold, float [row, dimension]."""
    with open_hdf5(path) as file:
        return np.asarray(file["features"][0], dtype=float)


@dataclass(frozen=True)
class Segmentation:
    """Example maps with the colours, segments and attention of their patch tokens.

    Attributes
    ----------
    rows : of the study [example]
    colours : float [example, row, column, 3] in 0..1
    explained : share of the tokens' variance [component]
    segments : segment of each token, from 1 [example, row, column]
    segment_count : how many there are
    attention : share of the class token's attention [example, head, row, column], the mean over
        heads last; None where there is none
    attended : which tokens hold ``attention_mass`` of it, the fewest that do [example, head, row,
        column]
    side : of the square about the protostar that the tokens cover [pc]; NaN where it is not known
    shown : examples as the encoder sees them, 0 to 1 [example, channel, row, column]; None of maps
        of gas
    """

    rows: np.ndarray
    colours: np.ndarray
    explained: np.ndarray
    segments: np.ndarray
    segment_count: int
    attention: np.ndarray | None
    attended: np.ndarray | None
    attention_mass: float
    side: float
    shown: np.ndarray | None = None


def read_segmentation(path: str | Path) -> Segmentation:
    """Read what :func:`starmass.evaluation.segmentation.write_segmentation` wrote."""
    with open_hdf5(path) as file:
        seen = "attention" in file
        return Segmentation(
            rows=np.asarray(file["row"]),
            colours=np.clip(np.asarray(file["colours"], dtype=float), 0, 1),
            explained=np.asarray(file["explained"], dtype=float),
            segments=np.asarray(file["segments"]),
            segment_count=int(file.attrs["segment_count"]),
            attention=np.asarray(file["attention"], dtype=float) if seen else None,
            attended=np.asarray(file["attended"], dtype=bool) if seen else None,
            attention_mass=float(file.attrs["attention_mass"]) if seen else float("nan"),
            side=float(file.attrs["side_pc"]),
            shown=np.asarray(file["shown"], dtype=float) if "shown" in file else None,
        )


def read_examples(
    segmentation: str | Path, samples: str | Path, target: Mapping[str, Any] | None = None
) -> tuple[Segmentation, list[MapRow]]:
    """Read a segmentation and the maps of its examples.

    Parameters
    ----------
    target : what the study predicts, as the config has it; None for the mass
    """
    found = read_segmentation(segmentation)
    table = read_samples(samples).set_index("row")
    if unknown := [int(row) for row in found.rows if row not in table.index]:
        raise InputError(
            f"{segmentation}: row {unknown[0]} is not in {samples}; delete the file and run"
            " Snakemake again to remake it."
        )
    if found.shown is None:
        rows = [read_map_row(table.loc[int(row)]) for row in found.rows]
        # Where a set does not know its side, it is in pixels, and the tokens cover all of them.
        found = found if np.isfinite(found.side) else replace(found, side=rows[0].side)
    else:
        found, rows = _pictures(found, found.shown, table.loc[list(found.rows)])
    labels = [label_of(table.loc[int(row)], target) if target else "" for row in found.rows]
    return found, [replace(row, label=label) for row, label in zip(rows, labels, strict=True)]


def label_of(sample: Any, target: Mapping[str, Any]) -> str:
    """Return what a study predicts of a row of samples.csv, in words."""
    value = sample[target["column"]]
    if target["kind"] == "classes":
        return str(value)
    unit = target.get("unit", "")
    return f"{float(value):.3g}{f' {unit}' if unit else ''}"


def _pictures(
    found: Segmentation, shown: np.ndarray, samples: pd.DataFrame
) -> tuple[Segmentation, list[MapRow]]:
    """Return a segmentation whose side is that of its pictures, and these."""
    sized = bool(np.isfinite(found.side))
    side = found.side if sized else float(shown.shape[-1])
    rows = [
        MapRow(
            channels=picture,
            names=("image",),
            units=("",),
            axis=str(sample["axis"]),
            side=side,
            mass=float(sample["mass_msun"]),
            age=float(sample["age_yr"]),
            simulation=str(sample["simulation"]),
            sink_id=int(sample["sink_id"]),
            sized=sized,
            oriented=False,
            picture=True,
        )
        for picture, (_, sample) in zip(shown, samples.iterrows(), strict=True)
    ]
    return replace(found, side=side), rows


def read_predictions(path: str | Path) -> pd.DataFrame:
    """Read predicted and true log10 mass [Msun] of test rows."""
    return read_table(path, ("row", "fold", "log10_mass", "predicted_log10_mass"))


def toy_clouds(simulations: Mapping[str, str]) -> list[str]:
    """Return which simulations (name -> ``format`` of the config) are analytic."""
    return [name for name, kind in simulations.items() if kind == "toycloud"]


def describe_data(simulations: Mapping[str, str]) -> str:
    """Name the simulations, and say of analytic ones what they are."""
    toys = toy_clouds(simulations)
    real = [name for name in simulations if name not in toys]
    return "; ".join(
        part for part in (", ".join(real), f"{', '.join(toys)} ({TOY})" if toys else "") if part
    )


def footer(simulations: Mapping[str, str]) -> str:
    """Return the line under a figure that shows analytic clouds.

    It is empty where all data are a solver's.
    """
    toys = toy_clouds(simulations)
    return f"{', '.join(toys)}: {TOY}." if toys else ""


def _texts(values: Any) -> list[str]:
    """HDF5 gives text attributes as str or bytes, depending on who wrote them."""
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]

"""What the page of an observed object reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.storage import open_hdf5
from starmass.tables import read_table


@dataclass(frozen=True)
class SkyMap:
    """Maps about a star, as an observer sees them: east is left, north is up.

    Attributes
    ----------
    values : [channel, row, column], NaN where a pixel is missing
    units : of each channel
    title : what it is of
    """

    values: np.ndarray
    units: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class ObjectResults:
    """An object, its nearest neighbours and all tables.

    Attributes
    ----------
    channels : that the object has
    without_noise : channels whose noise is not known
    facts : attributes of the object's map file, ``notes`` as a list
    depth_pc : depth of the simulations' maps along the line of sight [pc]
    accretion_pc : the largest radius within which their stars accrete [pc]; 0 where unknown
    own, others : maps of the object, and of the neighbours by rank
    """

    channels: tuple[str, ...]
    without_noise: tuple[str, ...]
    facts: Mapping[str, Any]
    depth_pc: float
    accretion_pc: float
    own: SkyMap
    others: tuple[SkyMap, ...]
    prediction: pd.DataFrame
    novelty: pd.DataFrame
    neighbours: pd.DataFrame
    coverage: pd.DataFrame

    @property
    def side_pc(self) -> float:
        """Side of the field [pc]."""
        return float(self.facts["side_pc"])

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.facts["object"])

    @property
    def verdict(self) -> str:
        """Inside, outside, cannot tell or refused."""
        return str(self.prediction["verdict"].iloc[0])


def read_results(
    maps: str | Path,
    prediction: str | Path,
    novelty: str | Path,
    neighbours: str | Path,
    coverage: str | Path,
) -> ObjectResults:
    """Read the files of an object and the maps of its nearest neighbours."""
    with open_hdf5(maps) as file:
        given = file["maps"]
        channels = tuple(str(one) for one in given.attrs["channels"])
        units = tuple(str(one) for one in given.attrs["channel_units"])
        missing = file["missing_channels"][0, 0]
        own = np.where(missing, np.nan, given[0, 0])
        noise = file["noise"][:].any(axis=(1, 2))
        facts = {**file.attrs, "notes": json.loads(file.attrs["notes"])}
    nearest = read_table(neighbours, ("rank", "map_file", "sink_index", "axis_index", "mass_msun"))
    others, depth, accretion = [], float(facts["side_pc"]), 0.0
    for row in nearest.to_dict("records"):
        with open_hdf5(row["map_file"]) as file:
            seen = file["maps"][int(row["sink_index"]), int(row["axis_index"])]
            values = np.where(missing, np.nan, seen)
            depth = float(np.min(file.attrs.get("depth_pc", file.attrs["side_pc"])))
            accretion = np.fmax(accretion, float(file.attrs.get("accretion_radius_pc", 0.0)))
        title = f"sink {row['sink_id']} of {row['simulation']}, along {row['axis']}"
        others.append(SkyMap(_seen(values), units, title))
    return ObjectResults(
        channels=channels,
        without_noise=tuple(name for name, known in zip(channels, noise, strict=True) if not known),
        facts=facts,
        depth_pc=depth,
        accretion_pc=float(accretion),
        own=SkyMap(_seen(own), units, str(facts["object"])),
        others=tuple(others),
        prediction=read_table(prediction, ("method", "verdict", "p", "mass_msun")),
        novelty=read_table(novelty, ("test", "quantity", "measured", "p")),
        neighbours=nearest,
        coverage=read_table(coverage, ("method", "held_out_by", "coverage_stars")),
    )


def _seen(values: np.ndarray) -> np.ndarray:
    """Turn maps whose columns run eastward, so that east is left."""
    return values[..., ::-1]

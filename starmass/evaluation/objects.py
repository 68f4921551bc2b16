"""An observed object beside the maps of the simulations that it is compared with.

Its rows come after those of ``samples.csv``: the object itself, then the object cut out at other
distances. None of them has a label, and none is ever a training row.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.samples import Maps, protostars
from starmass.evaluation.splits import deal_groups
from starmass.storage import open_hdf5

FOLDS = 5
"""Parts that stars, or simulations, are held out in; each star is held out once by each way."""
CENTRE_MISSING = 2 / 3
"""Share of the central pixels whose absence refuses an object.

Beyond it the novelty test misses 3 in 10 maps with three times the column density
(docs/objects.md).
"""


@dataclass(frozen=True)
class ObjectMaps:
    """An object's maps and what is known of them.

    Attributes
    ----------
    name : of the object
    maps : the object first, then at each of the distances
    distances : [draw] of the rows after the first [pc]
    facts : attributes of the map file; ``notes`` is a list
    """

    name: str
    maps: Maps
    distances: np.ndarray
    facts: Mapping[str, Any]

    @property
    def has_velocity(self) -> bool:
        """Whether v_los is relative to the star."""
        return bool(np.isfinite(self.facts["velocity_kms"]))

    @property
    def refusal(self) -> str:
        """Why no mass is given, or an empty string."""
        share = float(self.facts["missing_centre"])
        if self.facts["star_missing"]:
            return f"the star's own pixels are missing, and {share:.0%} of the map's centre"
        if share > CENTRE_MISSING:
            return f"{share:.0%} of the map's centre is missing"
        return ""


def read_object_maps(path: str | Path) -> ObjectMaps:
    """Read the map file of an object."""
    with open_hdf5(path) as file:
        given = file["maps"]
        values = np.concatenate([given[0], file["maps_at_distance"][:]]).astype(np.float32)
        names = tuple(str(one) for one in given.attrs["channels"])
        signs, turns = given.attrs["channel_from_behind"], given.attrs["channel_turns"]
        views = {
            name: (int(sign), bool(turn))
            for name, sign, turn in zip(names, signs, turns, strict=True)
        }
        facts = {**file.attrs, "notes": json.loads(file.attrs["notes"])}
        pixel = float(file.attrs["side_pc"]) / values.shape[-1]
        maps = Maps(values, names, np.zeros(len(values)), pixel, views)
        return ObjectMaps(str(file.attrs["object"]), maps, file["distances"][:], facts)


def append(training: Maps, own: Maps) -> Maps:
    """Return the maps of simulations, with an object's behind them.

    Raises
    ------
    InputError
        when they differ in channels or pixels
    """
    if training.channels != own.channels or training.values.shape[2:] != own.values.shape[2:]:
        raise InputError(
            f"the simulations' maps have {', '.join(training.channels)} of"
            f" {training.values.shape[-1]} pixels, and the object's {', '.join(own.channels)} of"
            f" {own.values.shape[-1]}; make both anew."
        )
    velocity = np.concatenate([training.star_velocity, own.star_velocity])
    values = np.concatenate([training.values, own.values])
    return Maps(values, training.channels, velocity, training.pixel_pc, training.views)


@dataclass(frozen=True)
class ObjectSplit:
    """Which rows train and which are held out.

    Attributes
    ----------
    table : row, fold, part, as of :mod:`starmass.evaluation.splits`
    held_out_by : fold -> ``protostar`` or ``simulation``; the last fold, whose training rows are
        all samples and whose test rows are the object's, has none
    """

    table: pd.DataFrame
    held_out_by: Mapping[int, str]

    @property
    def final(self) -> int:
        """The fold in which the object's mass is predicted."""
        return int(self.table["fold"].max())


def split_for_object(samples: pd.DataFrame, own: int) -> ObjectSplit:
    """Return how methods are calibrated and applied to an object.

    Stars are held out in five parts. Where there are two or more simulations, these are held out
    too, for the sky is another simulation.

    Parameters
    ----------
    samples : the simulations' maps
    own : rows of the object, behind those of samples

    Raises
    ------
    InputError
        when there is one star alone
    """
    ways = {"protostar": protostars(samples)}
    simulations = samples.groupby("simulation", sort=True).ngroup().to_numpy()
    if simulations.max() > 0:
        ways["simulation"] = simulations
    if ways["protostar"].max() < 1:
        raise InputError(
            "the study has maps of one star alone, and an interval needs others; lower its"
            " minimum_mass, or give it more simulations."
        )
    rows = np.arange(len(samples) + own)
    real = rows < len(samples)
    parts: list[np.ndarray] = []
    names: dict[int, str] = {}
    for way, groups in ways.items():
        number = min(FOLDS, groups.max() + 1)
        order = np.random.default_rng(0).permutation(groups.max() + 1)
        dealt = deal_groups(groups, number, order)
        for fold in range(number):
            held = np.zeros(len(rows), bool)
            held[: len(samples)] = dealt == fold
            part = np.where(real, np.where(held, "test", "train"), "object")
            names[len(parts)] = way
            parts.append(part)
    parts.append(np.where(real, "train", "test"))
    tables = [
        pd.DataFrame({"row": rows, "fold": fold, "part": part}) for fold, part in enumerate(parts)
    ]
    return ObjectSplit(pd.concat(tables, ignore_index=True), names)

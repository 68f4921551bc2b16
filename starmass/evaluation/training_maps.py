"""The training maps of a split, scaled for an encoder, without any test row.

A pretraining may use them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.preprocessing import Preprocessing, scale
from starmass.evaluation.samples import Maps, protostars
from starmass.evaluation.splits import parts_of
from starmass.evaluation.targets import MASS, Target
from starmass.storage import create_hdf5, write_dataset


def gather_training_maps(
    samples: pd.DataFrame,
    maps: Maps,
    split: pd.DataFrame,
    preprocessing: Preprocessing,
    target: Target = MASS,
) -> dict[str, np.ndarray]:
    """Return the maps of the split's training rows with what belongs to each.

    Returns
    -------
    ``images`` float32 [map, channel, row, column] with the training rows' limits at 0 and 1;
    ``log10_mass``, or ``label`` for another target (a number, or the place of the class), and
    ``protostar`` [map]

    Raises
    ------
    InputError
        the split has several folds: then every row is a test row of one of them
    """
    folds = list(parts_of(split))
    if len(folds) > 1:
        raise InputError(
            f"the split has {len(folds)} folds, so every map is a test map of one; for a"
            " pretraining name a split with test_fraction."
        )
    _, train, _ = folds[0]
    shown = preprocessing.transform(maps)
    limits = preprocessing.find_limits(shown, train)
    limits = limits[train] if len(limits) == len(shown) else limits
    return {
        "images": scale(shown[train], limits),
        "log10_mass" if target.is_mass else "label": target.values(samples)[train],
        "protostar": protostars(samples)[train],
    }


def write_training_maps(
    path: str | Path, gathered: dict[str, np.ndarray], *, provenance: str, target: Target = MASS
) -> None:
    """Write them as HDF5, whole or not at all; a ``label`` says whether it is of ``classes``."""
    about = {
        "images": ("", "map, channel, row, column; 0 and 1 are the training rows' limits"),
        "log10_mass": ("log10(Msun)", "mass of the protostar at the time of the map"),
        "label": ("" if target.transform == "log10" else target.unit, _words_for(target)),
        "protostar": ("", "number that maps of one protostar share"),
    }
    with create_hdf5(path) as file:
        for name, (unit, description) in about.items():
            if name not in gathered:
                continue
            chunks = (1, *gathered[name].shape[1:]) if name == "images" else None
            write_dataset(
                file, name, gathered[name], unit=unit, description=description, chunks=chunks
            )
        if "label" in gathered:
            file["label"].attrs["kind"] = target.kind
        file.attrs["provenance"] = provenance


def _words_for(target: Target) -> str:
    if target.kind == "classes":
        return f"{target.name}: place among {', '.join(target.classes)}, from 0"
    return f"log10 of {target.name} [{target.unit}]" if target.transform == "log10" else target.name

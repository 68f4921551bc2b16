"""The training maps of a split, scaled for an encoder, without any test row.

A pretraining may use them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.preprocessing import Preprocessing, scale
from starmass.evaluation.samples import Maps, log_mass, protostars
from starmass.evaluation.splits import parts_of
from starmass.storage import create_hdf5, write_dataset


def gather_training_maps(
    samples: pd.DataFrame, maps: Maps, split: pd.DataFrame, preprocessing: Preprocessing
) -> dict[str, np.ndarray]:
    """Return the maps of the split's training rows with what belongs to each.

    Returns
    -------
    ``images`` float32 [map, channel, row, column] with the training rows' limits at 0 and 1;
    ``log10_mass`` and ``protostar`` [map]

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
        "log10_mass": log_mass(samples)[train],
        "protostar": protostars(samples)[train],
    }


def write_training_maps(
    path: str | Path, gathered: dict[str, np.ndarray], *, provenance: str
) -> None:
    """Write them as HDF5, whole or not at all."""
    about = {
        "images": ("", "map, channel, row, column; 0 and 1 are the training rows' limits"),
        "log10_mass": ("log10(Msun)", "mass of the protostar at the time of the map"),
        "protostar": ("", "number that maps of one protostar share"),
    }
    with create_hdf5(path) as file:
        for name, (unit, description) in about.items():
            chunks = (1, *gathered[name].shape[1:]) if name == "images" else None
            write_dataset(
                file, name, gathered[name], unit=unit, description=description, chunks=chunks
            )
        file.attrs["provenance"] = provenance

"""Maps to features, fold by fold, so that nothing of a test row shapes how another row is shown."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from starmass.evaluation.inputs import Input, scale
from starmass.evaluation.samples import Maps
from starmass.evaluation.splits import parts_of
from starmass.storage import open_hdf5, write_dataset, written_aside


def extract_features(maps: Maps, split: pd.DataFrame, shown_as: Input, describe: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return features of every row in every fold: float32 [fold, row, dimension].

    Parameters
    ----------
    maps : the study's maps
    split : whose training rows the channels' scaling is fitted on, fold by fold
    shown_as : how a map is shown
    describe : takes maps scaled to 0..1 [row, channel, height, width] and returns features [row, dimension]
    """
    shown = shown_as.transform(maps)
    done: dict[bytes, np.ndarray] = {}
    folds = []
    for _, train, _ in parts_of(split):
        limits = shown_as.find_limits(shown, train)
        key = limits.tobytes()
        if key not in done:  # fixed and per-map limits are the same in every fold
            done[key] = describe(scale(shown, limits))
        folds.append(done[key])
    return np.stack(folds).astype(np.float32)


def write_features(path: str | Path, features: np.ndarray, *, provenance: str) -> None:
    """Write features [fold, row, dimension] as HDF5, whole or not at all."""
    with written_aside(path) as temporary, h5py.File(temporary, "w") as file:
        write_dataset(file, "features", features, unit="", description="fold, row of samples.csv, dimension")
        file.attrs["provenance"] = provenance


def read_features(path: str | Path, fold: int) -> np.ndarray:
    """Return the features of all rows [row, dimension] as they are shown in a fold."""
    with open_hdf5(path) as file:
        return file["features"][fold]

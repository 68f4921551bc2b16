"""Maps of protostars in a pretraining: as images to learn from, or as a labelled test.

The test shows during a run whether the features predict stellar mass.

Both come from one file (``images`` float [map, channel, row, column] in 0..1, ``log10_mass``,
``protostar``) that holds the training maps of a split and no others.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.nn.functional import interpolate

from starmass.description import EncoderDescription
from starmass.errors import InputError
from starmass.pretraining.method import Method
from starmass.storage import open_hdf5, read_hdf5

NEIGHBOURS = 5
FOLDS = 5
MOST_MAPS = 1000  # evenly taken from the file; a probe should cost seconds
AT_A_TIME = 64


class MapImages:
    """Maps as images to learn from, without labels.

    ``len()`` and ``[index] -> uint8 (H, W, C)``.

    Parameters
    ----------
    path : HDF5 file with ``images`` float [map, channel, row, column] in 0..1
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with _opened(self.path) as file:
            count, channels, rows, columns = file["images"].shape
        self.shape: tuple[int, ...] = (rows, columns, channels)
        self._count = count
        self._file: h5py.File | None = None
        self._process = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        if (
            self._file is None or self._process != os.getpid()
        ):  # an HDF5 handle must not cross a fork
            self._file, self._process = read_hdf5(self.path), os.getpid()
        image = self._file["images"][index].transpose(1, 2, 0)
        return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


class Probe:
    """How well nearest neighbours of frozen features predict mass.

    It is measured by cross-validation over protostars.

    Parameters
    ----------
    path : HDF5 file of labelled maps
    description : the encoder's; maps are shown to it at its own image size
    """

    def __init__(self, path: str | Path, description: EncoderDescription):
        with _opened(path) as file:
            chosen = np.unique(np.linspace(0, len(file["images"]) - 1, MOST_MAPS).astype(int))
            images = torch.from_numpy(file["images"][chosen]).float()
            self.labels, self.groups = file["log10_mass"][()][chosen], file["protostar"][()][chosen]
        if images.shape[1] != description.in_channels:
            raise InputError(
                f"{path}: maps of {images.shape[1]} channels, and the encoder takes"
                f" {description.in_channels};"
                " probe with a study whose input has as many channels as views.mean."
            )
        if len(np.unique(self.groups)) < 2:
            raise InputError(
                f"{path}: holds maps of one protostar only, and a probe separates protostars;"
                " choose another split."
            )
        if not (np.isfinite(self.labels).all() and images.isfinite().all()):
            raise InputError(
                f"{path}: holds masses or pixels that are not finite; delete it and run Snakemake"
                " again to remake it."
            )
        if np.ptp(self.labels) == 0:
            raise InputError(
                f"{path}: all {len(self.labels)} maps are of one mass, so no R2 is"
                f" defined;"
                " choose another split or take the probe away."
            )
        self.images, self.size = images, description.image_size

    def score(self, method: Method) -> float:
        """Return R2 of log10 mass by the 5 nearest neighbours among other protostars.

        Neighbours are found in the method's features of the maps.
        """
        from sklearn.metrics import r2_score
        from sklearn.model_selection import GroupKFold, cross_val_predict
        from sklearn.neighbors import KNeighborsRegressor

        device, size = next(method.parameters()).device, (self.size, self.size)
        shown = (
            interpolate(images.to(device), size=size, mode="bilinear", antialias=True)
            for images in self.images.split(AT_A_TIME)
        )
        features = [method.describe(images).cpu() for images in shown]
        folds = GroupKFold(min(FOLDS, len(np.unique(self.groups))))
        smallest = min(len(train) for train, _ in folds.split(self.labels, groups=self.groups))
        regressor = KNeighborsRegressor(min(NEIGHBOURS, smallest), weights="distance")
        predicted = cross_val_predict(
            regressor, torch.cat(features).numpy(), self.labels, groups=self.groups, cv=folds
        )
        return float(r2_score(self.labels, predicted))


@contextmanager
def _opened(path: str | Path) -> Iterator[h5py.File]:
    with open_hdf5(path) as file:
        if any(name not in file for name in ("images", "log10_mass", "protostar")):
            raise InputError(
                f"{path}: holds no training maps (images, log10_mass, protostar), which the rule"
                " gather_training_maps writes."
            )
        yield file

"""A labelled test during a pretraining: whether the features predict stellar mass.

Its maps are in a file as of :mod:`starmass.pretraining.map_images`.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate

from starmass.description import EncoderDescription
from starmass.errors import InputError
from starmass.pretraining.map_images import training_maps_opened
from starmass.pretraining.method import Method

NEIGHBOURS = 5
FOLDS = 5
MOST_MAPS = 1000  # evenly taken from the file; a probe should cost seconds
AT_A_TIME = 64


class Probe:
    """How well nearest neighbours of frozen features predict mass.

    It is measured by cross-validation over protostars.

    Parameters
    ----------
    path : HDF5 file of labelled maps
    description : the encoder's; maps are shown to it at its own image size
    """

    def __init__(self, path: str | Path, description: EncoderDescription):
        with training_maps_opened(path) as file:
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
